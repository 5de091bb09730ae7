package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestClosingsShutWhatTheServiceDecidesAbout(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"public, behind a load balancer", func(*posture.Posture, *policy.Wanted) {}, []plan.Op{opIngress, opPublic}},
		{"nothing leads there", func(p *posture.Posture, _ *policy.Wanted) { p.Backends = nil }, []plan.Op{opIngress, opPublic}},
		{"the invoker check is off", func(p *posture.Posture, _ *policy.Wanted) { p.Service.InvokerCheckOff = true },
			[]plan.Op{opIngress, opCheck, opPublic}},
		{"the rule wants IAP at the service", func(p *posture.Posture, w *policy.Wanted) {
			w.Recipe, p.Service.InvokerCheckOff = policy.RecipeDirect, true
		}, []plan.Op{opIngress, opCheck, opPublic}},
		{"IAP is on at the service, and lets everybody in", func(p *posture.Posture, _ *policy.Wanted) { p.Service.IAPOn = true },
			[]plan.Op{opIngress, opPublic}},
		{"the ingress is not known", func(p *posture.Posture, _ *policy.Wanted) { p.Service.Ingress = posture.IngressUnknown },
			[]plan.Op{opPublic}},
		{"the rule keeps the ingress", func(_ *posture.Posture, w *policy.Wanted) { w.KeepIngress = true }, []plan.Op{opPublic}},
		{"the rule keeps public members", func(_ *posture.Posture, w *policy.Wanted) { w.KeepInvokers = true },
			[]plan.Op{opIngress}},
		{"closed already", func(p *posture.Posture, _ *policy.Wanted) {
			p.Service.Ingress, p.Invokers.Bindings = posture.IngressInternal, nil
		}, nil},
	} {
		p, w := deployed(), want()
		tc.change(&p, &w)
		steps := Closings(p, w, nil)
		if diff := cmp.Diff(tc.want, ops(steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		for _, step := range steps {
			if !step.Closes {
				t.Errorf("%s: %s waits for a way in", tc.name, step.Op())
			}
		}
	}
	p, w := deployed(), want()
	p.Backends = nil
	if got := Closings(p, w, Assess(p, w)); got != nil {
		t.Errorf("%v, although the missing load balancer stops them", ops(got))
	}
}
