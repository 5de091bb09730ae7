package reconcile

import (
	"encoding/json"
	"testing"
	"time"
)

func TestOnlyStepsThatWereTakenAreJoined(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, step string
		joined     bool
	}{
		{"done a minute ago", `{"op":"enable-iap","result":"done","at":"2026-11-28T11:59:00Z"}`, true},
		{"done now", `{"op":"enable-iap","result":"done","at":"2026-11-28T12:00:00Z"}`, true},
		{"failed", `{"op":"enable-iap","result":"failed","at":"2026-11-28T11:59:00Z"}`, true},
		{"planned", `{"op":"enable-iap","result":"planned"}`, false},
		{"done in a year", `{"op":"enable-iap","result":"done","at":"2027-11-28T12:00:00Z"}`, false},
		{"done at no time", `{"op":"enable-iap","result":"done"}`, false},
		{"not a step", `["enable-iap"]`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := len(stepsTaken([]json.RawMessage{json.RawMessage(tc.step)}, now)) == 1; got != tc.joined {
				t.Errorf("joined: %v, want %v", got, tc.joined)
			}
		})
	}
}
