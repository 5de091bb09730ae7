package report

import (
	"slices"
	"time"
)

// Codes are the findings' codes, each once, in their order.
func (r Report) Codes() []string {
	var codes []string
	for _, finding := range r.Findings {
		if code := string(finding.Code); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// ExposedMinutes is for how many whole minutes a door was open, until it was
// seen closed or until now; false where none was.
func (r Report) ExposedMinutes() (minutes int64, known bool) {
	until := r.ObservedAt
	if r.ExposedUntil != nil {
		until = *r.ExposedUntil
	}
	return minutesSince(r.ExposedSince, until)
}

// WaitingMinutes is for how many whole minutes that has been missing for which
// the service waits; false where it waits for nothing, or nobody knows since when.
func (r Report) WaitingMinutes() (minutes int64, known bool) {
	if r.WaitingFor == nil {
		return 0, false
	}
	return minutesSince(r.WaitingFor.Since, r.ObservedAt)
}

func minutesSince(since *time.Time, until time.Time) (minutes int64, known bool) {
	if since == nil {
		return 0, false
	}
	return max(0, int64(until.Sub(*since)/time.Minute)), true
}
