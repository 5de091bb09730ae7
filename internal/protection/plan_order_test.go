package protection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	number = "123456789012"
	agent  = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	alice  = "user:alice@example.com"

	helloName   = "projects/demo-project/locations/us-central1/services/hello"
	backendName = "projects/demo-project/global/backendServices/hello-backend"
	accessName  = "projects/123456789012/iap_web/compute/services/hello-backend"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// deployed is a service as a team leaves it: public, behind a load balancer.
func deployed() posture.Posture {
	hello := posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	invokers := posture.Policy{Version: "p1",
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}}
	return posture.Posture{
		Target: hello, ProjectNumber: number, ObservedAt: now, Invokers: invokers,
		Service: posture.Service{Version: "s1", Ingress: posture.IngressAll},
		Backends: []posture.Backend{{
			Project: "demo-project", Location: posture.Global, Name: "hello-backend", Version: "f1",
			Scheme: "EXTERNAL_MANAGED", Protocol: "HTTPS", Access: posture.Policy{Version: "a1"},
			Members:   []posture.Member{{Target: hello, Invokers: invokers}},
			Frontends: []posture.Frontend{{Resource: "r", Address: "203.0.113.7", HTTPS: true}},
		}},
	}
}

// want enforces without waiting times.
func want() policy.Wanted {
	settings := policy.DefaultSettings()
	settings.Mode, settings.Access, settings.Settle, settings.Quiet, settings.Propagation = policy.Enforce, []string{
		alice}, 0, 0, 0
	settings.Private = policy.PrivateInclude
	return policy.Wanted{Settings: settings,
		SettingsOf: func(posture.Target) (policy.Settings, bool) { return settings, true }}
}

func made(p posture.Posture, w policy.Wanted) plan.Plan { return Plan(p, w, Assess(p, w), now) }

func ops(steps []plan.Step) []plan.Op {
	var list []plan.Op
	for _, step := range steps {
		list = append(list, step.Op())
	}
	return list
}

