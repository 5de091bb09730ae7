package event

import (
	"strconv"
	"time"
)

// at is when it happened: the entry's time, or the best substitute it has.
func (e *entry) at() time.Time {
	for _, s := range []string{
		e.Timestamp.s, e.ProtoPayload.Timestamp.s, e.ReceiveTimestamp.s,
		e.ProtoPayload.RequestMetadata.RequestAttributes.Time.s,
	} {
		if t, ok := parseTime(s); ok {
			return t
		}
	}
	return time.Time{}
}

// timeLayouts are RFC 3339 and the forms that collectors make of it: without T,
// without a zone (then UTC), with any number of decimals.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 UTC", // of BigQuery
}

func parseTime(s string) (time.Time, bool) {
	if s == "" || len(s) > 64 {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// unixTime reads seconds since 1970. Without valid seconds it is zero.
func unixTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<36 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
