package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// RevokePublic takes public members out of one role of the service's policy.
type RevokePublic struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
	// Conditional says that a member stood under a condition, which the change does
	// not hold: to put the member back would be wider than it was.
	Conditional bool `json:"conditional,omitempty"`
}

var revokePublic = register(Operation{
	Op: "revoke-public", Stage: stagePublic, Symbol: "-", timing: agentPropagated, Policy: true,
	Audited: event.RunIAMChanged, Affects: caller.ChangeInvokers,
}, func(w Words) (RevokePublic, bool) {
	return RevokePublic{w.Field, strings.Fields(w.From), w.Conditional}, w.From != "" && w.To == ""
})

// Operation is revoke-public.
func (RevokePublic) Operation() Operation { return revokePublic }

func (c RevokePublic) words() Words {
	return Words{Field: c.Role, From: strings.Join(c.Members, " "), Conditional: c.Conditional}
}

func (c RevokePublic) check(p posture.Posture, resource string) error {
	if err := onTarget(p, resource); err != nil {
		return err
	}
	if !door.OnlyInvokes(c.Role) {
		return fmt.Errorf("the public had %.80q, which may allow more than invoking: give it back by hand, or grant %s in "+
			"its place",
			c.Role, posture.RoleInvoker)
	}
	odd := slices.ContainsFunc(c.Members, func(m string) bool { return !slices.Contains(door.PublicMembers, m) })
	if len(c.Members) == 0 || odd || c.Role == "" {
		return errValues
	}
	return nil
}

func (c RevokePublic) standing(p posture.Posture, resource string) Standing {
	invokers, _ := invokersAt(p, resource)
	back := slices.ContainsFunc(c.Members, func(m string) bool { return invokers.Holds(c.Role, m) })
	return Standing{!back, invokers.Version}
}

func (c RevokePublic) without(p posture.Posture, resource string) posture.Posture {
	return withPart(p, resource, func(part *posture.Posture) {
		part.Invokers.Bindings = append(slices.Clone(part.Invokers.Bindings),
			posture.Binding{Role: c.Role, Members: c.Members})
	})
}

func (c RevokePublic) effect(write event.Write) Effect {
	return grantEffect(write, func(p posture.Policy) bool {
		there := p.Members(c.Role)
		return !slices.ContainsFunc(c.Members, func(m string) bool { return slices.Contains(there, m) })
	})
}
