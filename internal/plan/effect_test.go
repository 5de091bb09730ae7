package plan

import (
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestAccessUnderTheWantedConditionIsNotUndone(t *testing.T) {
	step := Step{Change: GrantAccess{
		Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"},
		Condition: Condition{Title: "t", Expression: "e"},
	}}
	for expression, want := range map[string]Effect{"": Made, "e": Made, "f": Undone} {
		write := event.Write{Policy: &posture.Policy{Bindings: []posture.Binding{
			{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}, Condition: expression},
		}}}
		if got := step.Change.effect(write); got != want {
			t.Errorf("a policy with access under %q: effect %d, want %d", expression, got, want)
		}
	}
}
