package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy/stuck"
)

func TestWhenStuckIsReadStrictly(t *testing.T) {
	for _, tc := range []struct {
		text string
		want stuck.Rule
	}{
		{"{after: 72h, do: report}", stuck.Rule{After: 72 * time.Hour, Do: stuck.Report}},
		{"{after: 30m, do: close}", stuck.Rule{After: 30 * time.Minute, Do: stuck.Close}},
		{`{after: 72h, do: close, window: {days: [tue, mon, mon], from: "02:00", to: "06:30"}}`, stuck.Rule{
			After: 72 * time.Hour, Do: stuck.Close, Window: stuck.Window{Days: []time.Weekday{time.Monday, time.Tuesday},
				From: 2 * time.Hour, To: 6*time.Hour + 30*time.Minute}}},
		{`{after: 72h, do: close, window: {from: "22:00", to: "02:00"}}`, stuck.Rule{
			After: 72 * time.Hour, Do: stuck.Close, Window: stuck.Window{From: 22 * time.Hour, To: 2 * time.Hour}}},
	} {
		got := parsed(t, "  - {name: a, whenStuck: "+tc.text+"}\n").Rules()[0].WhenStuck
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.text, diff)
		}
	}
}
