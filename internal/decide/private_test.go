package decide

import (
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestARecordAloneMakesNoPrivateServiceGuardedOnce(t *testing.T) {
	ours := event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Project: hello.Project, Location: hello.Location,
		Service: hello.Service, Principal: us, UserAgent: "iapguard/0.1.0"}}
	guarded := &memory.Service{GuardedSince: ago(60)}
	for _, tc := range []struct {
		name    string
		known   *memory.Service
		agent   bool // IAP's agent may invoke the service
		ingress posture.Ingress
		writes  []event.Write
		want    bool
	}{
		{"a record alone", guarded, false, posture.IngressAll, nil, false},
		{"a record, and the agent", guarded, true, posture.IngressAll, nil, false},
		{"a record, and the ingress", guarded, false, posture.IngressInternalLoadBalancing, nil, false},
		{"a record, the agent and the ingress", guarded, true, posture.IngressInternalLoadBalancing, nil, true},
		{"a record, and our own write", guarded, false, posture.IngressAll, []event.Write{ours}, true},
		{"no record, and our own write", nil, false, posture.IngressAll, []event.Write{ours}, true},
		{"no record, the agent and the ingress", nil, true, posture.IngressInternalLoadBalancing, nil, false},
		{"a record of a service that was never guarded", &memory.Service{}, true, posture.IngressInternalLoadBalancing,
			[]event.Write{ours}, false},
	} {
		s := deployed()
		s.rules.settings.Private = policy.PrivateLeave
		p := s.facts.Posture
		p.Service.Ingress, p.Invokers.Bindings = tc.ingress,
			[]posture.Binding{{Role: posture.RoleInvoker, Members: []string{posturetest.Alice}}}
		if tc.agent {
			p.Invokers.Bindings[0].Members = append(p.Invokers.Bindings[0].Members, p.Agent())
		}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.facts.Posture, s.facts.Memory, s.facts.History = p, tc.known, &History{Writes: tc.writes}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if got := d.guardedOnce(p, s.rules.settings); got != tc.want {
			t.Errorf("%s: guarded once %t, want %t", tc.name, got, tc.want)
		}
	}
}
