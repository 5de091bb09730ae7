package posture

import "testing"

var until = Condition{Title: "until spring", Expression: `request.time < timestamp("2027-03-21T00:00:00Z")`}

func TestThoseWhomThePolicyNamesHaveAccess(t *testing.T) {
	check(t, accessors, []row{
		{"nobody has access", func(p *Posture, _ *Wanted) { p.Backends[0].Access = Policy{} }, []Code{AccessorMissing}},
		{"only under a condition", func(p *Posture, _ *Wanted) { p.Backends[0].Access.Bindings[0].Condition = "true" }, []Code{AccessorMissing}},
		{"the policy names nobody", func(p *Posture, want *Wanted) { p.Backends[0].Access, want.Access = Policy{}, nil }, nil},
		{"one of two", func(_ *Posture, want *Wanted) { want.Access = []string{alice, "user:bob@example.com"} }, []Code{AccessorMissing}},
		{"always, where a condition would do", func(_ *Posture, want *Wanted) { want.AccessIf = until }, nil},
		{"under the wanted condition", func(p *Posture, want *Wanted) {
			want.AccessIf, p.Backends[0].Access.Bindings[0].Condition = until, until.Expression
		}, nil},
		{"under another condition", func(p *Posture, want *Wanted) {
			want.AccessIf, p.Backends[0].Access.Bindings[0].Condition = until, "true"
		}, []Code{AccessorMissing}},
		{"a backend that nothing leads to", func(p *Posture, _ *Wanted) {
			p.Backends[0].Access, p.Backends[0].Frontends = Policy{}, nil
		}, nil},
	})
}

func TestIAPStaysOffWhereNobodyWouldGetIn(t *testing.T) {
	nobody := func(p *Posture, want *Wanted) {
		p.Backends[0].Access, p.Backends[0].IAPOn, want.Access = Policy{}, false, nil
	}
	check(t, accessKnown, []row{
		{"nobody", nobody, []Code{NoAccessor}},
		{"only a deleted user", func(p *Posture, want *Wanted) {
			nobody(p, want)
			p.Backends[0].Access.Bindings = []Binding{{Role: RoleAccessor, Members: []string{"deleted:user:a@example.com?uid=1"}}}
		}, []Code{NoAccessor}},
		{"somebody whom the policy does not name", func(p *Posture, want *Wanted) {
			nobody(p, want)
			p.Backends[0].Access = protected().Backends[0].Access
		}, nil},
		{"the policy names somebody", func(p *Posture, want *Wanted) { nobody(p, want); want.Access = []string{alice} }, nil},
		{"the policy says to enable all the same", func(p *Posture, want *Wanted) { nobody(p, want); want.NoneFor = NoneEnable }, nil},
		{"IAP is on already", func(p *Posture, want *Wanted) { nobody(p, want); p.Backends[0].IAPOn = true }, nil},
	})
}
