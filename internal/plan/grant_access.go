package plan

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// GrantAccess lets members through IAP, at the resource that has IAP's policy.
type GrantAccess struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
	// Condition is under what the grant holds; zero = always.
	Condition Condition `json:"condition,omitzero"`
}

// Condition is posture.Condition with its JSON form.
type Condition struct {
	Title       string `json:"title"`
	Expression  string `json:"expression"`
	Description string `json:"description,omitempty"`
}

var grantAccess = register(Operation{
	Op: "grant-access", Stage: stageAccess, Symbol: "+", timing: grants, Policy: true, Audited: event.IAPPolicyChanged,
}, func(w Words) (GrantAccess, bool) {
	return GrantAccess{w.Field, strings.Fields(w.To), Condition(w.Condition)}, w.From == ""
})

// Operation is grant-access.
func (GrantAccess) Operation() Operation { return grantAccess }

func (c GrantAccess) words() Words {
	return Words{Field: c.Role, To: strings.Join(c.Members, " "), Condition: posture.Condition(c.Condition)}
}

func (c GrantAccess) check(p posture.Posture, resource string) error {
	if _, known := accessAt(p, resource); !known {
		return errOther(p)
	}
	if c.Role != posture.RoleAccessor || len(c.Members) == 0 {
		return errValues
	}
	return nil
}

func (c GrantAccess) standing(p posture.Posture, resource string) Standing {
	policy, known := accessAt(p, resource)
	return Standing{known && c.heldBy(policy), policy.Version}
}

func (c GrantAccess) heldBy(policy posture.Policy) bool {
	return !slices.ContainsFunc(c.Members,
		func(m string) bool { return !policy.HoldsIf(c.Role, m, posture.Condition(c.Condition)) })
}

func (GrantAccess) without(p posture.Posture, _ string) posture.Posture { return p }

func (c GrantAccess) effect(write event.Write) Effect { return grantEffect(write, c.heldBy) }
