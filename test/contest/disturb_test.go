package contest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// endState is what the scenario leaves behind, as far as it guards doors: who
// is in which policy, ingress, and whether IAP is on.
func endState(t *testing.T, r *withfunction.Env) map[string]string {
	t.Helper()
	state := r.CallAs(r.Owner(), http.MethodGet, "/_local/state", nil)
	found := map[string]string{}
	for name, policy := range state["iamPolicies"].(map[string]any) {
		var grants []string
		bindings, _ := policy.(map[string]any)["bindings"].([]any)
		for _, each := range bindings {
			binding := each.(map[string]any)
			for _, member := range binding["members"].([]any) {
				grants = append(grants, fmt.Sprint(binding["role"], " ", member))
			}
		}
		slices.Sort(grants)
		found["policy of "+name] = strings.Join(grants, ", ")
	}
	for name, service := range state["run"].(map[string]any) {
		found["ingress of "+name] = fmt.Sprint(service.(map[string]any)["ingress"])
	}
	for name, resource := range state["compute"].(map[string]any) {
		if iap, ok := resource.(map[string]any)["iap"].(map[string]any); ok {
			found["IAP of "+name] = fmt.Sprint(iap["enabled"])
		}
	}
	return found
}

// play deploys the whole scenario at once and waits until it is protected.
func play(t *testing.T, r *withfunction.Env) {
	t.Helper()
	r.Build(playground.Scenario...)
	for _, service := range playground.Scenario {
		r.Until(service.Service+" is protected", r.Safe(service.Service))
	}
}

func TestEventsTwiceLateAndInTheWrongOrderLeadToTheSameEnd(t *testing.T) {
	t.Parallel()
	calm, r := start(t).Env, start(t).Env
	play(t, calm)
	want := endState(t, calm)
	if len(want) < 8 {
		t.Fatalf("the end state %v says too little to compare", want)
	}
	r.CallAs(r.Owner(), http.MethodPost, "/_local/disturb", map[string]any{
		"subscription": "iapguard-events", "duplicate": 1, "delay": "20ms", "reorder": true,
	})
	play(t, r)
	if diff := cmp.Diff(want, endState(t, r)); diff != "" {
		t.Errorf("end state (-calm +disturbed):\n%s", diff)
	}
	for _, kind := range r.KindsOfWrites() {
		memory := strings.Contains(kind, " storage.objects.")
		if !memory && !slices.Contains(withfunction.RecipeWrites(), kind) {
			t.Errorf("a kind of write that the recipe does not have: %s", kind)
		}
	}
	at := slices.IndexFunc(r.Broker.State(), func(each delivery.SubscriptionState) bool {
		return strings.HasSuffix(each.Name, "/iapguard-events")
	})
	if events := r.Broker.State()[at]; events.Attempts < 2*events.Acknowledged || events.Acknowledged == 0 {
		t.Errorf("%d posts of %d events: they were not duplicated", events.Attempts, events.Acknowledged)
	}
}
