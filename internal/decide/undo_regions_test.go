package decide

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

func TestUndoTakesBackWhatWasDoneInEachRegion(t *testing.T) {
	part := func(region string) posture.Posture {
		p := protectedShop()
		p.Target.Location, p.Service.URLs = region, []string{"https://" + region + ".run.app"}
		p.Invokers.Version, p.Service.Version = "policy of "+region, "service of "+region
		p.Backends[0].Members[0].Target.Location = region
		return p
	}
	one, two := part("us-central1"), part("europe-west1")
	whole := protectedShop()
	whole.Target.Location, whole.Invokers, whole.Backends = posture.Global, posture.Policy{}, nil
	seen := whole.WithRegions([]posture.Posture{one, two})
	taken := []plan.Step{
		{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: shopAgent}, Resource: one.Target.Name()},
		{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: shopAgent}, Resource: two.Target.Name()},
		{Change: plan.EnableIAP{}, Resource: shopBack},
		{Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing}, Resource: whole.Target.Name()},
		{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, Resource: two.Target.Name()},
	}
	done := report.Report{RunID: "r", Outcome: report.Protected, Target: &report.Target{Project: shop.Project,
		ProjectNumber: "123456789012", Location: posture.Global, Service: shop.Service, UID: "u"}}
	for _, step := range taken {
		done.Steps = append(done.Steps, report.StepOf(step, report.StepDone))
	}
	w := witnessed(done)
	w.Trail.Writes = w.Trail.Writes[:7] // in us-central1 the public stays
	for _, location := range []string{"europe-west1", posture.Global} {
		for _, write := range shopWrites() {
			if write.Service != "" {
				write.Location = location
				w.Trail.Writes = append(w.Trail.Writes, write)
			}
		}
	}
	undoing, err := Undo(seen, []report.Report{done}, w)
	if err != nil {
		t.Fatal(err)
	}
	const want = "revoke-public@policy of europe-west1 restrict-ingress@s1 enable-iap@b1 " +
		"grant-invoker@policy of europe-west1 grant-invoker@policy of us-central1"
	if diff := cmp.Diff(want, operations(undoing.Steps)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	var opens []string
	for _, door := range undoing.Opens {
		opens = append(opens, string(door.Guard)+" "+door.Address)
	}
	slices.Sort(opens)
	if diff := cmp.Diff([]string{"open https://203.0.113.9", "open https://europe-west1.run.app"}, opens); diff != "" {
		t.Errorf("doors that it opens (-want +got):\n%s", diff)
	}
	done.Steps[0].Resource = "projects/demo-project/locations/asia-east1/services/shop"
	if _, err := Undo(seen, []report.Report{done}, w); err == nil {
		t.Error("a step in a region that the service is not in is taken back")
	}
}
