package protection

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestOnlyOurAccessorsAreTakenBackWhereIAPIsOff(t *testing.T) {
	const carol, mallory = "user:carol@example.com", "user:mallory@example.com"
	neighbour := posture.Member{Target: posture.Target{Project: "demo-project", Location: "us-central1", Service: "cart"}}
	direct := posturetest.Protected().Target.AccessResource(number)
	spring := posture.Condition{Title: "spring", Expression: "e"}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []string // members of the step
		stay   bool     // a remark names them
	}{
		{"ours", func(*posture.Posture, *policy.Wanted) {}, []string{alice}, false},
		{"behind IAP, ours", func(_ *posture.Posture, w *policy.Wanted) { w.Private = policy.PrivateBehindIAP },
			[]string{alice}, false},
		{"of somebody else", func(_ *posture.Posture, w *policy.Wanted) { w.OwnAccess = nil }, nil, false},
		{"one is ours, and the rule names it no longer", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access.Bindings[0].Members = []string{alice, mallory}
			w.OwnAccess[p.Backends[0].AccessResource(number)] = []string{alice, mallory}
		}, []string{alice}, false},
		{"in the policy's spelling", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access.Bindings[0].Members = []string{"user:Alice@Example.com", carol}
		}, []string{"user:Alice@Example.com"}, false},
		{"they are gone", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access.Bindings = nil }, nil, false},
		{"under another condition", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access.Bindings[0].Condition = "other"
		}, nil, false},
		{"under our condition", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access.Bindings[0].Condition, w.AccessCondition = spring.Expression, spring
		}, []string{alice}, false},
		{"IAP is on", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].IAPOn = true }, nil, false},
		{"its backends are not all known", func(p *posture.Posture, _ *policy.Wanted) { p.BackendsUnread = "denied" }, nil, false},
		{"nobody knows of IAP at its rule", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Frontends[0].Unread = "denied"
		}, nil, false},
		{"another service is behind it", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, neighbour)
		}, nil, true},
		{"the other service is gone", func(p *posture.Posture, _ *policy.Wanted) {
			missing := neighbour
			missing.Missing = true
			p.Backends[0].Members = append(p.Backends[0].Members, missing)
		}, []string{alice}, false},
		{"at the service itself", func(p *posture.Posture, w *policy.Wanted) {
			p.DirectAccess = p.Backends[0].Access
			p.Backends, w.OwnAccess = nil, map[string][]string{direct: {alice}}
		}, []string{alice}, false},
		{"at the service itself, and IAP is on", func(p *posture.Posture, w *policy.Wanted) {
			p.DirectAccess, p.Service.IAPOn = p.Backends[0].Access, true
			p.Backends, w.OwnAccess = nil, map[string][]string{direct: {alice}}
		}, nil, false},
		{"it was guarded once", func(_ *posture.Posture, w *policy.Wanted) { w.GuardedOnce = true }, nil, false},
		{"it is included", func(_ *posture.Posture, w *policy.Wanted) { w.Private = policy.PrivateInclude }, nil, false},
		{"it is public", func(p *posture.Posture, _ *policy.Wanted) {
			p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
		}, nil, false},
	} {
		p, w := deployed(), want()
		w.Private, p.Invokers = policy.PrivateLeave, posture.Policy{Version: "p1"}
		p.Backends[0].Members[0].Invokers = p.Invokers
		p.Backends[0].Access = posture.Policy{Version: "a1", Bindings: []posture.Binding{
			{Role: posture.RoleAccessor, Members: []string{alice}}}}
		w.OwnAccess = map[string][]string{p.Backends[0].AccessResource(number): {alice}}
		tc.change(&p, &w)
		findings := Assess(p, w)
		var got []string
		for _, step := range Plan(p, w, findings, now).Steps {
			change, ok := step.Change.(plan.WithdrawAccess)
			if !ok {
				continue
			}
			got = append(got, change.Members...)
			if step.ShutsOut() || step.Version != "a1" || step.Check(p) != nil {
				t.Errorf("%s: it counts under the limits %t, version %q, %v", tc.name, step.ShutsOut(), step.Version, step.Check(p))
			}
		}
		stay := slices.ContainsFunc(findings, func(f Finding) bool {
			return f.Code == accessorNotNeeded && f.Disposition == Remarks && strings.Contains(f.Why, "cart is behind the same")
		})
		if diff := cmp.Diff(tc.want, got); diff != "" || stay != tc.stay {
			t.Errorf("%s: they stay %t (-want +got):\n%s", tc.name, stay, diff)
		}
	}
}
