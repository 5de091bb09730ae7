package plan

import (
	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// RequireInvoker turns Cloud Run's invoker check on.
type RequireInvoker struct{}

const fieldInvokerCheck = "invokerIamDisabled"

var requireInvoker = register(Operation{
	Op: "require-invoker-check", Stage: stagePublic, Symbol: "~", timing: agentPropagated,
	Audited: event.RunServiceChanged, Affects: caller.ChangeInvokers,
}, func(w Words) (RequireInvoker, bool) {
	return RequireInvoker{}, w.Field == fieldInvokerCheck && w.From == "true" && w.To == "false"
})

// Operation is require-invoker-check.
func (RequireInvoker) Operation() Operation { return requireInvoker }

func (RequireInvoker) words() Words {
	return Words{Field: fieldInvokerCheck, From: "true", To: "false"}
}

func (RequireInvoker) check(p posture.Posture, resource string) error { return onTarget(p, resource) }

func (RequireInvoker) standing(p posture.Posture, resource string) Standing {
	service := serviceAt(p, resource)
	return Standing{!service.InvokerCheckOff, service.Version}
}

func (RequireInvoker) without(p posture.Posture, resource string) posture.Posture {
	return withService(p, resource, func(s *posture.Service) { s.InvokerCheckOff = true })
}

func (RequireInvoker) effect(write event.Write) Effect {
	return settingEffect(write, fieldInvokerCheck, func(value string) bool { return value == "false" })
}
