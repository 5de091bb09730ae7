package plan

import (
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// ProvisionAgent makes IAP's service agent exist in the project. An agent that
// exists has no right by that. Source: iap/docs/enabling-cloud-run.
type ProvisionAgent struct {
	Agent string `json:"agent"` // the agent as a member of an IAM policy
}

var provisionAgent = register(Operation{
	Op: "provision-agent", Stage: stageProvision, Symbol: "+", timing: grants, Stays: true,
}, func(w Words) (ProvisionAgent, bool) { return ProvisionAgent{w.To}, w.Field == "" && w.From == "" })

// Operation is provision-agent.
func (ProvisionAgent) Operation() Operation { return provisionAgent }

func (c ProvisionAgent) words() Words { return Words{To: c.Agent} }

func (c ProvisionAgent) check(p posture.Posture, resource string) error {
	switch {
	case resource != "projects/"+p.Target.Project+"/services/iap.googleapis.com":
		return errOther(p)
	case c.Agent != p.Agent():
		return errValues
	}
	return nil
}

func (ProvisionAgent) standing(posture.Posture, string) Standing           { return Standing{} }
func (ProvisionAgent) without(p posture.Posture, _ string) posture.Posture { return p }
func (ProvisionAgent) effect(event.Write) Effect                           { return Untouched }
