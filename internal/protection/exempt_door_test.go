package protection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

const exempting = `version: 1
exemptions:
  - services: [projects/demo-project/locations/us-central1/services/hello]
    door:
      frontend: projects/demo-project/global/forwardingRules/hello-https
      backend: projects/demo-project/global/backendServices/hooks
      host: shop.example.com
      path: /hooks/*
    reason: the payment provider calls it
    owner: team-shop
    ticket: SEC-21
    expires: 2026-12-31
rules: [{name: all}]
`

// withExemptDoor is a service whose policy exempts a door at a second backend service, in the
// open, with everything else protected but the ingress.
func withExemptDoor(t *testing.T) (posture.Posture, policy.Wanted) {
	t.Helper()
	text, err := policy.Parse([]byte(exempting), now)
	if err != nil {
		t.Fatal(err)
	}
	p, w := posturetest.Protected(), want()
	settings, _ := text.For(policy.Subject{Target: p.Target})
	w.Doors = settings.Doors
	p.ObservedAt, p.Service.Ingress = now, posture.IngressAll
	p.Invokers.Bindings = append(p.Invokers.Bindings,
		posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	hooks := p.Backends[0]
	hooks.Name, hooks.IAPOn, hooks.Access = "hooks", false, posture.Policy{Version: "a2"}
	hooks.Frontends = []posture.Frontend{{Resource: p.Backends[0].Frontends[0].Resource, Address: "203.0.113.7", HTTPS: true,
		Hosts: []string{"shop.example.com"}, Paths: []string{"/hooks/*"}}}
	p.Backends = append(p.Backends, hooks)
	return p, w
}

func TestOneDoorIsExemptWhileItsRouteIsTheOnlyOne(t *testing.T) {
	at := func(change func(*posture.Backend)) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) { change(&p.Backends[1]) }
	}
	route := func(change func(*posture.Frontend)) func(*posture.Posture, *policy.Wanted) {
		return at(func(b *posture.Backend) { change(&b.Frontends[0]) })
	}
	closed := []plan.Op{opAccess, opIAP, opIngress, opPublic}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		code   Code
		steps  []plan.Op
	}{
		{"the door is the one", func(*posture.Posture, *policy.Wanted) {}, doorExempt, []plan.Op{opIngress}},
		{"Cloud CDN is on there", at(func(b *posture.Backend) { b.CDNOn = true }), doorExempt, []plan.Op{opIngress}},
		{"another host", route(func(f *posture.Frontend) { f.Hosts = []string{"www.example.com"} }), doorNotExempt, closed},
		{"a second host", route(func(f *posture.Frontend) { f.Hosts = append(f.Hosts, "www.example.com") }), doorNotExempt, closed},
		{"any host", route(func(f *posture.Frontend) { f.Hosts = nil }), doorNotExempt, closed},
		{"another path", route(func(f *posture.Frontend) { f.Paths = []string{"/*"} }), doorNotExempt, closed},
		{"all paths", route(func(f *posture.Frontend) { f.Paths = nil }), doorNotExempt, closed},
		{"another frontend", route(func(f *posture.Frontend) { f.Resource += "2" }), doorNotExempt, closed},
		{"a second route", at(func(b *posture.Backend) { b.Frontends = append(b.Frontends, b.Frontends[0]) }), doorNotExempt,
			closed},
		{"copies of requests", route(func(f *posture.Frontend) { f.Mirror = true }), doorNotExempt, closed},
		{"another backend service", at(func(b *posture.Backend) { b.Name = "other" }), doorNotExempt, closed},
		{"it serves another service too", at(func(b *posture.Backend) {
			other := posture.Member{Target: posturetest.Other, Invokers: b.Members[0].Invokers}
			b.Members = append(b.Members[:1:1], other)
		}), doorNotExempt, closed},
		{"the rule keeps the ingress", func(_ *posture.Posture, w *policy.Wanted) { w.KeepIngress = true }, doorNotExempt,
			[]plan.Op{opAccess, opIAP, opPublic}},
		{"it has expired", func(p *posture.Posture, w *policy.Wanted) { w.Doors[0].Expires = now.Add(-time.Hour) }, "", closed},
		{"two exemptions name it", func(_ *posture.Posture, w *policy.Wanted) { w.Doors = append(w.Doors, w.Doors[0]) },
			doorNotExempt, closed},
	} {
		p, w := withExemptDoor(t)
		tc.change(&p, &w)
		p = Exempting(p, w, now)
		found := Assess(p, w)
		var got Code
		for _, f := range found {
			if f.Code == doorExempt || f.Code == doorNotExempt {
				got = f.Code
			}
		}
		if diff := cmp.Diff(tc.code, got) + cmp.Diff(tc.steps, ops(Plan(p, w, found, now).Steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
