package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// HeartbeatLog is the log whose entries only show that the way from Cloud
// Logging to the function is open. Where no sink is, the same word is published
// to the events topic.
const HeartbeatLog = "iapguard-heartbeat"

// HeartbeatWord is the content of both: {"iapguard":"heartbeat"}.
const HeartbeatWord = "heartbeat"

// logged reads an entry of the heartbeat's log. Whoever may write log entries in
// a project can write it there; the log's name says in which, and only the
// resource that has the sink is worth an answer to "is the sink alive?".
func logged(e *entry, seen Cause) Result {
	owner, ok := ownerOfLog(e.LogName.s)
	switch {
	case !e.JSONPayload.Present || e.JSONPayload.IAPGuard.s != HeartbeatWord:
		return ignored(seen, Unrelated, "a line of the log %s that is no heartbeat", HeartbeatLog)
	case !ok:
		return ignored(seen, Unreadable, "%s names no project, folder or organisation", quote(e.LogName.s))
	case seen.At.IsZero():
		return ignored(seen, Unreadable, "a heartbeat without a time")
	}
	seen.Kind, seen.Resource = Heartbeat, owner
	if project, found := strings.CutPrefix(owner, "projects/"); found {
		seen.Project = project
	}
	return counted(seen)
}

// ownerOfLog is the project, folder or organisation that a log's name says it is
// of, and whether that is a valid name.
func ownerOfLog(name string) (string, bool) {
	part := strings.SplitN(name, "/", 3)
	if len(part) != 3 {
		return "", false
	}
	switch part[0] {
	case "projects":
		return part[0] + "/" + part[1], posture.ValidProject(part[1])
	case "folders", "organizations":
		return part[0] + "/" + part[1], posture.ValidProjectNumber(part[1]) // all three count alike
	}
	return "", false
}

// heartbeatMessage is a heartbeat on the events topic.
type heartbeatMessage struct {
	open
	IAPGuard text `json:"iapguard"`
}

// published reads a heartbeat that was published to the events topic. Its time
// is that of the publication, zero where the envelope does not say it.
func (p *parser) published(body raw) Result {
	c := Cause{Kind: Heartbeat, At: p.publishTime, Key: hashKey("heartbeat", p.eventID, stamp(p.publishTime))}
	if keyPart(p.eventID) {
		c.Key = "heartbeat/message/" + p.eventID
	}
	var m heartbeatMessage
	err := decode(body, &m)
	_, more := firstMember(m.Unknown)
	switch {
	case err != nil || m.IAPGuard.twice || more || m.IAPGuard.s != HeartbeatWord:
		return ignored(Cause{}, NotALogEntry, "an object with the member iapguard that is no heartbeat")
	case p.commands:
		return ignored(Cause{}, NotALogEntry, "a heartbeat counts only among events")
	}
	return counted(c)
}
