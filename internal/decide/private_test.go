package decide

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestARecordAloneMakesNoPrivateServiceGuardedOnce(t *testing.T) {
	ours := event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Project: hello.Project, Location: hello.Location,
		Service: hello.Service, Principal: us, UserAgent: "iapguard/0.1.0", At: ago(30)}}
	wrote := func(members ...string) *posture.Policy {
		return &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}
	}
	granted, withdrawn, unseen := ours, ours, ours
	ours.Policy, withdrawn.Policy = wrote(posturetest.Agent), wrote(posturetest.Alice)
	granted.Policy = wrote(posturetest.Agent, "allUsers")
	earlier := ours
	earlier.At = noon.Add(-2 * time.Hour) // it was created an hour ago
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
		{"a record, and our own write to a service that is gone", guarded, false, posture.IngressAll, []event.Write{earlier}, false},
		{"a record, and our grant while it was public", guarded, false, posture.IngressAll, []event.Write{granted}, false},
		{"a record, and what we took from the agent", guarded, false, posture.IngressAll, []event.Write{withdrawn}, false},
		{"a record, and a policy that the log leaves out", guarded, false, posture.IngressAll, []event.Write{unseen}, false},
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
		if got := d.guardedOnce(p, s.rules.settings.Private); got != tc.want {
			t.Errorf("%s: guarded once %t, want %t", tc.name, got, tc.want)
		}
	}
}

// While the log cannot be read, a record that says that we closed a private service counts
// where nobody else can have written it. What the log says counts before it.
func TestOnlyAProvenRecordSaysThatWeClosedAService(t *testing.T) {
	closedAt := func(ago time.Duration) *memory.Service {
		return &memory.Service{Wrote: []memory.Write{{Op: string(restrictIngress), At: noon.Add(-ago)}}}
	}
	closed := closedAt(time.Minute)
	unread := &History{Unread: errors.New("403")}
	for _, tc := range []struct {
		name    string
		known   *memory.Service
		proven  bool
		history *History
		want    bool
	}{
		{"proven, and the log is unread", closed, true, unread, true},
		{"unproven, and the log is unread", closed, false, unread, false},
		{"proven, and the log shows nothing", closed, true, &History{}, false},
		{"proven, and nothing was closed", &memory.Service{}, true, unread, false},
		{"no record", nil, true, unread, false},
		{"proven, of a service that is gone", closedAt(2 * time.Hour), true, unread, false},
	} {
		s := deployed() // an hour ago
		s.facts.Memory, s.facts.MemoryProven, s.facts.History = tc.known, tc.proven, tc.history
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if got := d.closed(); got != tc.want {
			t.Errorf("%s: closed %t, want %t", tc.name, got, tc.want)
		}
	}
}

// An old record can be put back, MAC and all.
func TestAProvenRecordCountsNoLongerThanTheLog(t *testing.T) {
	s := deployed()
	s.facts.Posture.Service.CreatedAt = noon.AddDate(-1, 0, 0)
	s.facts.MemoryProven, s.facts.History = true, &History{Unread: errors.New("403")}
	for ago, want := range map[time.Duration]bool{23 * time.Hour: true, 25 * time.Hour: false} {
		s.facts.Memory = &memory.Service{Wrote: []memory.Write{{Op: string(restrictIngress), At: noon.Add(-ago)}}}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if got := d.closed(); got != want {
			t.Errorf("closed %s ago: %t, want %t", ago, got, want)
		}
	}
}

