package policy

import (
	"testing"
	"time"
)

func TestALengthOfTimeIsToldInWords(t *testing.T) {
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

func TestAStepSaysWhichImageANewRevisionGets(t *testing.T) {
	for _, image := range []RedeployImage{ImagePin, ImageGoOn, ImageRefuse} {
		if got := RedeployImageOf(image.NewRevision()); got != image {
			t.Errorf("%s is read as %q", image.NewRevision(), got)
		}
	}
	for _, other := range []string{"", "pin", "a new revision (redeployImage: other)"} {
		if got := RedeployImageOf(other); got != "" {
			t.Errorf("%q is read as %q", other, got)
		}
	}
}
