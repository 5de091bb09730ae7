package policy

import (
	"testing"
	"time"
)

func TestDurationsArePrintedInWords(t *testing.T) {
	for _, tc := range []struct {
		length time.Duration
		want   string
	}{
		{0, "0 seconds"},
		{time.Second, "1 second"},
		{1500 * time.Millisecond, "1.5 seconds"},
		{30 * time.Second, "30 seconds"},
		{time.Minute, "1 minute"},
		{2 * time.Minute, "2 minutes"},
		{90 * time.Second, "1 minute 30 seconds"},
		{time.Hour, "1 hour"},
		{25*time.Hour + time.Minute, "25 hours 1 minute"},
	} {
		if got := InWords(tc.length); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.length, got, tc.want)
		}
	}
}