// A record that somebody deleted takes no protection away under behind-iap either: our
// own restriction of the ingress stands in the log. A grant there may be the rule's own.
func TestBehindIAPALostRecordIsSoughtInTheLog(t *testing.T) {
	write := func(kind event.Kind, settings map[string]string) []event.Write {
		return []event.Write{{Cause: event.Cause{Kind: kind, Project: hello.Project, Location: hello.Location,
			Service: hello.Service, Principal: us, UserAgent: "iapguard/0.1.0", At: ago(30)}, Settings: settings}}
	}
	restricted := write(event.RunServiceChanged, map[string]string{"ingress": "internal-and-cloud-load-balancing"})
	for _, tc := range []struct {
		name   string
		known  *memory.Service
		writes []event.Write
		want   bool
	}{
		{"we restricted the ingress", &memory.Service{}, restricted, true},
		{"we restricted the ingress, and there is no record", nil, restricted, true},
		{"we redeployed", &memory.Service{}, write(event.RunServiceChanged, nil), false},
		{"we opened the ingress again", &memory.Service{},
			write(event.RunServiceChanged, map[string]string{"ingress": "all"}), false},
		{"we wrote the policy", &memory.Service{}, write(event.RunIAMChanged, nil), false},
		{"we wrote nothing", &memory.Service{GuardedSince: ago(60)}, nil, false},
	} {
		s := deployed()
		s.rules.settings.Private = policy.PrivateBehindIAP
		p := s.facts.Posture
		p.Service.Ingress = posture.IngressInternalLoadBalancing
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{p.Agent()}}}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.facts.Posture, s.facts.Memory, s.facts.History = p, tc.known, &History{Writes: tc.writes}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if got := d.guardedOnce(p, s.rules.settings.Private); got != tc.want {
			t.Errorf("%s: guarded once %t, want %t", tc.name, got, tc.want)
		}
	}
}

// A rule that includes private services restricts their ingress before IAP is on. Who was let through IAP
// meanwhile would get in newly.
func TestARestrictedIngressIsNoProtectionOfTheRecipe(t *testing.T) {
	write := func(op plan.Op, resource, value string) memory.Write {
		return memory.Write{Op: string(op), Resource: resource, Field: posture.RoleInvoker, Value: value,
			At: noon.Add(-time.Minute)}
	}
	for _, tc := range []struct {
		name string
		op   plan.Op // that was taken last
		rule policy.Private
		want bool // it was guarded once
	}{
		{"the ingress is restricted, by the recipe", restrictIngress, policy.PrivateInclude, false},
		{"the ingress is restricted, as of public services alone", restrictIngress, policy.PrivateBehindIAP, true},
		{"the public was taken away", revokePublic, policy.PrivateInclude, true},
		{"IAP was on", enableIAP, policy.PrivateInclude, true},
	} {
		s := deployed()
		s.rules.settings.Private = tc.rule
		p := s.facts.Posture
		p.Service.Ingress = posture.IngressInternalLoadBalancing
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{p.Agent()}}}
		p.Backends[0].IAPOn, p.Backends[0].Members[0].Invokers = false, p.Invokers
		s.facts.Memory = &memory.Service{Wrote: []memory.Write{write(grantInvoker, p.Target.Name(), p.Agent()),
			write(tc.op, p.Target.Name(), "x")}}
		s.facts.Posture, s.facts.History = p, &History{Writes: []event.Write{{Cause: event.Cause{
			Kind: event.RunServiceChanged, Project: p.Target.Project, Location: p.Target.Location, Service: p.Target.Service,
			Principal: us, UserAgent: "iapguard/0.1.0", At: noon.Add(-time.Minute)},
			Settings: map[string]string{"ingress": "internal-and-cloud-load-balancing"}}}}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if got := d.guardedOnce(p, tc.rule); got != tc.want {
			t.Errorf("%s: guarded once %t, want %t", tc.name, got, tc.want)
		}
		if got := d.ownGrant(p, tc.rule); got == tc.want {
			t.Errorf("%s: the agent invokes it by our grant alone: %t, want %t", tc.name, got, !tc.want)
		}
	}
}

