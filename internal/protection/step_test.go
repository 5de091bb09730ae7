package protection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestEveryStepCarriesTheVersionOfWhatItWrites(t *testing.T) {
	p, w := deployed(), want()
	other := posture.Target{Project: "demo-project", Location: "us-central1", Service: "other"}
	third := posture.Target{Project: "demo-project", Location: "us-central1", Service: "third"}
	p.Service.InvokerCheckOff = true
	p.Backends[0].Members = append(p.Backends[0].Members,
		posture.Member{Target: other, Invokers: posture.Policy{Version: "p-other"}},
		posture.Member{Target: third, Invokers: posture.Policy{Version: "p-third"}})
	got := map[string]string{}
	for _, step := range made(p, w).Steps {
		got[string(step.Op())+" "+step.Resource] = step.Version
	}
	want := map[string]string{
		"provision-agent projects/demo-project/services/iap.googleapis.com": "",
		"grant-invoker " + helloName:                                        "p1",
		"grant-invoker " + other.Name():                                     "p-other",
		"grant-invoker " + third.Name():                                     "p-third",
		"grant-access " + accessName:                                        "a1",
		"enable-iap " + backendName:                                         "f1",
		"restrict-ingress " + helloName:                                     "s1",
		"require-invoker-check " + helloName:                                "s1",
		"revoke-public " + helloName:                                        "p1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestAFindingThatIsNoGapGetsNoStep(t *testing.T) {
	p, w := deployed(), want()
	findings := Assess(p, w)
	for i := range findings {
		findings[i].Disposition = "" // only a remark, nothing to do
	}
	if got := Plan(p, w, findings, now).Steps; len(got) > 0 {
		t.Errorf("steps %v for findings that ask for none", ops(got))
	}
}

func TestAGrantOfTheProjectPropagatesLikeAnyOther(t *testing.T) {
	long, now := now.Add(-time.Hour), now
	for _, tc := range []struct {
		name             string
		inherits         bool
		project, service time.Time
		want             time.Duration
	}{
		{"granted on the project a minute ago", true, now.Add(-time.Minute), long, time.Minute},
		{"the project's policy is of no concern here", false, now.Add(-time.Minute), long, 0},
		{"granted on the service a minute ago", false, long, now.Add(-time.Minute), time.Minute},
	} {
		p, w := deployed(), want()
		w.Propagation = 2 * time.Minute
		p.Service.Ingress, p.Backends[0].IAPOn = posture.IngressInternalLoadBalancing, true
		grant := posture.Binding{Role: posture.RoleInvoker, Members: []string{agent}}
		if tc.inherits {
			p.Project.Bindings = []posture.Binding{grant}
		} else {
			p.Invokers.Bindings = append(p.Invokers.Bindings, grant)
		}
		p.Project.ChangedAt, p.Invokers.ChangedAt = tc.project, tc.service
		p.Backends[0].Members[0].Invokers = p.Invokers
		p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{alice}}}
		steps := made(p, w).Steps
		if len(steps) != 1 || steps[0].Op() != opPublic {
			t.Fatalf("%s: steps %v, want the public's alone", tc.name, ops(steps))
		}
		got := time.Duration(0)
		if !steps[0].NotBefore.IsZero() {
			got = steps[0].NotBefore.Sub(now)
		}
		if got != tc.want {
			t.Errorf("%s: the public goes in %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestAccessIsGrantedUnderTheConditionOfTheRule(t *testing.T) {
	p, w := deployed(), want()
	always := made(p, w)
	w.AccessCondition = posture.Condition{Title: "until spring", Expression: "e"}
	conditional := made(p, w)
	for _, step := range conditional.Steps {
		if under := step.Words().Condition; step.Op() == opAccess && under != w.AccessCondition {
			t.Errorf("access is granted under %q", under)
		}
	}
	if always.ID() == conditional.ID() {
		t.Error("two plans that grant access under different conditions have one id")
	}
}
