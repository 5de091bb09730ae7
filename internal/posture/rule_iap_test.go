package posture_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestIAPKeepsThePolicyOfAForwardingRuleByItsName(t *testing.T) {
	for rule, want := range map[string][]string{
		"projects/p/global/forwardingRules/fr": {"projects/7/iap_web/forwarding_rule/services/fr",
			"projects/7/iap_web/forwarding_rule", "projects/7/iap_web"},
		"projects/p/regions/us-central1/forwardingRules/fr": {"projects/7/iap_web/forwarding_rule-us-central1/services/fr",
			"projects/7/iap_web/forwarding_rule-us-central1", "projects/7/iap_web"},
	} {
		frontend := posture.Frontend{Resource: rule}
		if diff := cmp.Diff(want, append([]string{frontend.AccessResource("7")}, frontend.AccessParents("7")...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
}

func TestABackendServiceIsDelegatedWhereEveryRuleAsksIAP(t *testing.T) {
	whole, partial := &posture.RuleIAP{Policies: []string{"a"}}, &posture.RuleIAP{Policies: []string{"a"}, Partial: true}
	for name, tc := range map[string]struct {
		rules []*posture.RuleIAP
		want  bool
	}{
		"no frontend": {nil, false}, "one": {[]*posture.RuleIAP{whole}, true}, "both": {[]*posture.RuleIAP{whole, whole}, true},
		"one of two": {[]*posture.RuleIAP{whole, nil}, false}, "some requests": {[]*posture.RuleIAP{partial}, false},
		"unread": {[]*posture.RuleIAP{{Unread: "403"}}, false},
	} {
		backend := posture.Backend{}
		for _, rule := range tc.rules {
			backend.Frontends = append(backend.Frontends, posture.Frontend{IAP: rule})
		}
		p := posture.Posture{Backends: []posture.Backend{backend}}
		if got := backend.Delegated(); got != tc.want || len(p.Reached()) > 0 == (tc.want || tc.rules == nil) {
			t.Errorf("%s: delegated %v with %d backend services to switch, want %v", name, got, len(p.Reached()), tc.want)
		}
	}
}