func TestWhoseGrantTheAgentHasIsKnown(t *testing.T) {
	p := deployed().facts.Posture
	wrote := func(op plan.Op, ago time.Duration) memory.Write {
		return memory.Write{Op: string(op), Resource: p.Target.Name(), Field: posture.RoleInvoker, At: noon.Add(-ago)}
	}
	granted := wrote(grantInvoker, time.Hour)
	ours := event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Project: hello.Project, Location: hello.Location,
		Service: hello.Service, Principal: us, UserAgent: "iapguard/0.1.0", At: ago(30)},
		Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{p.Agent()}}}}}
	for _, tc := range []struct {
		name    string
		private policy.Private
		known   *memory.Service
		writes  []event.Write
		want    []plan.Op
	}{
		{"we granted", policy.PrivateBehindIAP, &memory.Service{Wrote: []memory.Write{granted}}, nil,
			[]plan.Op{withdrawInvoker}},
		{"we granted, and left", policy.PrivateLeave, &memory.Service{Wrote: []memory.Write{granted}}, nil,
			[]plan.Op{withdrawInvoker}},
		{"we withdrew it, and somebody granted", policy.PrivateBehindIAP,
			&memory.Service{Wrote: []memory.Write{granted, wrote(withdrawInvoker, time.Minute)}}, nil, nil},
		{"we granted again", policy.PrivateBehindIAP,
			&memory.Service{Wrote: []memory.Write{granted, wrote(withdrawInvoker, 2*time.Hour)}}, nil,
			[]plan.Op{withdrawInvoker}},
		{"the record is lost, and the log has it", policy.PrivateBehindIAP, nil, []event.Write{ours},
			[]plan.Op{withdrawInvoker}},
		{"the record is empty, and the log has it", policy.PrivateBehindIAP, &memory.Service{}, []event.Write{ours},
			[]plan.Op{withdrawInvoker}},
		{"a lost record was begun anew, and the log shows that we closed it", policy.PrivateLeave,
			&memory.Service{Wrote: []memory.Write{granted}}, []event.Write{ours}, []plan.Op{grantAccess}},
		{"nobody knows of a grant of ours", policy.PrivateBehindIAP, &memory.Service{}, nil, nil},
		{"we closed the service afterwards", policy.PrivateBehindIAP,
			&memory.Service{Wrote: []memory.Write{granted, wrote(restrictIngress, time.Minute)}}, nil,
			[]plan.Op{grantAccess}}, // the limit is used up
	} {
		s := deployed()
		s.rules.settings.Private = tc.private
		p := s.facts.Posture
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{posturetest.Alice, p.Agent()}}}
		p.Backends[0].IAPOn = true
		p.Backends[0].Members[0].Invokers = p.Invokers
		p.Backends[0].Access.Bindings = []posture.Binding{
			{Role: posture.RoleAccessor, Members: []string{"user:mallory@example.com"}}}
		s.facts.Posture, s.facts.Memory, s.facts.History = p, tc.known, &History{Writes: tc.writes}
		s.facts.Slot = &Slot{UsedUp: "all", Until: noon.Add(time.Hour)}
		var got []plan.Op
		for _, step := range s.decide().Plan.Steps {
			got = append(got, step.Op())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestOurOwnStepBackIsNotAnUndoing(t *testing.T) {
	s := deployed()
	p := s.facts.Posture
	at := func(op plan.Op, ago time.Duration) memory.Write {
		return memory.Write{Op: string(op), Resource: p.Target.Name(), Field: posture.RoleInvoker, At: noon.Add(-ago)}
	}
	grant := plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: p.Agent()}, Resource: p.Target.Name()}
	for _, tc := range []struct {
		name  string
		wrote []memory.Write
		want  bool
	}{
		{"somebody took it", []memory.Write{at(grantInvoker, time.Hour)}, true},
		{"we took it", []memory.Write{at(grantInvoker, time.Hour), at(withdrawInvoker, time.Minute)}, false},
		{"we gave it after we took it", []memory.Write{at(grantInvoker, time.Minute), at(withdrawInvoker, time.Hour)}, true},
	} {
		s.facts.Memory = &memory.Service{Wrote: tc.wrote}
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		if _, got := d.undoing(grant); got != tc.want {
			t.Errorf("%s: undone %t, want %t", tc.name, got, tc.want)
		}
	}
}
