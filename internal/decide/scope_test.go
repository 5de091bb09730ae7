package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

var (
	hello     = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	neighbour = posture.Target{Project: "demo-project", Location: "us-central1", Service: "neighbour"}
)

func TestAHoldOnANeighbourStopsThePlanToo(t *testing.T) {
	own, theirs := &policy.Hold{Reason: "own"}, &policy.Hold{Reason: "theirs"}
	backend := posture.Backend{Project: "demo-project", Location: "global", Name: "shared"}
	for _, tc := range []struct {
		name    string
		holds   map[posture.Target]*policy.Hold
		missing bool
		idle    bool // no frontend leads to the backend service
		steps   []plan.Step
		want    *policy.Hold
	}{
		{"nothing is held", nil, false, false, nil, nil},
		{"its own", map[posture.Target]*policy.Hold{hello: own, neighbour: theirs}, false, false, nil, own},
		{"the neighbour's", map[posture.Target]*policy.Hold{neighbour: theirs}, false, false, nil, theirs},
		{"of a neighbour that does not exist", map[posture.Target]*policy.Hold{neighbour: theirs}, true, false, nil, nil},
		{"of a neighbour to which nothing leads together", map[posture.Target]*policy.Hold{neighbour: theirs}, false, true,
			[]plan.Step{{Resource: hello.Name()}}, nil},
		{"… and whose backend service is written", map[posture.Target]*policy.Hold{neighbour: theirs}, false, true,
			[]plan.Step{{Resource: backend.Resource()}}, theirs},
		{"… or the policy of its IAP", map[posture.Target]*policy.Hold{neighbour: theirs}, false, true,
			[]plan.Step{{Resource: backend.AccessResource("1")}}, theirs},
	} {
		shared := backend
		shared.Members = []posture.Member{{Target: hello}, {Target: neighbour, Missing: tc.missing}}
		if !tc.idle {
			shared.Frontends = []posture.Frontend{{}}
		}
		p := posture.Posture{Target: hello, ProjectNumber: "1", Backends: []posture.Backend{shared}}
		of := func(target posture.Target) (policy.Settings, bool) {
			return policy.Settings{Hold: tc.holds[target]}, true
		}
		if got := heldBy(p, tc.steps, of); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestProtectedOnceIsKnownByWhatTheRecipeLeavesBehind(t *testing.T) {
	since := policy.Settings{Since: time.Unix(1000, 0)}
	granted := posture.Posture{ProjectNumber: "123456789012"}
	granted.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{granted.Agent()}}}
	granted.Service.Ingress = posture.IngressInternalLoadBalancing
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Settings)
		tooOld bool
	}{
		{"agent and ingress", func(*posture.Posture, *policy.Settings) {}, false},
		{"IAP and ingress", func(p *posture.Posture, _ *policy.Settings) {
			p.Invokers, p.Backends = posture.Policy{}, []posture.Backend{{IAPOn: true}}
		}, false},
		{"the ingress alone", func(p *posture.Posture, _ *policy.Settings) { p.Invokers = posture.Policy{} }, true},
		{"the agent alone", func(p *posture.Posture, _ *policy.Settings) { p.Service.Ingress = posture.IngressAll }, true},
		{"agent and IAP, which people set up too", func(p *posture.Posture, _ *policy.Settings) {
			p.Service.Ingress, p.Backends = posture.IngressAll, []posture.Backend{{IAPOn: true}}
		}, true},
		{"created right then", func(p *posture.Posture, _ *policy.Settings) {
			p.Invokers, p.Service.CreatedAt = posture.Policy{}, time.Unix(1000, 0)
		}, false},
		{"older ones are wanted",
			func(p *posture.Posture, s *policy.Settings) { p.Invokers, s.Existing = posture.Policy{}, true }, false},
		{"age does not matter",
			func(p *posture.Posture, s *policy.Settings) { p.Invokers, s.Since = posture.Policy{}, time.Time{} }, false},
	} {
		p, settings := granted, since
		tc.change(&p, &settings)
		if got := tooOld(p, settings); got != tc.tooOld {
			t.Errorf("%s: too old %t, want %t", tc.name, got, tc.tooOld)
		}
	}
}
