package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// sccFinding is a finding of Security Command Center in a notification, as far as it is
// read. Sources: security-command-center/docs/reference/rest/v1p1beta1/NotificationMessage
// and a recorded notification; the names of resources are those of Cloud Asset Inventory.
type sccFinding struct {
	object
	Name         text `json:"name"`
	ResourceName text `json:"resourceName"`
	State        text `json:"state"`
	EventTime    text `json:"eventTime"`
}

// finding reads a notification about a finding. What it says of the resource is not
// believed: it makes that resource be looked at.
func (p *parser) finding(body raw) Result {
	var f sccFinding
	if err := decode(body, &f); err != nil {
		return ignored(Cause{}, Unreadable, "not valid JSON: %s", describe(err))
	}
	c := Cause{Kind: FindingReported, Key: hashKey("finding", f.Name.s, f.EventTime.s, f.State.s)}
	c.At, _ = parseTime(f.EventTime.s)
	n := parsePath(f.ResourceName.s)
	bad := projects.pick(&c.Project, n.project)
	bad = orElse(bad, locations.pick(&c.Location, n.location))
	switch run := strings.HasPrefix(f.ResourceName.s, "//run.googleapis.com/"); {
	case run && n.service != "":
		bad = orElse(bad, services.pick(&c.Service, n.service))
	case strings.HasPrefix(f.ResourceName.s, "//compute.googleapis.com/") && n.collection == "backendServices":
		bad = orElse(bad, backends.pick(&c.BackendService, n.name))
	default:
		return ignored(Cause{}, notALogEntry, "a finding of Security Command Center about %s, which is neither a Cloud Run service "+
			"nor a backend service", quote(f.ResourceName.s))
	}
	switch {
	case bad != nil:
		return ignored(c, bad.reason, "%s", bad.why)
	case c.Project == "" || c.Service == "" && c.BackendService == "" || c.Service != "" && !posture.ValidLocation(c.Location):
		return ignored(c, Unreadable, "the finding does not name its resource in full: %s", quote(f.ResourceName.s))
	case f.State.s != "ACTIVE":
		return ignored(c, Unrelated, "a finding that is not active: %s", quote(f.State.s))
	}
	return caused(c)
}
