package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// key is the dedupe key. It is the same for one entry through every envelope.
//
// It consists of logName, insertId and time. Eventarc's own ce-id has the same
// parts, and overlapping sinks deliver an entry twice with the same parts. The
// pieces of a split entry share the uid of the split instead of an insertId, so
// that one call is one cause. An entry that lacks a part gets a hash of all that
// identifies it.
func (e *entry) key(at time.Time) string {
	id := firstOf(e.Split.UID.s, e.InsertID.s)
	if at.IsZero() || !keyPart(e.LogName.s) || !keyPart(id) {
		first, last := "", ""
		if e.Operation.First {
			first = "first"
		}
		if e.Operation.Last {
			last = "last"
		}
		p, labels, request := &e.ProtoPayload, &e.Resource.Labels, &e.HTTPRequest
		return hashKey("entry", e.LogName.s, id, stamp(at),
			p.ServiceName.s, p.MethodName.s, p.ResourceName.s, p.by(),
			labels.ProjectID.s, labels.Location.s, labels.ServiceName.s, labels.BackendServiceID.s,
			p.Status.Code.s, p.Status.Message.s, first, last,
			request.RequestURL.s, request.Status.s, request.RemoteIP.s)
	}
	return e.LogName.s + "/" + id + "@" + stamp(at)
}

// stamp is a time in the form that keys have.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// keyPart reports whether a text can be part of a key unchanged: keys become
// hashes, log fields and message attributes.
func keyPart(s string) bool {
	if s == "" || len(s) > maxIdentifier {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// hashKey is a key of parts that cannot be used as they are.
func hashKey(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts)) // quoted, so that no part runs into the next
	return "sha256:" + hex.EncodeToString(sum[:])
}
