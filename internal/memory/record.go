package memory

import (
	"strings"
	"time"
)

// Header is the common part of all records.
type Header struct {
	// Sequence counts the writes of this record, from 1 on; 0 = it was never written.
	// A record below a known sequence was rolled back.
	Sequence  int64     `json:"sequence"`
	WrittenAt time.Time `json:"writtenAt"`
	// Truncated means that entries were dropped for size.
	Truncated bool `json:"truncated,omitempty"`
}

// The largest encoded records, in bytes.
const (
	maxRecord     = 16 << 10
	maxDeployment = 64 << 10
	maxPlan       = 200 << 10
	// maxText bounds a text from outside within an entry, such as a user agent.
	maxText = 256
)

// clip cuts a text from outside to the length that an entry may have.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "")
}
