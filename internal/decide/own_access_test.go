package decide

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestOurAccessorsAreKnownFromTheMemory(t *testing.T) {
	p := deployed().facts.Posture
	resource := p.Backends[0].AccessResource(p.ProjectNumber)
	wrote := func(op plan.Op, value string, ago time.Duration) memory.Write {
		return memory.Write{Op: string(op), Resource: resource, Field: posture.RoleAccessor, Value: value, At: noon.Add(-ago)}
	}
	const carol = "user:carol@example.com"
	granted := wrote(grantAccess, posturetest.Alice, time.Hour)
	for _, tc := range []struct {
		name  string
		known *memory.Service
		want  map[string][]string
	}{
		{"no record", nil, nil},
		{"one write", &memory.Service{Wrote: []memory.Write{granted}}, map[string][]string{resource: {posturetest.Alice}}},
		{"two writes", &memory.Service{Wrote: []memory.Write{granted, wrote(grantAccess, carol, time.Minute)}},
			map[string][]string{resource: {posturetest.Alice, carol}}},
		{"we took them back", &memory.Service{Wrote: []memory.Write{granted, wrote(withdrawAccess, "", time.Minute)}},
			map[string][]string{}},
		{"we let one in again",
			&memory.Service{Wrote: []memory.Write{granted, wrote(withdrawAccess, "", 30*time.Minute), wrote(grantAccess, carol, 0)}},
			map[string][]string{resource: {carol}}},
		{"a write that lies ahead", &memory.Service{Wrote: []memory.Write{wrote(grantAccess, carol, -time.Hour)}},
			map[string][]string{}},
		{"IAP was on", &memory.Service{Wrote: []memory.Write{granted, wrote(enableIAP, "true", time.Minute)}}, nil},
		{"we closed it", &memory.Service{Wrote: []memory.Write{granted, wrote(restrictIngress, "x", time.Minute)}}, nil},
		{"it was guarded", &memory.Service{GuardedSince: noon.Add(-time.Hour), Wrote: []memory.Write{granted}}, nil},
	} {
		d := &decider{facts: Facts{Posture: p, Memory: tc.known}, now: noon}
		if diff := cmp.Diff(tc.want, d.ownAccess(policy.PrivateLeave)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	restricted := &memory.Service{Wrote: []memory.Write{granted, wrote(restrictIngress, "x", time.Minute)}}
	d := &decider{facts: Facts{Posture: p, Memory: restricted}, now: noon}
	ours := map[string][]string{resource: {posturetest.Alice}}
	if diff := cmp.Diff(ours, d.ownAccess(policy.PrivateInclude)); diff != "" {
		t.Errorf("the ingress is restricted, as of every service that the rule includes (-want +got):\n%s", diff)
	}
}

func TestTakingAccessBackIsNotAnUndoing(t *testing.T) {
	s := deployed()
	p := s.facts.Posture
	resource := p.Backends[0].AccessResource(p.ProjectNumber)
	at := func(op plan.Op, ago time.Duration) memory.Write {
		return memory.Write{Op: string(op), Resource: resource, Field: posture.RoleAccessor, At: noon.Add(-ago)}
	}
	members := []string{posturetest.Alice}
	grant := plan.Step{Resource: resource, Change: plan.GrantAccess{Role: posture.RoleAccessor, Members: members}}
	withdraw := plan.Step{Resource: resource, Change: plan.WithdrawAccess{Role: posture.RoleAccessor, Members: members}}
	for _, tc := range []struct {
		name  string
		step  plan.Step
		wrote []memory.Write
		want  bool
	}{
		{"somebody took it", grant, []memory.Write{at(grantAccess, time.Hour)}, true},
		{"we took it", grant, []memory.Write{at(grantAccess, time.Hour), at(withdrawAccess, time.Minute)}, false},
		{"we gave it after we took it", grant, []memory.Write{at(grantAccess, time.Minute), at(withdrawAccess, time.Hour)}, true},
		{"we gave it again", withdraw, []memory.Write{at(grantAccess, time.Minute), at(withdrawAccess, time.Hour)}, false},
	} {
		s.facts.Memory = &memory.Service{Wrote: tc.wrote}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if _, got := d.undoing(tc.step); got != tc.want {
			t.Errorf("%s: undone %t, want %t", tc.name, got, tc.want)
		}
	}
}
