package remedy_test

import (
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy"
)

func TestTakeBackIsTheCommandAgainstEachStep(t *testing.T) {
	shop := posture.Target{Project: "p", Location: "us-central1", Service: "shop"}
	backend := posture.Backend{Project: "p", Location: posture.Global, Name: "back"}
	p := posture.Posture{Target: shop, ProjectNumber: "1", Backends: []posture.Backend{backend}}
	for _, tc := range []struct {
		change   plan.Change
		resource string
		want     string
	}{
		{plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, shop.Name(), "--member=allUsers"},
		{plan.RestrictIngress{From: posture.IngressAll}, shop.Name(), "--ingress=all"},
		{plan.RequireInvoker{}, shop.Name(), "--no-invoker-iam-check"},
		{plan.EnableDirectIAP{}, shop.Name(), "--no-iap"},
		{plan.EnableIAP{}, backend.Resource(), "backend-services update back --global --project=p --iap=disabled"},
		{plan.GrantInvoker{Role: posture.RoleInvoker, Member: "user:a@example.com"}, shop.Name(), "remove-iam-policy-binding shop"},
		{plan.GrantAccess{Role: posture.RoleAccessor, Members: []string{"user:a@example.com"}}, backend.AccessResource("1"),
			"iap web remove-iam-policy-binding"},
		{plan.EnableAPI{Service: plan.IAPAPI}, "projects/p/services/" + plan.IAPAPI, ""},
	} {
		step := plan.Step{Change: tc.change, Resource: tc.resource}
		if forged := remedy.TakeBack(p, step, false); forged != nil {
			t.Errorf("%T: %q, and nothing says that we wrote it", tc.change, forged)
		}
		got := strings.Join(remedy.TakeBack(p, step, true), "\n")
		if !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
			t.Errorf("%T: %q, want %q in it", tc.change, got, tc.want)
		}
	}
}
