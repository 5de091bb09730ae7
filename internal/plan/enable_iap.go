package plan

import (
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// EnableIAP turns IAP on at a backend service.
type EnableIAP struct {
	// Client is set in the same write; zero = what is there, or Google's own.
	Client OAuthClient `json:"client,omitzero"`
}

// OAuthClient is policy.OAuthClient with its JSON form.
type OAuthClient struct {
	ID     string `json:"id"`     // NUMBER-WORD.apps.googleusercontent.com
	Secret string `json:"secret"` // where its secret is: projects/P/secrets/S/versions/N, or latest
}

const fieldIAP = "iap.enabled"

var enableIAP = register(Operation{
	Op: "enable-iap", Stage: stageIAP, Symbol: "~", timing: accessPropagated,
	Audited: event.BackendServiceChanged, Affects: caller.ChangeIAP,
}, func(w Words) (EnableIAP, bool) {
	to := strings.Fields(w.To)
	switch {
	case w.Field != fieldIAP || w.From != "false" || len(to) == 0 || to[0] != "true":
	case len(to) == 1:
		return EnableIAP{}, true
	case len(to) == 3:
		return EnableIAP{OAuthClient{ID: to[1], Secret: to[2]}}, true
	}
	return EnableIAP{}, false
})

// Operation is enable-iap.
func (EnableIAP) Operation() Operation { return enableIAP }

func (c EnableIAP) words() Words {
	to := strings.TrimSpace(strings.Join([]string{"true", c.Client.ID, c.Client.Secret}, " "))
	return Words{Field: fieldIAP, From: "false", To: to}
}

func (c EnableIAP) check(p posture.Posture, resource string) error {
	if _, known := backendAt(p, resource); !known {
		return errOther(p)
	}
	if (c.Client.ID == "") != (c.Client.Secret == "") {
		return errValues
	}
	return nil
}

func (EnableIAP) standing(p posture.Posture, resource string) Standing {
	backend, _ := backendAt(p, resource)
	return Standing{backend.IAPOn, backend.Version}
}

func (EnableIAP) without(p posture.Posture, resource string) posture.Posture {
	return withBackend(p, resource, func(b *posture.Backend) { b.IAPOn = false })
}

func (EnableIAP) effect(write event.Write) Effect {
	return settingEffect(write, fieldIAP, func(value string) bool { return value == "true" })
}
