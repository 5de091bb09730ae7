package protection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestTheAPIIsMissedWhereIAPIsToBe(t *testing.T) {
	off := func(p *posture.Posture, _ *policy.Wanted) {
		p.APIsOff = []string{"compute.googleapis.com", plan.IAPAPI}
	}
	check(t, api, []row{
		{"IAP's API is off", off, []Code{APIDisabled}},
		{"only Compute Engine's is off",
			func(p *posture.Posture, _ *policy.Wanted) { p.APIsOff = []string{"compute.googleapis.com"} }, nil},
		{"no frontend leads to the backend service", func(p *posture.Posture, w *policy.Wanted) {
			off(p, w)
			p.Backends[0].Frontends = nil
		}, nil},
		{"and the rule wants IAP at the service", func(p *posture.Posture, w *policy.Wanted) {
			off(p, w)
			p.Backends, w.Recipe = nil, policy.RecipeDirect
		}, []Code{APIDisabled}},
	})
}

func TestTurningTheAPIOnIsTheOnlyStepOfItsPlan(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"the rule says nothing", func(*posture.Posture, *policy.Wanted) {}, []plan.Op{"restrict-ingress"}},
		{"the rule allows it", func(_ *posture.Posture, w *policy.Wanted) { w.EnableAPI = true }, []plan.Op{"enable-api"}},
		{"nobody is known to have access", func(_ *posture.Posture, w *policy.Wanted) {
			w.EnableAPI, w.Access = true, nil
		}, []plan.Op{"enable-api"}},
		{"IAP cannot go on for another reason too", func(p *posture.Posture, w *policy.Wanted) {
			w.EnableAPI, p.Backends[0].CDNOn = true, true
		}, []plan.Op{"enable-api"}},
		{"only Compute Engine's is off", func(p *posture.Posture, w *policy.Wanted) {
			w.EnableAPI, p.APIsOff, p.Backends = true, []string{"compute.googleapis.com"}, nil
		}, []plan.Op{"provision-agent", "grant-invoker"}},
	} {
		p, w := deployed(), want()
		p.APIsOff = []string{plan.IAPAPI}
		tc.change(&p, &w)
		var got []plan.Op
		for _, step := range made(p, w).Steps {
			got = append(got, step.Op())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestTheAPIIsNotTurnedOnAgainBeforeItCanAnswer(t *testing.T) {
	for wrote, want := range map[time.Duration]time.Duration{0: 0, time.Minute: time.Minute, 3 * time.Minute: 0} {
		p, w := deployed(), wantAPI()
		p.APIsOff = []string{plan.IAPAPI}
		if wrote > 0 {
			w.WroteAt = now.Add(-wrote)
		}
		steps := made(p, w).Steps
		if len(steps) != 1 {
			t.Fatalf("steps %v, want one", ops(steps))
		}
		got := time.Duration(0)
		if !steps[0].NotBefore.IsZero() {
			got = steps[0].NotBefore.Sub(now)
		}
		if got != want {
			t.Errorf("%s after it was turned on: due in %s, want %s", wrote, got, want)
		}
	}
}

// wantAPI are settings that turn the API on, with a wait for propagation of two minutes.
func wantAPI() policy.Wanted {
	w := want()
	w.EnableAPI, w.Propagation = true, 2*time.Minute
	return w
}
