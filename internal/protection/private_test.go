package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestAPrivateServiceThatIsOnlyCoveredIsLeft(t *testing.T) {
	private := posture.Policy{Version: "p1",
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"user:bob@example.com"}}}}
	everybody := posture.Policy{Version: "a1", Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers"}}}}
	whole := []plan.Op{opProvision, opGrant, opAccess, opIAP, opIngress}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"a load balancer leads there", func(*posture.Posture, *policy.Wanted) {}, nil},
		{"none leads there", func(p *posture.Posture, _ *policy.Wanted) { p.Backends = nil }, nil},
		{"IAP lets everybody in, and its agent may not invoke", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].IAPOn, p.Backends[0].Access = true, everybody
		}, []plan.Op{opRevoke}},
		{"it was guarded before", func(_ *posture.Posture, w *policy.Wanted) { w.GuardedOnce = true }, whole},
		{"the rule includes it", func(_ *posture.Posture, w *policy.Wanted) { w.Private = policy.PrivateInclude }, whole},
		{"its invoker check is off", func(p *posture.Posture, _ *policy.Wanted) { p.Service.InvokerCheckOff = true },
			append(whole, opCheck)},
		{"its invokers are unread", func(p *posture.Posture, _ *policy.Wanted) { p.Invokers.Unread = "denied" }, whole},
		{"the rule closes what has no load balancer", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends, w.WithoutLoadBalancer = nil, policy.WithoutClose
		}, nil},
	} {
		p, w := deployed(), want()
		w.Private = policy.PrivateLeave
		p.Invokers = private
		p.Backends[0].Members[0].Invokers = private
		tc.change(&p, &w)
		if diff := cmp.Diff(tc.want, ops(made(p, w).Steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
