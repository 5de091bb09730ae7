package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// HeartbeatLog is the log whose entries show that delivery from Cloud Logging to
// the function works. Without a sink the same content is published to the events
// topic.
const HeartbeatLog = "iapguard-heartbeat"

// HeartbeatWord marks both: {"iapguard":"heartbeat","nonce":"…"}.
const HeartbeatWord = "heartbeat"

// loggedHeartbeat reads an entry of the heartbeat log. Every writer of log entries
// in a project can write it, so the function believes only a nonce of its own. The name of
// the log says where it was written; only an entry of the resource with the sink shows that
// the sink works.
func loggedHeartbeat(e *entry, seen Cause) Result {
	owner, ok := ownerOfLog(e.LogName.s)
	switch {
	case !e.JSONPayload.Present || e.JSONPayload.IAPGuard.s != HeartbeatWord:
		return ignored(seen, Unrelated, "a line of the log %s that is not a heartbeat", HeartbeatLog)
	case !ok:
		return ignored(seen, Unreadable, "%s does not name a project, folder or organisation", quote(e.LogName.s))
	case seen.At.IsZero():
		return ignored(seen, Unreadable, "a heartbeat without a time")
	case e.JSONPayload.Nonce.twice || !keyPart(e.JSONPayload.Nonce.s):
		return ignored(seen, Unrelated, "a heartbeat without a nonce: the function wrote none like it")
	}
	seen.Kind, seen.Resource, seen.Nonce = Heartbeat, owner, e.JSONPayload.Nonce.s
	if project, found := strings.CutPrefix(owner, "projects/"); found {
		seen.Project = project
	}
	return caused(seen)
}

// ownerOfLog is the project, folder or organisation in a log's name, and whether
// its name is valid.
func ownerOfLog(name string) (string, bool) {
	part := strings.SplitN(name, "/", 3)
	if len(part) != 3 {
		return "", false
	}
	switch part[0] {
	case "projects":
		return part[0] + "/" + part[1], posture.ValidProject(part[1])
	case "folders", "organizations":
		return part[0] + "/" + part[1], posture.ValidProjectNumber(part[1]) // all three have the same form
	}
	return "", false
}

// heartbeatMessage is a heartbeat on the events topic.
type heartbeatMessage struct {
	open
	IAPGuard text `json:"iapguard"`
	Nonce    text `json:"nonce"`
}

// publishedHeartbeat reads a heartbeat on the events topic. Its time is the time of
// the publication, zero where the envelope does not have it.
func (p *parser) publishedHeartbeat(body raw) Result {
	c := Cause{Kind: Heartbeat, At: p.publishTime, Key: hashKey("heartbeat", p.eventID, stamp(p.publishTime))}
	if keyPart(p.eventID) {
		c.Key = "heartbeat/message/" + p.eventID
	}
	var m heartbeatMessage
	err := decode(body, &m)
	_, more := firstMember(m.Unknown)
	switch {
	case err != nil || m.IAPGuard.twice || m.Nonce.twice || more || m.IAPGuard.s != HeartbeatWord:
		return ignored(Cause{}, notALogEntry, "an object with the member iapguard that is not a heartbeat")
	case p.commands:
		return ignored(Cause{}, notALogEntry, "a heartbeat counts only among events")
	case !keyPart(m.Nonce.s):
		return ignored(Cause{}, Unrelated, "a heartbeat without a nonce: the function wrote none like it")
	}
	c.Nonce = m.Nonce.s
	return caused(c)
}
