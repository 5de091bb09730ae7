package memory_test

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
)

func TestBrokenGlassIsNotedOnceAndEndsForGood(t *testing.T) {
	var s memory.Service
	glass := memory.BreakGlass{Field: "ingress", By: "alice", At: began, Until: began.Add(4 * time.Hour)}
	other, old := glass, glass
	other.Field, old.At = "iap", began.Add(-25*time.Hour)
	for _, tc := range []struct {
		name string
		see  func() bool
		want bool
		left int
	}{
		{"a day ago", func() bool { return s.SeeBreakGlass(old, old.At) }, true, 1},
		{"now", func() bool { return s.SeeBreakGlass(glass, began) }, true, 1},
		{"once more", func() bool { return s.SeeBreakGlass(glass, began) }, false, 1},
		{"another field", func() bool { return s.SeeBreakGlass(other, began) }, true, 2},
		{"a person ends it", func() bool { return s.EndBreakGlass(began.Add(time.Hour)) }, true, 2},
		{"and again", func() bool { return s.EndBreakGlass(began.Add(time.Hour)) }, false, 2},
		{"the same write is seen", func() bool { return s.SeeBreakGlass(glass, began.Add(time.Hour)) }, false, 2},
	} {
		if got := tc.see(); got != tc.want || len(s.BreakGlass) != tc.left {
			t.Errorf("%s: changed %t, %+v", tc.name, got, s.BreakGlass)
		}
	}
	for _, each := range s.BreakGlass {
		if !each.Until.Equal(began.Add(time.Hour)) {
			t.Errorf("%s lasts until %s", each.Field, each.Until)
		}
	}
}
