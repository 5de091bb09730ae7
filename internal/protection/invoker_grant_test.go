package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestTheAgentMayInvokeEveryServiceBehindTheBackend(t *testing.T) {
	bindings := func(b ...posture.Binding) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) { p.Invokers.Bindings = b }
	}
	check(t, invokerGrant, []row{
		{"no binding", bindings(), []Code{AgentNotInvoker}},
		{"another role", bindings(posture.Binding{Role: "roles/run.viewer", Members: []string{posturetest.Agent}}),
			[]Code{AgentNotInvoker}},
		{"only under a condition",
			bindings(posture.Binding{Role: posture.RoleInvoker, Members: []string{posturetest.Agent}, Condition: "true"}),
			[]Code{AgentNotInvoker}},
		{"the agent of another project",
			bindings(posture.Binding{Role: posture.RoleInvoker,
				Members: []string{"serviceAccount:service-1@gcp-sa-iap.iam.gserviceaccount.com"}}), []Code{AgentNotInvoker}},
		{"under a condition and without", bindings(
			posture.Binding{Role: posture.RoleInvoker, Members: []string{posturetest.Agent}, Condition: "true"},
			posture.Binding{Role: posture.RoleInvoker, Members: []string{posturetest.Alice, posturetest.Agent}}), nil},
		{"a neighbour lacks it", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, publicNeighbour())
		}, []Code{AgentNotInvoker}},
		{"a private neighbour that the policy leaves", func(p *posture.Posture, want *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, posture.Member{Target: posturetest.Other})
			of(want, func(s *policy.Settings) { s.Private = policy.PrivateLeave })
		}, nil},
		{"a private neighbour that the policy includes", func(p *posture.Posture, want *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, posture.Member{Target: posturetest.Other})
			of(want, func(s *policy.Settings) { s.Private = policy.PrivateInclude })
		}, []Code{AgentNotInvoker}},
		{"a neighbour that does not exist", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, posture.Member{Target: posturetest.Other, Missing: true})
		}, nil},
		{"no load balancer yet: the grant can go in at once",
			func(p *posture.Posture, _ *policy.Wanted) { p.Backends, p.Invokers.Bindings = nil, nil }, []Code{AgentNotInvoker}},
	})
}

// publicNeighbour is a service that everybody may invoke.
func publicNeighbour() posture.Member {
	return posture.Member{Target: posturetest.Other, Invokers: posture.Policy{Bindings: []posture.Binding{
		{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}}}
}

// of changes the settings of all other services.
func of(want *policy.Wanted, change func(*policy.Settings)) {
	want.SettingsOf = func(posture.Target) (policy.Settings, bool) {
		settings := want.Settings
		change(&settings)
		return settings, true
	}
}

func TestTheGrantIsWantedOnceForANeighbourBehindTwoBackends(t *testing.T) {
	p, want := posturetest.Protected(), posturetest.Wanted()
	p.Backends[0].Members = append(p.Backends[0].Members, publicNeighbour())
	p.Backends = append(p.Backends, p.Backends[0])
	var got []string
	for _, finding := range invokerGrant(p, want) {
		got = append(got, finding.Resource)
	}
	if diff := cmp.Diff([]string{posturetest.Other.Name()}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