func TestThePlanOfAFreshDeploymentIsTheRecipeInTheSafeOrder(t *testing.T) {
	steps := made(deployed(), want()).Steps
	for i := range steps {
		steps[i].Why = ""
	}
	expected := []plan.Step{
		{Change: plan.ProvisionAgent{Agent: agent}, Resource: "projects/demo-project/services/iap.googleapis.com"},
		{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: agent}, Resource: helloName, Version: "p1"},
		{Change: plan.GrantAccess{Role: posture.RoleAccessor, Members: []string{alice}}, Resource: accessName, Version: "a1"},
		{Change: plan.EnableIAP{}, Resource: backendName, Version: "f1"},
		{Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing},
			Resource: helloName, Version: "s1"},
		{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, Resource: helloName, Version: "p1"},
	}
	if diff := cmp.Diff(expected, steps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTakingAConditionalMemberAwayIsMarked(t *testing.T) {
	wanted := want()
	for condition, want := range map[string]bool{"": false, "request.time < timestamp('2030-01-01T00:00:00Z')": true} {
		p := deployed()
		p.Invokers.Bindings[0].Condition = condition
		steps := made(p, wanted).Steps
		if last := steps[len(steps)-1]; last.Op() != opPublic || last.Words().Conditional != want {
			t.Errorf("condition %q: last step %+v, want revoke-public with conditional %v", condition, last, want)
		}
	}
}

func TestAnObstacleStopsWhatItConcernsAndNoMore(t *testing.T) {
	side := func(change func(*posture.Backend)) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) {
			other := deployed().Backends[0]
			other.Name, other.Frontends[0].Resource = "side-backend", "side"
			change(&other)
			p.Backends = append(p.Backends, other)
		}
	}
	iapStays := []plan.Op{opProvision, opGrant, opIngress}
	sideStays := []plan.Op{opProvision, opGrant, opAccess, opIAP, opIngress}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"no load balancer", func(p *posture.Posture, _ *policy.Wanted) { p.Backends = nil },
			[]plan.Op{opProvision, opGrant}},
		{"no frontend", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Frontends = nil },
			[]plan.Op{opProvision, opGrant}},
		{"no HTTPS frontend", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Frontends[0].HTTPS = false },
			[]plan.Op{opProvision, opGrant}},
		{"no accessor", func(_ *posture.Posture, w *policy.Wanted) { w.Access = nil }, iapStays},
		{"CDN", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].CDNOn = true }, iapStays},
		{"CDN, and no accessor",
			func(p *posture.Posture, w *policy.Wanted) { p.Backends[0].CDNOn, w.Access = true, nil }, iapStays},
		{"IAP is on, and the only other way in has CDN", func(p *posture.Posture, w *policy.Wanted) {
			side(func(b *posture.Backend) { b.CDNOn = true })(p, w)
			p.Backends[0].IAPOn = true
		}, []plan.Op{opProvision, opGrant, opAccess, opIngress}},
		{"a side backend with CDN", side(func(b *posture.Backend) { b.CDNOn = true }), sideStays},
		{"a TCP side backend", side(func(b *posture.Backend) { b.Protocol = "TCP" }), sideStays},
		{"a side backend over plain HTTP", side(func(b *posture.Backend) { b.Frontends[0].HTTPS = false }), sideStays},
		{"a classic side backend of an HTTP/2 service", func(p *posture.Posture, w *policy.Wanted) {
			side(func(b *posture.Backend) { b.Scheme = "EXTERNAL" })(p, w)
			p.Service.HTTP2 = true
		}, sideStays},
		{"a side backend with CDN that nothing leads to", side(func(b *posture.Backend) { b.CDNOn, b.Frontends = true, nil }),
			[]plan.Op{opProvision, opGrant, opAccess, opIAP, opIngress, opPublic}},
		{"a side backend shared with a service that is exempt", func(p *posture.Posture, w *policy.Wanted) {
			neighbour := p.Target
			neighbour.Service = "neighbour"
			side(func(b *posture.Backend) { b.Members = append(b.Members, posture.Member{Target: neighbour}) })(p, w)
			own := w.Settings
			w.SettingsOf = func(target posture.Target) (policy.Settings, bool) { return own, target != neighbour }
		}, sideStays},
	} {
		p, w := deployed(), want()
		tc.change(&p, &w)
		if diff := cmp.Diff(tc.want, ops(made(p, w).Steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

// accessSince is a policy that was changed then and lets members through IAP.
func accessSince(changed time.Time, members ...string) posture.Policy {
	return posture.Policy{ChangedAt: changed, Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: members}}}
}

// seenSince is what the memory knows of one grant.
func seenSince(at time.Time, resource, role, member string) map[policy.Grant]time.Time {
	return map[policy.Grant]time.Time{{Resource: resource, Role: role, Members: member}: at}
}

func TestStepsAreDueOnlyWhenWhatTheyRelyOnHolds(t *testing.T) {
	minute := time.Minute
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   map[plan.Op]time.Duration // from now; absent = at once
	}{
		{"no waiting times", func(*posture.Posture, *policy.Wanted) {}, nil},
		{"new access and a new grant propagate; nobody needs them at an open load balancer",
			func(_ *posture.Posture, w *policy.Wanted) { w.Propagation = 2 * minute },
			map[plan.Op]time.Duration{opIAP: 2 * minute, opPublic: 2 * minute}},
		{"the same, before a new service", func(_ *posture.Posture, w *policy.Wanted) {
			w.Propagation, w.Clocks.New = 2*minute, true
		}, nil},
		{"access granted a minute ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-minute), alice)
		}, map[plan.Op]time.Duration{opIAP: minute, opPublic: 2 * minute}},
		{"access granted long ago, and somebody else a minute ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-minute), alice, "user:eve@example.com")
			w.Clocks.Seen = seenSince(now.Add(-time.Hour), accessName, posture.RoleAccessor, alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"access that was seen a minute ago, in a policy that is older", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
			w.Clocks.Seen = seenSince(now.Add(-minute), accessName, posture.RoleAccessor, alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"access that was seen long ago and taken away", func(_ *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			w.Clocks.Seen = seenSince(now.Add(-time.Hour), accessName, posture.RoleAccessor, alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"access that is said to be seen in an hour", func(_ *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			w.Clocks.Seen = seenSince(now.Add(time.Hour), accessName, posture.RoleAccessor, alice)
		}, map[plan.Op]time.Duration{opIAP: 2 * minute, opPublic: 2 * minute}},
		{"access in a policy whose age is not known", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(time.Time{}, alice)
		}, map[plan.Op]time.Duration{opIAP: 2 * minute, opPublic: 2 * minute}},
		{"others granted access a minute ago, the policy names nobody", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation, w.Access = 2*minute, nil
			p.Backends[0].Access = accessSince(now.Add(-minute), alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"access granted long ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"the agent's grant was seen long ago and taken away", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
			w.Clocks.Seen = seenSince(now.Add(-time.Hour), helloName, posture.RoleInvoker, agent)
		}, nil},
		{"changed ten seconds ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Settle, p.Service.UpdatedAt = 30*time.Second, now.Add(-10*time.Second)
		}, map[plan.Op]time.Duration{opIngress: 20 * time.Second}},
		{"changed ten seconds ago, by us", func(p *posture.Posture, w *policy.Wanted) {
			w.Settle, p.Service.UpdatedAt = 30*time.Second, now.Add(-10*time.Second)
			w.Clocks.Wrote = map[string]time.Time{helloName: now.Add(-9 * time.Second)}
		}, nil},
		{"changed ten seconds ago, after a write of ours", func(p *posture.Posture, w *policy.Wanted) {
			w.Settle, p.Service.UpdatedAt = 30*time.Second, now.Add(-10*time.Second)
			w.Clocks.Wrote = map[string]time.Time{helloName: now.Add(-11 * time.Second)}
		}, map[plan.Op]time.Duration{opIngress: 20 * time.Second}},
		{"a backend service was changed four seconds ago", func(_ *posture.Posture, w *policy.Wanted) {
			w.Settle, w.Quiet, w.Clocks.TouchedAt = 30*time.Second, 10*time.Second, now.Add(-4*time.Second)
		}, map[plan.Op]time.Duration{opIAP: 6 * time.Second, opIngress: 26 * time.Second, opPublic: 6 * time.Second}},
		{"an open service whose policy was changed four seconds ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Quiet, p.Invokers.ChangedAt = 10*time.Second, now.Add(-4*time.Second)
		}, map[plan.Op]time.Duration{opProvision: 6 * time.Second, opGrant: 6 * time.Second, opAccess: 6 * time.Second,
			opIAP: 6 * time.Second, opPublic: 6 * time.Second}},
		{"an open service whose policy we wrote four seconds ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Quiet, p.Invokers.ChangedAt = 10*time.Second, now.Add(-4*time.Second)
			w.Clocks.Wrote = map[string]time.Time{helloName + ":iamPolicy": now.Add(-4 * time.Second)}
		}, nil},
		{"a private service that was changed four seconds ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Settle, w.Quiet, p.Service.UpdatedAt = 30*time.Second, 10*time.Second, now.Add(-4*time.Second)
			p.Invokers.Bindings, p.Backends[0].Members[0].Invokers.Bindings = nil, nil
		},
			map[plan.Op]time.Duration{opProvision: 26 * time.Second, opGrant: 26 * time.Second, opAccess: 26 * time.Second,
				opIAP: 26 * time.Second, opIngress: 26 * time.Second}},
		{"changed again and again: the quiet time is bounded too", func(p *posture.Posture, w *policy.Wanted) {
			w.Quiet, p.Invokers.ChangedAt, w.Clocks.QuietBy = 10*time.Second, now, now.Add(3*time.Second)
		}, map[plan.Op]time.Duration{opProvision: 3 * time.Second, opGrant: 3 * time.Second, opAccess: 3 * time.Second,
			opIAP: 3 * time.Second, opPublic: 3 * time.Second}},
		{"changed again and again: the settle time is bounded", func(p *posture.Posture, w *policy.Wanted) {
			w.Settle, p.Service.UpdatedAt, w.Clocks.QuietBy = 30*time.Second, now, now.Add(5*time.Second)
		}, map[plan.Op]time.Duration{opIngress: 5 * time.Second}},
		{"a roll-out that hangs: the wait for it is bounded", func(p *posture.Posture, w *policy.Wanted) {
			p.Service.Reconciling, w.Clocks.QuietBy = true, now.Add(-time.Second)
		}, nil},
		{"changed by a clock ahead of ours, and no settle time", func(p *posture.Posture, _ *policy.Wanted) {
			p.Service.UpdatedAt = now.Add(time.Second)
		}, nil},
		{"changed at a time that is not known",
			func(_ *posture.Posture, w *policy.Wanted) { w.Settle = 30 * time.Second }, nil},
		{"access at the service itself, behind a load balancer", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
			p.DirectAccess.ChangedAt = now.Add(-minute)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"access granted at the service itself a minute ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation, w.Recipe = 2*minute, policy.RecipeDirect
			p.DirectAccess = accessSince(now.Add(-minute), alice)
		}, map[plan.Op]time.Duration{opDirect: minute, opPublic: 2 * minute}},
		{"access granted above the service a minute ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation, w.Recipe = 2*minute, policy.RecipeDirect
			p.DirectInherited = []posture.Policy{accessSince(now.Add(-minute), alice)}
		}, map[plan.Op]time.Duration{opDirect: minute, opPublic: 2 * minute}},
		{"others granted access at the service, nobody is named",
			func(p *posture.Posture, w *policy.Wanted) {
				w.Propagation, w.Recipe, w.Access = 2*minute, policy.RecipeDirect, nil
				p.DirectAccess = accessSince(now.Add(-minute), alice)
			}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"only the agent's grant is missing", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].IAPOn, p.Service.Ingress = true, posture.IngressInternalLoadBalancing
			p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"IAP is on, and its accessor got access a minute ago", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Backends[0].IAPOn, p.Backends[0].Access = true, accessSince(now.Add(-minute), alice)
		}, map[plan.Op]time.Duration{opIngress: minute, opPublic: 2 * minute}},
		{"IAP is on, and another way in has none", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			side := p.Backends[0]
			side.Name, side.Access = "side-backend", accessSince(now.Add(-time.Hour), alice)
			p.Backends[0].IAPOn, p.Backends[0].Access = true, accessSince(now.Add(-minute), alice)
			p.Backends = append(p.Backends, side)
		}, map[plan.Op]time.Duration{opPublic: 2 * minute}},
		{"IAP is on, and nobody but its agent gets in, since a minute", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation = 2 * minute
			p.Invokers = posture.Policy{ChangedAt: now.Add(-minute),
				Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{agent}}}}
			p.Backends[0].Members[0].Invokers = p.Invokers
			p.Backends[0].IAPOn, p.Backends[0].Access = true, accessSince(now.Add(-time.Hour), alice)
		}, map[plan.Op]time.Duration{opIngress: minute}},
		{"nothing leads to a service that is to be closed", func(p *posture.Posture, w *policy.Wanted) {
			w.Propagation, w.WithoutLoadBalancer, p.Backends = 2*minute, policy.WithoutClose, nil
		}, nil},
		{"being deployed", func(p *posture.Posture, _ *policy.Wanted) { p.Service.Reconciling = true },
			map[plan.Op]time.Duration{opProvision: 10 * time.Second, opGrant: 10 * time.Second, opAccess: 10 * time.Second,
				opIAP: 10 * time.Second, opIngress: 10 * time.Second, opPublic: 10 * time.Second}},
	} {
		p, w := deployed(), want()
		tc.change(&p, &w)
		for _, step := range made(p, w).Steps {
			var got time.Duration
			if !step.NotBefore.IsZero() {
				got = step.NotBefore.Sub(now)
			}
			if got != tc.want[step.Op()] {
				t.Errorf("%s: %s is due in %s, want %s", tc.name, step.Op(), got, tc.want[step.Op()])
			}
		}
	}
}

