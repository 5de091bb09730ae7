package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// withParts is what there is of the recipe on a service: each letter one part.
// a = the agent's grant, i = IAP, c = ingress closed by us, p = the public,
// and what says of times: s = we changed the service last, l = the policy was
// changed later than the service, u = nobody knows when.
func withParts(parts string) (posture.Posture, plan.Plan) {
	has := func(letter rune) bool {
		for _, part := range parts {
			if part == letter {
				return true
			}
		}
		return false
	}
	p := fought()
	p.Service.Ingress, p.Service.UpdatedAt, p.Invokers.ChangedAt = posture.IngressAll, at(10), at(9)
	var made plan.Plan
	step := func(missing bool, s plan.Step) {
		if missing {
			made.Steps = append(made.Steps, s)
		}
	}
	var members []string
	if has('a') {
		members = append(members, p.Agent())
	}
	if has('p') {
		members = append(members, "allUsers")
	}
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: members}}
	p.Backends[0].IAPOn = has('i')
	if has('c') {
		p.Service.Ingress = posture.IngressInternalLoadBalancing
	}
	if has('s') {
		p.Service.LastModifier = us
	}
	if has('l') {
		p.Invokers.ChangedAt = at(11)
	}
	if has('u') {
		p.Invokers.ChangedAt = time.Time{}
	}
	step(!has('a'), grant)
	step(!has('i'), enable)
	step(!has('c'), narrow)
	step(has('p'), revoke)
	return p, made
}

func TestWhatWasWrittenBeforeIsRecognisedByWhatComesAfterIt(t *testing.T) {
	access := plan.Step{Change: plan.GrantAccess{Role: posture.RoleAccessor}, Resource: "r"}
	check := plan.Step{Change: plan.RequireInvoker{}, Resource: hello.Name()}
	for _, tc := range []struct {
		name, state string
		step        plan.Step
		want        bool
	}{
		{"a new service", "p", grant, false},
		{"a new service, private", "", grant, false},
		{"people's IAP without the grant", "ip", grant, false},
		{"the grant was taken", "ic", grant, true},
		{"an accessor was taken", "aic", access, true},
		{"an accessor of a new service", "ap", access, false},

		{"a first protection after its grants", "ap", enable, false},
		{"the same of a private service", "a", enable, false},
		{"IAP was turned off", "ac", enable, true},
		{"IAP was turned off and the public put back", "acp", enable, true},

		{"a first restriction", "ap", narrow, false},
		{"interrupted after IAP", "aip", narrow, false},
		{"the ingress was opened", "ai", narrow, true},

		{"the rest of a first protection", "aicps", revoke, false},
		{"somebody changed the service since", "aicp", revoke, true},
		{"the policy was changed since", "aicpsl", revoke, true},
		{"nobody knows when the policy was changed", "aicpsu", revoke, true},
		{"together with what comes before it", "ap", revoke, false},
		{"the check, as the rest", "aics", check, false},
		{"the check was switched off", "aic", check, true},
	} {
		p, made := withParts(tc.state)
		if got := wouldRepeat(p, made, tc.step, ourselves(us)); got != tc.want {
			t.Errorf("%s: written before %t, want %t", tc.name, got, tc.want)
		}
	}
	p, made := withParts("aicps")
	if !wouldRepeat(p, made, revoke, ourselves("")) {
		t.Error("who does not know who they are cannot prove that they wrote last")
	}
}
