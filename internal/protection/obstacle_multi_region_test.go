package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAMultiRegionServiceIsNotChangedByHalves(t *testing.T) {
	same := func(*posture.Posture) {}
	public := func(p *posture.Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings, posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	}
	bare := func(p *posture.Posture) { p.Backends = nil }
	for _, tc := range []struct {
		name     string
		one, two func(*posture.Posture)
		without  policy.WithoutLoadBalancer
		want     []Code
	}{
		{"both are right", same, same, policy.WithoutWait, nil},
		{"one region is public", same, public, policy.WithoutWait, []Code{inRegions, PublicInvoker}},
		{"both are public", public, public, policy.WithoutWait, []Code{inRegions, PublicInvoker, PublicInvoker}},
		{"one has no load balancer of its own", same, bare, policy.WithoutWait, nil},
		{"and the policy closes such services", same, bare, policy.WithoutClose, nil},
		{"none has a load balancer", func(p *posture.Posture) { bare(p); public(p) }, func(p *posture.Posture) { bare(p); public(p) },
			policy.WithoutClose, []Code{inRegions, NoLoadBalancer, PublicInvoker, NoLoadBalancer, PublicInvoker}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := posturetest.Wanted()
			want.WithoutLoadBalancer = tc.without
			p := posture.Posture{Target: posturetest.Hello, ProjectNumber: posturetest.Number}
			p.Target.Location = posture.Global
			for region, change := range map[string]func(*posture.Posture){"europe-west1": tc.one, "us-central1": tc.two} {
				part := posturetest.Protected()
				part.Target.Location, part.Backends[0].Members[0].Target.Location = region, region
				change(&part)
				p.Regions = append(p.Regions, part)
			}
			var got []Code
			findings := Assess(p, want)
			for _, f := range findings {
				got = append(got, f.Code)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if made := Plan(p, want, findings, p.ObservedAt); len(made.Steps) > 0 {
				t.Errorf("the plan has %d steps, want none", len(made.Steps))
			}
		})
	}
}
