package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestOutsidersAreNamedWhereThePolicySaysWhoBelongs(t *testing.T) {
	p := posturetest.Protected()
	p.Backends[0].Access = grant(posture.RoleAccessor, posturetest.Alice, "user:m@evil.com", "allUsers", "domain:gmail.com")
	p.Invokers.Bindings = append(p.Invokers.Bindings,
		posture.Binding{Role: "roles/run.developer", Members: []string{"group:g@evil.com", "user:b@example.com"}})
	want := posturetest.Wanted()
	if got := append(foreignAccessors(p, want), foreignInvokers(p, want)...); len(got) > 0 {
		t.Errorf("without domains: %+v, want none", got)
	}
	want.Trust.Domains = []string{"example.com"}
	var said []string
	for _, f := range append(foreignAccessors(p, want), foreignInvokers(p, want)...) {
		said = append(said, string(f.Code)+" "+f.Subject)
	}
	if diff := cmp.Diff([]string{"FOREIGN_ACCESSOR user:m@evil.com", "FOREIGN_INVOKER group:g@evil.com"}, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want.Trust.Members = []string{"*@evil.com", "group:g@evil.com", "user:m@evil.com"}
	if got := append(foreignAccessors(p, want), foreignInvokers(p, want)...); len(got) > 0 {
		t.Errorf("trusted: %+v, want none", got)
	}
}
