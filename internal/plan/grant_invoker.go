package plan

import (
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// GrantInvoker lets IAP's service agent invoke a service.
type GrantInvoker struct {
	Role   string `json:"role"`
	Member string `json:"member"`
}

var grantInvoker = register(Operation{
	Op: "grant-invoker", Stage: stageInvoker, Symbol: "+", timing: grants, Policy: true, Audited: event.RunIAMChanged,
}, func(w Words) (GrantInvoker, bool) { return GrantInvoker{w.Field, w.To}, w.From == "" })

// Operation is grant-invoker.
func (GrantInvoker) Operation() Operation { return grantInvoker }

func (c GrantInvoker) words() Words { return Words{Field: c.Role, To: c.Member} }

func (c GrantInvoker) check(p posture.Posture, resource string) error {
	if _, known := invokersAt(p, resource); !known {
		return errOther(p)
	}
	if c.Role != posture.RoleInvoker || c.Member != p.Agent() {
		return errValues
	}
	return nil
}

func (c GrantInvoker) standing(p posture.Posture, resource string) Standing {
	policy, _ := invokersAt(p, resource)
	return Standing{policy.Holds(c.Role, c.Member), policy.Version}
}

func (GrantInvoker) without(p posture.Posture, _ string) posture.Posture { return p }

func (c GrantInvoker) effect(write event.Write) Effect {
	return grantEffect(write, func(p posture.Policy) bool { return p.Holds(c.Role, c.Member) })
}
