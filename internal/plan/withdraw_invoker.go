package plan

import (
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// WithdrawInvoker takes the right to invoke a private service from IAP's service agent.
// It comes first and waits for nothing: until then people get in through IAP that neither
// the policy nor the service names. Undo does not let them in again.
type WithdrawInvoker struct {
	Role   string `json:"role"`
	Member string `json:"member"`
}

var withdrawInvoker = register(Operation{
	Op: "withdraw-invoker", Stage: stageStrangers, Symbol: "-", timing: atOnce, Policy: true,
	Audited: event.RunIAMChanged, Stays: true,
}, func(w Words) (WithdrawInvoker, bool) { return WithdrawInvoker{w.Field, w.From}, w.To == "" })

// Operation is withdraw-invoker.
func (WithdrawInvoker) Operation() Operation { return withdrawInvoker }

func (c WithdrawInvoker) words() Words { return Words{Field: c.Role, From: c.Member} }

func (c WithdrawInvoker) check(p posture.Posture, resource string) error {
	if err := onTarget(p, resource); err != nil {
		return err
	}
	if c.Role != posture.RoleInvoker || c.Member != p.Agent() {
		return errValues
	}
	return nil
}

func (c WithdrawInvoker) standing(p posture.Posture, resource string) Standing {
	policy, known := invokersAt(p, resource)
	return Standing{known && !policy.Holds(c.Role, c.Member), policy.Version}
}

func (WithdrawInvoker) without(p posture.Posture, _ string) posture.Posture { return p }

func (c WithdrawInvoker) effect(write event.Write) Effect {
	return grantEffect(write, func(p posture.Policy) bool { return !p.Holds(c.Role, c.Member) })
}
