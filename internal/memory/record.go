package memory

import "time"

// Header is what every record begins with.
type Header struct {
	// Sequence counts the writes of this record from 1 on; 0 = it was never
	// written. A lower number than a known one is a rollback.
	Sequence  int64     `json:"sequence"`
	WrittenAt time.Time `json:"writtenAt"`
	// Truncated says that entries were dropped for size.
	Truncated bool `json:"truncated,omitempty"`
}

// The largest encoded records, in bytes.
const (
	maxRecord     = 16 << 10
	maxDeployment = 64 << 10
	maxPlan       = 200 << 10
	// maxText bounds a text from outside inside an entry, such as a user agent.
	maxText = 256
)

// clip shortens a text from outside to what an entry may hold.
func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
