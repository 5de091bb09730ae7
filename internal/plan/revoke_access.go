package plan

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// RevokeAccess takes public members out of one role of IAP's own policy of a backend
// service or of the service. It comes before every grant: with IAP's agent let in, those
// members would be too. Undo does not open IAP to them again.
type RevokeAccess struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
}

var revokeAccess = register(Operation{
	Op: "revoke-public-access", Stage: stageStrangers, Symbol: "-", timing: grants, Policy: true,
	Audited: event.IAPPolicyChanged, Stays: true,
}, func(w Words) (RevokeAccess, bool) {
	return RevokeAccess{w.Field, strings.Fields(w.From)}, w.From != "" && w.To == ""
})

// Operation is revoke-public-access.
func (RevokeAccess) Operation() Operation { return revokeAccess }

func (c RevokeAccess) words() Words { return Words{Field: c.Role, From: strings.Join(c.Members, " ")} }

func (c RevokeAccess) check(p posture.Posture, resource string) error {
	if _, known := accessAt(p, resource); !known {
		return errOther(p)
	}
	odd := slices.ContainsFunc(c.Members, func(m string) bool { return !door.IsPublic(m) })
	if len(c.Members) == 0 || odd || c.Role == "" {
		return errValues
	}
	return nil
}

func (c RevokeAccess) standing(p posture.Posture, resource string) Standing {
	policy, known := accessAt(p, resource)
	return Standing{known && c.goneFrom(policy), policy.Version}
}

func (c RevokeAccess) goneFrom(policy posture.Policy) bool {
	there := policy.Members(c.Role)
	return !slices.ContainsFunc(c.Members, func(m string) bool { return slices.Contains(there, m) })
}

func (RevokeAccess) without(p posture.Posture, _ string) posture.Posture { return p }

func (c RevokeAccess) effect(write event.Write) Effect { return grantEffect(write, c.goneFrom) }
