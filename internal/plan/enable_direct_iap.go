package plan

import (
	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// EnableDirectIAP turns IAP on at the Cloud Run service itself.
type EnableDirectIAP struct{}

const fieldDirectIAP = "iapEnabled"

var enableDirectIAP = register(Operation{
	Op: "enable-direct-iap", Stage: stageIAP, Symbol: "~", timing: accessPropagated,
	Audited: event.RunServiceChanged, Affects: caller.ChangeDirectIAP,
}, func(w Words) (EnableDirectIAP, bool) {
	return EnableDirectIAP{}, w.Field == fieldDirectIAP && w.From == "false" && w.To == "true"
})

// Operation is enable-direct-iap.
func (EnableDirectIAP) Operation() Operation { return enableDirectIAP }

func (EnableDirectIAP) words() Words { return Words{Field: fieldDirectIAP, From: "false", To: "true"} }

func (EnableDirectIAP) check(p posture.Posture, resource string) error { return onTarget(p, resource) }

func (EnableDirectIAP) standing(p posture.Posture, resource string) Standing {
	service := serviceAt(p, resource)
	return Standing{service.IAPOn, service.Version}
}

func (EnableDirectIAP) without(p posture.Posture, resource string) posture.Posture {
	return withService(p, resource, func(s *posture.Service) { s.IAPOn = false })
}

func (EnableDirectIAP) effect(write event.Write) Effect {
	return settingEffect(write, fieldDirectIAP, func(value string) bool { return value == "true" })
}
