package protection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestAnInstanceHasTheFindingsOfWhoGetsIn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []Code
	}{
		{"nobody but who is named", func(*posture.Posture, *policy.Wanted) {}, nil},
		{"a public invoker", func(p *posture.Posture, _ *policy.Wanted) {
			p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
		}, []Code{PublicInvoker}},
		{"the public in a role for services alone", func(p *posture.Posture, _ *policy.Wanted) {
			p.Invokers.Bindings = []posture.Binding{{Role: "roles/run.servicesInvoker", Members: []string{"allUsers"}}}
		}, nil},
		{"no invoker check, and a rule that wants IAP at services", func(p *posture.Posture, w *policy.Wanted) {
			p.Service.InvokerCheckOff, w.Recipe = true, policy.RecipeDirect
		}, []Code{InvokerCheckOff}},
		{"somebody from outside", func(p *posture.Posture, w *policy.Wanted) {
			w.Trust.Domains = []string{"example.com"}
			p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"user:eve@partner.com"}}}
		}, []Code{ForeignInvoker}},
		{"a public accessor of the region", func(p *posture.Posture, _ *policy.Wanted) {
			p.Service.IAPOn = true
			p.DirectAccess.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers"}}}
		}, []Code{PublicAccessor}},
		{"the project's public", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allAuthenticatedUsers"}}}
		}, []Code{InheritedPublicInvoker}},
		{"a rule that leaves it alone", func(p *posture.Posture, w *policy.Wanted) {
			p.Service.InvokerCheckOff, w.Recipe = true, policy.RecipeOff
		}, nil},
	} {
		p, w := deployed(), want()
		p.Target.Instance, p.Backends, p.Invokers = true, nil, posture.Policy{}
		tc.change(&p, &w)
		findings := Assess(p, w)
		var got []Code
		for _, f := range findings {
			got = append(got, f.Code)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if slices.ContainsFunc(findings, func(f Finding) bool {
			return f.Disposition != Remarks || f.Change != nil || f.Remedy == ""
		}) {
			t.Errorf("%s: %+v, want remarks with remedies", tc.name, findings)
		}
	}
}
