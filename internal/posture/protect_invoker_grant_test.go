package posture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheAgentMayInvokeEveryServiceBehindTheBackend(t *testing.T) {
	bindings := func(b ...Binding) func(*Posture, *Wanted) {
		return func(p *Posture, _ *Wanted) { p.Invokers.Bindings = b }
	}
	check(t, invokerGrant, []row{
		{"no binding", bindings(), []Code{AgentNotInvoker}},
		{"another role", bindings(Binding{Role: "roles/run.viewer", Members: []string{agent}}), []Code{AgentNotInvoker}},
		{"only under a condition", bindings(Binding{Role: RoleInvoker, Members: []string{agent}, Condition: "true"}), []Code{AgentNotInvoker}},
		{"the agent of another project", bindings(Binding{Role: RoleInvoker, Members: []string{"serviceAccount:service-1@gcp-sa-iap.iam.gserviceaccount.com"}}), []Code{AgentNotInvoker}},
		{"under a condition and without", bindings(
			Binding{Role: RoleInvoker, Members: []string{agent}, Condition: "true"},
			Binding{Role: RoleInvoker, Members: []string{alice, agent}}), nil},
		{"a neighbour lacks it", func(p *Posture, _ *Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, Member{Target: other})
		}, []Code{AgentNotInvoker}},
		{"a neighbour that does not exist", func(p *Posture, _ *Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, Member{Target: other, Missing: true})
		}, nil},
		{"no load balancer yet: the grant can go in at once", func(p *Posture, _ *Wanted) { p.Backends, p.Invokers.Bindings = nil, nil }, []Code{AgentNotInvoker}},
	})
}

func TestTheGrantIsWantedOnceForANeighbourBehindTwoBackends(t *testing.T) {
	p, want := protected(), wanted()
	p.Backends[0].Members = append(p.Backends[0].Members, Member{Target: other})
	p.Backends = append(p.Backends, p.Backends[0])
	var got []string
	for _, finding := range invokerGrant(p, want) {
		got = append(got, finding.Resource)
	}
	if diff := cmp.Diff([]string{other.Name()}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
