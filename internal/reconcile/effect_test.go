package reconcile

import (
	"testing"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestAccessUnderTheWantedConditionIsNotUndone(t *testing.T) {
	under := posture.Condition{Title: "t", Expression: "e"}
	step := plan.Step{Op: plan.GrantAccess, Field: posture.RoleAccessor, To: "user:alice@example.com", Condition: under}
	for expression, want := range map[string]effect{"": made, "e": made, "f": undone} {
		policy := &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}, Condition: expression}}}
		if got := policyEffect(step, policy); got != want {
			t.Errorf("a policy with access under %q: effect %d, want %d", expression, got, want)
		}
	}
}
