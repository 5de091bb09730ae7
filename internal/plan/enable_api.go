package plan

import (
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// IAPAPI is the one API that is ever turned on: without it no IAP can be turned on, and
// nobody's access can be read. Turning Compute Engine's on would make networks and an
// account that nobody asked for.
const IAPAPI = "iap.googleapis.com"

// EnableAPI turns an API on in the service's project. An API that is on lets nobody in.
// Undo never turns it off, because others may rely on it by then.
// Source: service-usage/docs/reference/rest/v1/services/enable.
type EnableAPI struct {
	Service string `json:"service"` // the API's host
}

var enableAPI = register(Operation{
	Op: "enable-api", Stage: stageAPI, Symbol: "+", timing: apiPropagated, Stays: true,
}, func(w Words) (EnableAPI, bool) {
	change := EnableAPI{IAPAPI}
	return change, w == change.words()
})

// Operation is enable-api.
func (EnableAPI) Operation() Operation { return enableAPI }

func (EnableAPI) words() Words { return Words{Field: "state", From: "DISABLED", To: "ENABLED"} }

func (c EnableAPI) check(p posture.Posture, resource string) error {
	switch {
	case resource != "projects/"+p.Target.Project+"/services/"+c.Service:
		return errOther(p)
	case c.Service != IAPAPI:
		return errValues
	}
	return nil
}

func (EnableAPI) standing(posture.Posture, string) Standing           { return Standing{} }
func (EnableAPI) without(p posture.Posture, _ string) posture.Posture { return p }
func (EnableAPI) effect(event.Write) Effect                           { return Untouched }
