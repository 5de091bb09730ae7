package decide

import (
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
)

func TestSweepNamesTheChangeThatNoEventReported(t *testing.T) {
	const ours, theirs = true, false
	anonymous := iap(5, theirs, "false")
	anonymous.Principal = ""
	for _, tc := range []struct {
		name   string
		due    []plan.Step
		writes []event.Write
		want   int // minute; 0 = none
	}{
		{"nothing is known of the last 24 hours", []plan.Step{enable}, nil, 0},
		{"somebody turned it off", []plan.Step{enable}, []event.Write{iap(1, theirs, "false")}, 1},
		{"the last one counts", []plan.Step{enable},
			[]event.Write{iap(1, theirs, "false"), iap(2, ours, "true"), iap(3, theirs, "false")}, 3},
		{"it may have been that", []plan.Step{enable}, []event.Write{iap(4, theirs, "?")}, 4},
		{"it was left alone", []plan.Step{enable}, []event.Write{iap(4, theirs, "-")}, 0},
		{"it was turned on", []plan.Step{enable}, []event.Write{iap(4, theirs, "true")}, 0},
		{"it was us", []plan.Step{enable}, []event.Write{iap(4, ours, "false")}, 0},
		{"nobody knows who", []plan.Step{enable}, []event.Write{iap(1, theirs, "false"), anonymous}, 1},
		{"another gap than the first", []plan.Step{enable, narrow}, []event.Write{service(6, theirs, "ingress", "all")}, 6},
		{"nothing that is missing", []plan.Step{enable}, []event.Write{service(6, theirs, "ingress", "all")}, 0},
	} {
		got := 0
		if write := (&decider{facts: Facts{Posture: fought(), Self: ourselves(us)}}).lastChange(tc.due,
			tc.writes); write != nil {
			got = int(write.At.Sub(at(0)).Minutes())
		}
		if got != tc.want {
			t.Errorf("%s: minute %d, want %d", tc.name, got, tc.want)
		}
	}
}
