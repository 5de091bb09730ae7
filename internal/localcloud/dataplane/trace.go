package dataplane

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
)

// parent is a W3C trace context (trace/docs/trace-context).
var parent = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceOf continues the trace that a request belongs to, or begins one. The
// span is always new.
func traceOf(header http.Header) (trace, span string) {
	var fresh [24]byte
	rand.Read(fresh[:])
	trace, span = hex.EncodeToString(fresh[:16]), hex.EncodeToString(fresh[16:])
	if m := parent.FindStringSubmatch(header.Get("Traceparent")); m != nil {
		trace = m[1]
	}
	return trace, span
}
