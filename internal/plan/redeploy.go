package plan

import (
	"strings"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Redeploy forces one new revision of the service, equal to the serving one. The
// doctor alone orders it. A revision stays: it is made of what was there.
type Redeploy struct {
	Serving string               `json:"serving"` // the revision that answers requests
	Image   policy.RedeployImage `json:"image"`   // what becomes of an image named by a tag
}

const (
	fieldRevision = "revision"
	newRevision   = "a new revision (redeployImage: "
)

var redeploy = register(Operation{
	Op: "redeploy", Stage: stageRedeploy, Symbol: "~", timing: atOnce, Stays: true,
}, func(w Words) (Redeploy, bool) {
	image, _ := strings.CutSuffix(strings.TrimPrefix(w.To, newRevision), ")")
	change := Redeploy{w.From, policy.RedeployImage(image)}
	return change, w == change.words() && change.known()
})

// ForRedeploy is the plan that forces one new revision of a service at the
// version that was observed.
func ForRedeploy(p posture.Posture, change Redeploy, why string) Plan {
	return Plan{Target: p.Target, Steps: []Step{{
		Change: change, Resource: p.Target.Name(), Why: why, Version: p.Service.Version,
	}}}
}

// Operation is redeploy.
func (Redeploy) Operation() Operation { return redeploy }

func (c Redeploy) words() Words {
	return Words{Field: fieldRevision, From: c.Serving, To: newRevision + string(c.Image) + ")"}
}

func (c Redeploy) known() bool {
	return c.Image == policy.ImagePin || c.Image == policy.ImageGoOn || c.Image == policy.ImageRefuse
}

func (c Redeploy) check(p posture.Posture, resource string) error {
	if err := onTarget(p, resource); err != nil {
		return err
	}
	if !c.known() {
		return errValues
	}
	return nil
}

func (Redeploy) standing(p posture.Posture, resource string) Standing {
	return Standing{Version: serviceAt(p, resource).Version}
}
func (Redeploy) without(p posture.Posture, _ string) posture.Posture { return p }
func (Redeploy) effect(event.Write) Effect                           { return Untouched }
