package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARuleHasItsOwnApproversOrThoseAtTheTop(t *testing.T) {
	policy := parsed(t, `  - {name: own, match: {projects: [mine]}, approvers: ["user:Ann@Example.com"]}
  - name: of the top
approvers: ["serviceAccount:boss@p.iam.gserviceaccount.com"]
`)
	rules := policy.Rules()
	const ann, boss = "user:ann@example.com", "serviceAccount:boss@p.iam.gserviceaccount.com"
	if diff := cmp.Diff([][]string{{ann}, {boss}}, [][]string{rules[0].Approvers, rules[1].Approvers}); diff != "" {
		t.Errorf("approvers of the rules (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{boss, ann}, policy.Approvers()); diff != "" {
		t.Errorf("all approvers (-want +got):\n%s", diff)
	}
	for email, want := range map[string]bool{
		"ann@example.com": true, "ANN@example.com": true, "boss@p.iam.gserviceaccount.com": false, "": false,
	} {
		if got := rules[0].MayApprove(email); got != want {
			t.Errorf("%q may approve: %t", email, got)
		}
	}
	if rules := parsed(t, "  - name: a\n").Rules(); rules[0].MayApprove("ann@example.com") {
		t.Error("without approvers somebody may approve")
	}
}
