package decide

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/protection"
)

// fewAndAll is a policy whose label selects fewer accessors.
const fewAndAll = `version: 1
rules:
  - name: few
    match: {labels: {tier: secret}}
    mode: enforce
    access: {members: ["user:alice@example.com"]}
  - name: all
    mode: enforce
    access: {members: ["user:alice@example.com", "user:carol@example.com"]}
`

func TestNoLabelBesideLetsAnybodyIntoAStricterService(t *testing.T) {
	const carol = "user:carol@example.com"
	few, err := policy.Parse([]byte(fewAndAll), noon)
	if err != nil {
		t.Fatal(err)
	}
	secret := map[string]string{"tier": "secret"}
	agent := posturetest.Protected().Agent()
	invokers := func(members ...string) posture.Policy {
		return posture.Policy{Version: "n1", Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}
	}
	both := []string{posturetest.Alice, carol}
	for _, tc := range []struct {
		name   string
		change func(p *posture.Posture, neighbour *posture.Member)
		want   []string // who is granted access
		shared bool     // the rules conflict
	}{
		{"the neighbour is public", func(_ *posture.Posture, n *posture.Member) { n.Invokers = invokers("allUsers") }, both, false},
		{"the neighbour is behind IAP", func(*posture.Posture, *posture.Member) {}, nil, true},
		{"IAP is on there", func(p *posture.Posture, _ *posture.Member) { p.Backends[0].IAPOn = true }, nil, true},
		{"IAP is on there, and lets both in", func(p *posture.Posture, _ *posture.Member) {
			p.Backends[0].IAPOn = true
			p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: both}}
		}, nil, false},
		{"the neighbour has no label", func(_ *posture.Posture, n *posture.Member) { n.Labels = nil }, both, false},
		{"IAP's agent may not invoke the neighbour", func(_ *posture.Posture, n *posture.Member) {
			n.Invokers = invokers("user:bob@example.com")
		}, both, false},
		{"its invokers are unread", func(_ *posture.Posture, n *posture.Member) {
			n.Invokers = posture.Policy{Unread: "denied"}
		}, nil, true},
		{"it is gone", func(_ *posture.Posture, n *posture.Member) { n.Missing = true }, both, false},
		{"the service itself has the label, and is behind IAP", func(p *posture.Posture, n *posture.Member) {
			p.Service.Labels, n.Labels = secret, nil
			p.Invokers = invokers(agent)
			p.Backends[0].IAPOn, p.Backends[0].Members[0].Invokers, p.Backends[0].Members[0].Labels = true, p.Invokers, secret
		}, nil, true},
		{"the service itself has the label, and is public", func(p *posture.Posture, n *posture.Member) {
			p.Service.Labels, n.Labels = secret, nil
			p.Backends[0].Members[0].Labels = secret
		}, both, false},
	} {
		s := deployed()
		p := s.facts.Posture
		neighbour := posture.Member{Labels: secret, Invokers: invokers(agent),
			Target: posture.Target{Project: p.Target.Project, Location: p.Target.Location, Service: "secret"}}
		tc.change(&p, &neighbour)
		p.Backends[0].Members = append(p.Backends[0].Members, neighbour)
		s.facts.Posture = p
		d := &decider{facts: s.facts, rules: Settings{Policy: few}, request: s.request, now: noon}
		found := d.judge()
		var got []string
		for _, step := range protection.Plan(p, found.want, found.findings, noon).Steps {
			if grant, ok := step.Change.(plan.GrantAccess); ok {
				got = append(got, grant.Members...)
			}
		}
		shared := slices.ContainsFunc(found.findings,
			func(f protection.Finding) bool { return f.Code == protection.SharedBackend })
		if diff := cmp.Diff(tc.want, got); diff != "" || shared != tc.shared {
			t.Errorf("%s: a conflict %t (-want +got):\n%s", tc.name, shared, diff)
		}
	}
}
