package doctor

import (
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestIAPAtAForwardingRuleIsNotOff(t *testing.T) {
	e := stuckEvidence()
	backend := &e.Posture.Backends[0]
	backend.IAPOn = false
	rule := &posture.RuleIAP{Policies: []string{"iap"}, Project: "demo-project", Number: "123456789012"}
	for i := range backend.Frontends {
		backend.Frontends[i].Resource, backend.Frontends[i].IAP = "projects/demo-project/global/forwardingRules/fr", rule
	}
	if !e.iapOn() || off(e, now) != nil {
		t.Errorf("IAP is on: %v, %+v; want it on, and no verdict that it is off", e.iapOn(), off(e, now))
	}
	const grant = "gcloud iap web add-iam-policy-binding --resource-type=forwarding-rule --service=fr"
	if got := grantAccess(e.Posture, "hello.example.com"); strings.Count(got, "gcloud") != 1 || !strings.Contains(got, grant) {
		t.Errorf("%s, want %s alone", got, grant)
	}
	if got := e.iapText(); !strings.Contains(got, "asked at projects/demo-project/global/forwardingRules/fr") {
		t.Errorf("evidence %q", got)
	}
}
