package plan

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// WithdrawAccess takes the members out again that we let through IAP before a service that
// is private again, while IAP is off there. It shuts nobody out, so it waits like a grant:
// a tool between its read and its write of the policy would fail. Undo does not let them in again.
type WithdrawAccess struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
	// Condition is under what we let them in; zero = always. Under another one they stay.
	Condition Condition `json:"condition,omitzero"`
}

var withdrawAccess = register(Operation{
	Op: "withdraw-access", Stage: stageStrangers, Symbol: "-", timing: grants, Policy: true,
	Audited: event.IAPPolicyChanged, Stays: true,
}, func(w Words) (WithdrawAccess, bool) {
	return WithdrawAccess{w.Field, strings.Fields(w.From), Condition(w.Condition)}, w.From != "" && w.To == ""
})

// Operation is withdraw-access.
func (WithdrawAccess) Operation() Operation { return withdrawAccess }

func (c WithdrawAccess) words() Words {
	return Words{Field: c.Role, From: strings.Join(c.Members, " "), Condition: posture.Condition(c.Condition)}
}

func (c WithdrawAccess) check(p posture.Posture, resource string) error {
	if _, known := accessAt(p, resource); !known {
		return errOther(p)
	}
	if c.Role != posture.RoleAccessor || len(c.Members) == 0 || slices.ContainsFunc(c.Members, door.IsPublic) {
		return errValues
	}
	return nil
}

func (c WithdrawAccess) standing(p posture.Posture, resource string) Standing {
	policy, known := accessAt(p, resource)
	return Standing{known && c.goneFrom(policy), policy.Version}
}

func (c WithdrawAccess) goneFrom(policy posture.Policy) bool {
	return !slices.ContainsFunc(policy.Bindings, func(b posture.Binding) bool {
		return b.Role == c.Role && b.Condition == c.Condition.Expression &&
			slices.ContainsFunc(c.Members, func(m string) bool { return slices.Contains(b.Members, m) })
	})
}

func (WithdrawAccess) without(p posture.Posture, _ string) posture.Posture { return p }

func (c WithdrawAccess) effect(write event.Write) Effect { return grantEffect(write, c.goneFrom) }
