package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// open is a public service from minute -60 on, as Cloud Run shows it, whose own
// addresses are all its doors, unless it is balanced.
func open(balanced bool, policyChanged time.Time) posture.Posture {
	p := fought()
	p.Service = posture.Service{URLs: []string{"https://hello-1.run.app"}, Ingress: posture.IngressAll, CreatedAt: at(-60),
		UpdatedAt: at(-30)}
	p.Invokers = posture.Policy{ChangedAt: policyChanged,
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}}
	if balanced {
		p.Service.Ingress = posture.IngressInternalLoadBalancing
		p.Backends[0].Scheme, p.Backends[0].Frontends = "EXTERNAL_MANAGED", []posture.Frontend{
			{Address: "203.0.113.1", HTTPS: true}}
	}
	return p
}

func TestADoorIsOpenSinceItWasSeenOrTheResourcesShowIt(t *testing.T) {
	closed := open(false, at(1))
	closed.Service.Ingress = posture.IngressInternal
	seen := func(p posture.Posture, minute int) *memory.Service {
		known := &memory.Service{}
		for _, one := range door.Of(p) {
			known.SeeDoors(at(minute), []string{one.Key()}, nil)
		}
		return known
	}
	for _, tc := range []struct {
		name  string
		p     posture.Posture
		known *memory.Service
		want  time.Time
	}{
		{"no door is open", closed, seen(closed, 1), time.Time{}},
		{"the policy has its time", open(false, at(-20)), nil, at(-20)},
		{"the service was changed after its policy", open(false, at(-40)), nil, at(-30)},
		{"nothing has a time", open(false, time.Time{}), nil, time.Time{}},
		{"it was seen open", open(false, time.Time{}), seen(open(false, time.Time{}), 5), at(5)},
		{"it was seen open, and touched since", open(false, at(30)), seen(open(false, at(30)), 5), at(5)},
		{"it was seen open later than the resources show", open(false, at(-20)), seen(open(false, at(-20)), 5), at(-20)},
		{"balanced", open(true, at(-20)), nil, time.Time{}},
		{"balanced, and seen open", open(true, at(-20)), seen(open(true, at(-20)), 7), at(7)},
	} {
		d := &decider{facts: Facts{Posture: tc.p, Memory: tc.known}}
		if got := d.openSince(); !got.Equal(tc.want) {
			t.Errorf("%s: since %v, want %v", tc.name, got, tc.want)
		}
		if got := d.waitingSince(protection.Finding{Code: protection.NoLoadBalancer}); !got.Equal(tc.want) {
			t.Errorf("%s: waits since %v, want %v", tc.name, got, tc.want)
		}
	}
	d := &decider{facts: Facts{Posture: open(false, at(1))}}
	if got := d.waitingSince(protection.Finding{Code: protection.IngressNotKnown}); !got.Equal(at(-30)) {
		t.Errorf("without an active revision it waits since %v, want since it was changed", got)
	}
}
