package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestMembersThatThePolicyNamesGetAccess(t *testing.T) {
	check(t, accessors, []row{
		{"nobody has access", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access = posture.Policy{} },
			[]Code{AccessorMissing}},
		{"only under a condition",
			func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access.Bindings[0].Condition = "true" },
			[]Code{AccessorMissing}},
		{"the policy names nobody", func(p *posture.Posture, want *policy.Wanted) {
			p.Backends[0].Access, want.Access = posture.Policy{}, nil
		}, nil},
		{"one of two", func(_ *posture.Posture, want *policy.Wanted) {
			want.Access = []string{posturetest.Alice, "user:bob@example.com"}
		}, []Code{AccessorMissing}},
		{"always, where a condition would do",
			func(_ *posture.Posture, want *policy.Wanted) { want.AccessCondition = posturetest.Until }, nil},
		{"under the wanted condition", func(p *posture.Posture, want *policy.Wanted) {
			want.AccessCondition, p.Backends[0].Access.Bindings[0].Condition = posturetest.Until, posturetest.Until.Expression
		}, nil},
		{"under another condition", func(p *posture.Posture, want *policy.Wanted) {
			want.AccessCondition, p.Backends[0].Access.Bindings[0].Condition = posturetest.Until, "true"
		}, []Code{AccessorMissing}},
		{"a backend that nothing leads to", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.Backends[0].Frontends = posture.Policy{}, nil
		}, nil},
	})
}

func TestIAPStaysOffWhereNobodyWouldGetIn(t *testing.T) {
	nobody := func(p *posture.Posture, want *policy.Wanted) {
		p.Backends[0].Access, p.Backends[0].IAPOn, want.Access = posture.Policy{}, false, nil
	}
	check(t, accessKnown, []row{
		{"nobody", nobody, []Code{NoAccessor}},
		{"only a deleted user", func(p *posture.Posture, want *policy.Wanted) {
			nobody(p, want)
			p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor,
				Members: []string{"deleted:user:a@example.com?uid=1"}}}
		}, []Code{NoAccessor}},
		{"somebody that the policy does not name", func(p *posture.Posture, want *policy.Wanted) {
			nobody(p, want)
			p.Backends[0].Access = posturetest.Protected().Backends[0].Access
		}, nil},
		{"the policy names somebody", func(p *posture.Posture, want *policy.Wanted) {
			nobody(p, want)
			want.Access = []string{posturetest.Alice}
		}, nil},
		{"the policy says to enable all the same",
			func(p *posture.Posture, want *policy.Wanted) { nobody(p, want); want.NoneFor = policy.NoneEnable }, nil},
		{"IAP is on already",
			func(p *posture.Posture, want *policy.Wanted) { nobody(p, want); p.Backends[0].IAPOn = true }, nil},
	})
}
