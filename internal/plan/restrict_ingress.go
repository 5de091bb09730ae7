package plan

import (
	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// RestrictIngress keeps the internet from the service's own addresses. We
// restrict nothing but all, and to nothing but internal-and-cloud-load-balancing.
type RestrictIngress struct {
	From posture.Ingress `json:"from"`
	To   posture.Ingress `json:"to"`
}

const fieldIngress = "ingress"

var restrictIngress = register(Operation{
	Op: "restrict-ingress", Stage: stageIngress, Symbol: "~", timing: settled,
	Audited: event.RunServiceChanged, Affects: caller.ChangeIngress,
}, func(w Words) (RestrictIngress, bool) {
	return RestrictIngress{posture.Ingress(w.From), posture.Ingress(w.To)}, w.Field == fieldIngress
})

// Operation is restrict-ingress.
func (RestrictIngress) Operation() Operation { return restrictIngress }

func (c RestrictIngress) words() Words {
	return Words{Field: fieldIngress, From: string(c.From), To: string(c.To)}
}

func (c RestrictIngress) check(p posture.Posture, resource string) error {
	if err := onTarget(p, resource); err != nil {
		return err
	}
	if c != (RestrictIngress{posture.IngressAll, posture.IngressInternalLoadBalancing}) {
		return errValues
	}
	return nil
}

func (c RestrictIngress) standing(p posture.Posture, resource string) Standing {
	service := serviceAt(p, resource)
	return Standing{service.Ingress == c.To, service.Version}
}

func (c RestrictIngress) without(p posture.Posture, resource string) posture.Posture {
	return withService(p, resource, func(s *posture.Service) { s.Ingress = c.From })
}

func (RestrictIngress) effect(write event.Write) Effect {
	return settingEffect(write, fieldIngress, func(value string) bool { return value != string(posture.IngressAll) })
}
