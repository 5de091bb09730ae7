package protection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAssessFindsNothingOnAProtectedService(t *testing.T) {
	if got := Assess(posturetest.Protected(), posturetest.Wanted()); got != nil {
		t.Errorf("findings on a protected service: %+v", got)
	}
}

func TestAssessFindsEverythingOnAServiceAsDeployed(t *testing.T) {
	p, want := posturetest.Protected(), posturetest.Wanted()
	p.Service.Ingress = posture.IngressAll
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
	p.Backends[0].Members[0].Invokers = p.Invokers
	p.Backends[0].IAPOn, p.Backends[0].Access = false, posture.Policy{}
	var got []Code
	for _, finding := range Assess(p, want) {
		got = append(got, finding.Code)
	}
	expected := []Code{AgentNotProvisioned, AgentNotInvoker, AccessorMissing, IAPOff, IngressOpen, PublicInvoker}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want.Recipe = policy.RecipeOff; Assess(p, want) != nil {
		t.Error("a recipe that is off still finds something")
	}
}

func TestWorstIsTheStrongestDisposition(t *testing.T) {
	gap, waits, blocks := Finding{Disposition: Gap}, Finding{Disposition: Waits}, Finding{Disposition: Blocks}
	for _, tc := range []struct {
		findings []Finding
		want     Disposition
	}{
		{nil, ""}, {[]Finding{gap}, Gap}, {[]Finding{waits, gap}, Waits}, {[]Finding{gap, blocks, waits}, Blocks},
	} {
		if got := Worst(tc.findings); got != tc.want {
			t.Errorf("Worst(%v) = %q, want %q", tc.findings, got, tc.want)
		}
	}
}

func TestCodesAreAllAndOnce(t *testing.T) {
	codes := Codes()
	if len(codes) == 0 || len(codes) != len(slices.Compact(slices.Clone(codes))) {
		t.Errorf("Codes() = %v, want different ones", codes)
	}
}

func TestNothingIsAssessedUntilItIsKnownWhichRuleDecides(t *testing.T) {
	want := posturetest.Wanted()
	want.Undecided = "why"
	got := Assess(posturetest.Protected(), want)
	if len(got) != 1 || got[0].Code != ruleUndecided || got[0].Disposition != Blocks || got[0].Why != "why" {
		t.Errorf("%+v", got)
	}
}
