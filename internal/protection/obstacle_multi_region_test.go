package protection

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// twoRegions is a multi-region service as it should be, but for these changes of the whole
// and of its regions.
func twoRegions(changes ...func(whole, one, two *posture.Posture)) posture.Posture {
	whole, one, two := posturetest.Protected(), posturetest.Protected(), posturetest.Protected()
	whole.Target.Location, whole.Invokers, whole.Backends = posture.Global, posture.Policy{Version: "global"}, nil
	for region, part := range map[string]*posture.Posture{"europe-west1": &one, "us-central1": &two} {
		part.Target.Location, part.Backends[0].Members[0].Target.Location = region, region
		part.Invokers.Version, part.Service.Version = "policy of "+region, "service of "+region
	}
	for _, change := range changes {
		change(&whole, &one, &two)
	}
	for _, part := range []*posture.Posture{&one, &two} {
		for i := range part.Backends {
			part.Backends[i].Members[0].Invokers = part.Invokers
		}
	}
	return whole.WithRegions([]posture.Posture{one, two})
}

// taken are the steps in short: what is done, where, against which version.
func taken(steps []plan.Step) []string {
	var all []string
	for _, step := range steps {
		at := strings.TrimPrefix(strings.TrimPrefix(step.Resource, "projects/demo-project/"), "projects/123456789012/")
		all = append(all, strings.TrimSpace(string(step.Op())+" "+at+" "+step.Version))
	}
	return all
}

func TestEachRegionAndTheServiceAtGlobalAreChangedWhereTheyDiffer(t *testing.T) {
	type change = func(whole, one, two *posture.Posture)
	only := func(change func(*posture.Posture)) change { return func(_, _, two *posture.Posture) { change(two) } }
	each := func(change func(*posture.Posture)) change {
		return func(whole, one, two *posture.Posture) { change(whole); change(one); change(two) }
	}
	public := func(p *posture.Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings, posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	}
	opened := func(p *posture.Posture) { p.Service.Ingress = posture.IngressAll }
	unchecked := func(p *posture.Posture) { p.Service.InvokerCheckOff = true }
	bare := func(p *posture.Posture) { p.Backends = nil }
	refusing := func(p *posture.Posture) { p.Invokers.Bindings = nil }
	off := func(p *posture.Posture) {
		for i := range p.Backends {
			p.Backends[i].IAPOn = false
		}
	}
	direct := func(p *posture.Posture) { p.Service.IAPOn = true }
	const shop, eu, us = "locations/global/services/hello", "locations/europe-west1/services/hello", "locations/us-central1/services/hello"
	const byEU, byUS = " policy of europe-west1", " policy of us-central1"
	for _, tc := range []struct {
		name    string
		changes []change
		without policy.WithoutLoadBalancer
		codes   []Code
		steps   []string
	}{
		{"all is right", nil, policy.WithoutWait, nil, nil},
		{"one region is public", []change{only(public)}, policy.WithoutWait, []Code{PublicInvoker},
			[]string{"revoke-public " + us + byUS}},
		{"the policy at global is public", []change{func(whole, _, _ *posture.Posture) { public(whole) }}, policy.WithoutWait,
			[]Code{PublicInvoker}, []string{"revoke-public " + shop + " global"}},
		{"the agent may invoke in one region alone", []change{only(refusing), only(public)}, policy.WithoutWait,
			[]Code{AgentNotInvoker, PublicInvoker}, []string{"grant-invoker " + us + byUS, "revoke-public " + us + byUS}},
		{"the ingress is open", []change{each(opened)}, policy.WithoutWait, []Code{IngressOpen},
			[]string{"restrict-ingress " + shop + " s1"}},
		{"the ingress is open in one region only", []change{only(opened)}, policy.WithoutWait, []Code{IngressOpen},
			[]string{"restrict-ingress " + us + " service of us-central1"}},
		{"the invoker check is off", []change{each(unchecked)}, policy.WithoutWait, []Code{InvokerCheckOff},
			[]string{"require-invoker-check " + shop + " s1"}},
		{"nothing is done yet", []change{each(off), each(opened), func(_, one, two *posture.Posture) {
			refusing(one)
			refusing(two)
			public(one)
			public(two)
		}}, policy.WithoutWait,
			[]Code{AgentNotProvisioned, AgentNotInvoker, IAPOff, IngressOpen, PublicInvoker, AgentNotInvoker, PublicInvoker},
			[]string{"provision-agent services/iap.googleapis.com", "grant-invoker " + eu + byEU, "grant-invoker " + us + byUS,
				"enable-iap global/backendServices/hello-backend f1", "restrict-ingress " + shop + " s1",
				"revoke-public " + eu + byEU, "revoke-public " + us + byUS}},
		{"one has no load balancer of its own", []change{only(bare)}, policy.WithoutWait, nil, nil},
		{"and the policy closes such services", []change{only(bare)}, policy.WithoutClose, nil, nil},
		{"and the policy guards such services themselves", []change{only(bare)}, policy.WithoutDirect, nil, nil},
		{"none has a load balancer", []change{each(bare), each(opened)}, policy.WithoutClose,
			[]Code{NoLoadBalancer, IngressOpen}, []string{"restrict-ingress " + shop + " s1"}},
		{"none has one, and the policy guards the service itself", []change{each(bare), each(opened)}, policy.WithoutDirect,
			[]Code{AccessorMissing, DirectIAPOff, AccessorMissing},
			[]string{"grant-access iap_web/cloud_run-europe-west1/services/hello",
				"grant-access iap_web/cloud_run-us-central1/services/hello", "enable-direct-iap " + shop + " s1"}},
		{"IAP is on at the service in one region", []change{each(off), only(direct), each(opened), func(_, one, _ *posture.Posture) {
			public(one)
		}}, policy.WithoutWait, []Code{inRegions, IAPOff, IngressOpen, PublicInvoker},
			[]string{"restrict-ingress " + eu + " service of europe-west1"}},
		{"IAP is on at the service in one region, and wanted in both", []change{each(bare), only(direct), each(opened)},
			policy.WithoutDirect, []Code{AccessorMissing, DirectIAPOff, AccessorMissing},
			[]string{"grant-access iap_web/cloud_run-europe-west1/services/hello",
				"grant-access iap_web/cloud_run-us-central1/services/hello", "enable-direct-iap " + eu + " service of europe-west1"}},
		{"one region is stricter than the service at global",
			[]change{each(opened), only(func(p *posture.Posture) { p.Service.Ingress = posture.IngressInternal })}, policy.WithoutWait,
			[]Code{IngressOpen}, []string{"restrict-ingress " + eu + " service of europe-west1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := posturetest.Wanted()
			want.WithoutLoadBalancer = tc.without
			p := twoRegions(tc.changes...)
			var got []Code
			findings := Assess(p, want)
			for _, f := range findings {
				got = append(got, f.Code)
			}
			if diff := cmp.Diff(tc.codes, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			made := Plan(p, want, findings, p.ObservedAt)
			if diff := cmp.Diff(tc.steps, taken(made.Steps)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if err := made.Check(p); err != nil {
				t.Error(err)
			}
		})
	}
}
