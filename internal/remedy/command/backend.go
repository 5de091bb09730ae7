package command

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// updateBackend changes a backend service.
func updateBackend(b posture.Backend) Command {
	c := gcloud("compute", "backend-services", "update").named(b.Name)
	if b.Location == posture.Global {
		return c.on("global").project(b.Project)
	}
	return c.flag("region", b.Location).project(b.Project)
}

// EnableIAP turns IAP on at a backend service. The client that is set there
// stays.
func EnableIAP(b posture.Backend) Command { return updateBackend(b).flag("iap", "enabled") }

// EnableIAPWith turns IAP on at a backend service with an OAuth client. Its
// secret is left for a person to fill in, and so is a client whose id gcloud
// would split: it splits this flag at each comma.
func EnableIAPWith(b posture.Backend, client string) Command {
	if client == "" || strings.Contains(client, ",") {
		client = Client
	}
	return updateBackend(b).flag("iap", "enabled,oauth2-client-id="+client+",oauth2-client-secret=SECRET")
}

// DisableIAP turns IAP off at a backend service.
func DisableIAP(b posture.Backend) Command { return updateBackend(b).flag("iap", "disabled") }

// DisableCDN turns Cloud CDN off at a backend service.
func DisableCDN(b posture.Backend) Command { return updateBackend(b).on("no-enable-cdn") }
