package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
)

func TestIAPWasSwitchedOnByTheLastWriteThatSaysSo(t *testing.T) {
	elsewhere := iap(5, false, "true")
	elsewhere.BackendService = "other-backend"
	byID := iap(5, false, "true")
	byID.BackendService, byID.Project = "77", "123456789012"
	for _, tc := range []struct {
		name   string
		off    bool
		writes []event.Write
		want   time.Time
	}{
		{"nothing is known", false, nil, time.Time{}},
		{"by us", false, []event.Write{iap(1, true, "true")}, at(1)},
		{"by somebody else, later", false,
			[]event.Write{iap(1, true, "true"), iap(2, false, "false"), iap(3, false, "true")}, at(3)},
		{"of several the last, in any order", false, []event.Write{iap(3, false, "true"), iap(1, true, "true")}, at(3)},
		{"named by number", false, []event.Write{byID}, at(5)},
		{"at another backend service", false, []event.Write{elsewhere}, time.Time{}},
		{"an entry that does not say", false, []event.Write{iap(1, false, "?"), iap(2, false, "-")}, time.Time{}},
		{"it is off", true, []event.Write{iap(1, true, "true")}, time.Time{}},
	} {
		p := fought()
		p.Backends[0].IAPOn = !tc.off
		d := &decider{facts: Facts{Posture: p, History: &History{Writes: tc.writes}},
			plan: plan.Plan{Steps: []plan.Step{revoke}}}
		if got := d.iapEnabledAt(); !got.Equal(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
