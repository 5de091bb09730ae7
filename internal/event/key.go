package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// key is the dedupe key: the same for one entry through every envelope.
//
// It is logName, insertId and time, which is what Eventarc's own ce-id is made
// of, and what stays the same when overlapping sinks deliver an entry twice.
// The pieces of a split entry share their uid instead, so that one call is one
// cause. An entry that lacks one of these gets a hash of what identifies it.
func (e *entry) key(at time.Time) string {
	id := firstOf(e.splitUID.s, e.insertID.s)
	if at.IsZero() || !keyPart(e.logName.s) || !keyPart(id) {
		first, last := "", ""
		if e.first {
			first = "first"
		}
		if e.last {
			last = "last"
		}
		p := &e.payload
		return hashKey("entry", e.logName.s, id, stamp(at), p.service.s, p.method.s, p.resource.s, p.by(),
			e.resource.project.s, e.resource.location.s, e.resource.service.s, e.resource.backendID.s,
			p.statusCode.s, p.statusMessage.s, first, last, e.http.url.s, e.http.status.s, e.http.remoteIP.s)
	}
	return e.logName.s + "/" + id + "@" + stamp(at)
}

// stamp is a time in the one form that keys hold.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// keyPart reports whether a part can stand in a key as it is: keys become
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

// hashKey is a key made of parts that are too strange, or too few, to be one.
func hashKey(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts)) // quoted, so that no part runs into the next
	return "sha256:" + hex.EncodeToString(sum[:])
}