func TestWhatIsDueOvertakesWhatIsNot(t *testing.T) {
	p, w := deployed(), want()
	w.Settle, p.Service.UpdatedAt = 30*time.Second, now.Add(-10*time.Second)
	w.Propagation = 2 * time.Minute
	due, later := made(p, w).Due(now)
	if diff := cmp.Diff([]plan.Op{opProvision, opGrant, opAccess}, ops(due)); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]plan.Op{opIngress, opIAP, opPublic}, ops(later)); diff != "" {
		t.Errorf("later, the next first (-want +got):\n%s", diff)
	}
}

func TestTheAgeOfIAPItselfDoesNotMatter(t *testing.T) {
	p, w := deployed(), want()
	w.Propagation, w.WroteAt = 2*time.Minute, now.Add(-time.Second)
	long := posture.Policy{Version: "p2", ChangedAt: now.Add(-time.Hour),
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers", agent}}}}
	p.Invokers, p.Backends[0].Members[0].Invokers = long, long
	p.Backends[0].IAPOn, p.Service.Ingress = true, posture.IngressInternalLoadBalancing
	p.Backends[0].Access = accessSince(now.Add(-time.Hour), alice)
	steps := made(p, w).Steps
	if len(steps) != 1 || steps[0].Op() != opPublic || !steps[0].NotBefore.IsZero() {
		t.Errorf("steps %+v, want revoke-public at once", steps)
	}
}

func TestRememberedGrantsAreThoseThatStepsWaitFor(t *testing.T) {
	p, w := deployed(), want()
	w.Access = []string{alice, "group:team@example.com"}
	p.Backends[0].Access = accessSince(now.Add(-time.Minute), append(w.Access, "user:eve@example.com")...)
	relied := plan.Relied(made(p, w), p, w, now)
	want := map[policy.Grant]time.Time{{Resource: accessName, Role: posture.RoleAccessor,
		Members: "group:team@example.com " + alice}: now.Add(-time.Minute)}
	if diff := cmp.Diff(want, relied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.Backends[0].Access = accessSince(now.Add(-time.Minute), alice)
	if relied := plan.Relied(made(p, w), p, w, now); len(relied) > 0 {
		t.Errorf("with a member missing: %v, want none", relied)
	}
}

func TestTheIDChangesWithStepsAndVersionsAndNotWithTime(t *testing.T) {
	base := made(deployed(), want()).ID()
	if again := made(deployed(), want()).ID(); again != base {
		t.Errorf("the same state gives %s and %s", base, again)
	}
	w := want()
	w.Propagation = time.Minute
	if waiting := made(deployed(), w).ID(); waiting != base {
		t.Errorf("waiting times change the id from %s to %s", base, waiting)
	}
	p := deployed()
	p.Service.Version = "s2"
	if moved := made(p, want()).ID(); moved == base {
		t.Error("another version of the service gives the same id")
	}
	p = deployed()
	p.Service.Ingress = posture.IngressInternal
	if fewer := made(p, want()).ID(); fewer == base {
		t.Error("fewer steps give the same id")
	}
}

func TestPlanNamesStepsThatCanShutSomebodyOut(t *testing.T) {
	p, w := deployed(), want()
	p.Service.InvokerCheckOff = true
	want := []caller.ChangeTo{
		{Change: caller.ChangeIAP, Resource: backendName}, {Change: caller.ChangeIngress, Resource: helloName},
		{Change: caller.ChangeInvokers, Resource: helloName}, {Change: caller.ChangeInvokers, Resource: helloName},
	}
	if diff := cmp.Diff(want, made(p, w).Changes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckRefusesAnotherOrder(t *testing.T) {
	good := made(deployed(), want())
	granted := plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: agent}, Resource: helloName}
	guarded := plan.Step{Change: plan.EnableIAP{}, Resource: backendName}
	elsewhere := plan.Step{Change: plan.EnableIAP{}, Resource: backendName + "-other"}
	if err := good.Check(deployed()); err != nil {
		t.Fatalf("the safe order is refused: %v", err)
	}
	for _, tc := range []struct {
		name  string
		steps []plan.Step
	}{
		{"the public goes, and IAP stays off", []plan.Step{granted, {Change: plan.RevokePublic{}}}},
		{"the public goes, and the agent is not let in", []plan.Step{guarded, {Change: plan.RevokePublic{}}}},
		{"IAP goes on at another backend service only", []plan.Step{granted, elsewhere, {Change: plan.RevokePublic{}}}},
		{"the public goes before IAP is on", []plan.Step{{Change: plan.RevokePublic{}}, {Change: plan.EnableIAP{}}}},
		{"IAP before the agent's grant", []plan.Step{{Change: plan.EnableIAP{}}, {Change: plan.GrantInvoker{}}}},
		{"a step without a change", []plan.Step{{Resource: helloName}}},
	} {
		if err := (plan.Plan{Steps: tc.steps}).Check(deployed()); err == nil {
			t.Errorf("%s is accepted", tc.name)
		}
	}
}

func TestWithoutALoadBalancerThePolicyDecides(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"wait", func(*posture.Posture, *policy.Wanted) {}, []plan.Op{opProvision, opGrant}},
		{"close", func(_ *posture.Posture, w *policy.Wanted) { w.WithoutLoadBalancer = policy.WithoutClose },
			[]plan.Op{opProvision, opGrant, opIngress, opPublic}},
		{"close, while the ingress is not known", func(p *posture.Posture, w *policy.Wanted) {
			w.WithoutLoadBalancer, p.Service.Ingress = policy.WithoutClose, posture.IngressUnknown
		}, []plan.Op{opProvision, opGrant, opPublic}},
		{"direct", func(_ *posture.Posture, w *policy.Wanted) { w.WithoutLoadBalancer = policy.WithoutDirect },
			[]plan.Op{opProvision, opGrant, opAccess, opDirect, opPublic}},
		{"direct, and nobody has access", func(_ *posture.Posture, w *policy.Wanted) {
			w.WithoutLoadBalancer, w.Access = policy.WithoutDirect, nil
		}, []plan.Op{opProvision, opGrant}},
	} {
		p, w := deployed(), want()
		p.Backends = nil
		tc.change(&p, &w)
		if diff := cmp.Diff(tc.want, ops(made(p, w).Steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestTheDirectRecipeTurnsIAPOnAtTheServiceAndNowhereElse(t *testing.T) {
	p, w := deployed(), want()
	w.Recipe, p.DirectAccess.Version = policy.RecipeDirect, "d1"
	steps := made(p, w).Steps
	for i := range steps {
		steps[i].Why = ""
	}
	expected := []plan.Step{
		{Change: plan.ProvisionAgent{Agent: agent}, Resource: "projects/demo-project/services/iap.googleapis.com"},
		{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: agent}, Resource: helloName, Version: "p1"},
		{Change: plan.GrantAccess{Role: posture.RoleAccessor, Members: []string{alice}},
			Resource: "projects/123456789012/iap_web/cloud_run-us-central1/services/hello", Version: "d1"},
		{Change: plan.EnableDirectIAP{}, Resource: helloName, Version: "s1"},
		{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, Resource: helloName, Version: "p1"},
	}
	if diff := cmp.Diff(expected, steps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.Backends[0].IAPOn = true
	if diff := cmp.Diff([]plan.Op{opProvision, opGrant}, ops(made(p, w).Steps)); diff != "" {
		t.Errorf("while IAP is on at the load balancer (-want +got):\n%s", diff)
	}
}
