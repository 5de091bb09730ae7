package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/safetext"
)

// incident is a notification of Cloud Monitoring, as far as it is read. Source:
// monitoring/support/notification-options, schema 1.2.
type incident struct {
	object
	ID            text      `json:"incident_id"`
	State         text      `json:"state"`
	Project       text      `json:"scoping_project_id"`
	ProjectNumber text      `json:"scoping_project_number"`
	StartedAt     text      `json:"started_at"`
	EndedAt       text      `json:"ended_at"`
	Policy        text      `json:"policy_name"`
	Condition     text      `json:"condition_name"`
	URL           text      `json:"url"`
	Resource      monitored `json:"resource"`
}

// alert reads an alert notification. Its time is when the incident began, or when
// it ended if it is closed.
func (p *parser) alert(version string, body raw) Result {
	var i incident
	if err := decode(body, &i); err != nil {
		return ignored(Cause{}, Unreadable, "not valid JSON: %s", describe(err))
	}
	c := Cause{Kind: Alert, At: unixTime(i.StartedAt.s)}
	if i.State.s == "closed" {
		c.At = unixTime(firstOf(i.EndedAt.s, i.StartedAt.s))
	}
	c.Incident = &Incident{
		ID:        safetext.Escape(i.ID.s, maxIdentifier),
		State:     safetext.Escape(i.State.s, maxShown),
		Policy:    safetext.Escape(i.Policy.s, maxText),
		Condition: safetext.Escape(i.Condition.s, maxText),
		URL:       safetext.Escape(i.URL.s, maxText),
	}
	c.Key = "alert/" + i.ID.s + "/" + i.State.s
	if !keyPart(i.ID.s) || !keyPart(i.State.s) {
		c.Key = hashKey("alert", i.ID.s, i.State.s, stamp(c.At), i.Project.s, i.Policy.s)
	}
	bad := i.identity(&c)
	switch {
	case version == "test":
		return ignored(c, Unrelated, "a test notification")
	case !strings.HasPrefix(version, "1."):
		return ignored(c, Unreadable, "a notification of version %s; only 1.x is understood", quote(version))
	case i.State.s != "open" && i.State.s != "closed":
		return ignored(c, Unreadable, "an incident that is neither open nor closed: %s", quote(i.State.s))
	case bad != nil:
		return ignored(c, bad.reason, "%s", bad.why)
	}
	return caused(c)
}

// identity finds the service or backend service that the incident's resource names,
// in the project of that resource. The metrics scope of the alert may belong to
// another project.
func (i *incident) identity(c *Cause) *problem {
	bad := projects.pick(&c.Project, firstOf(i.Resource.Labels.ProjectID.s, i.Project.s, i.ProjectNumber.s))
	location := firstOf(i.Resource.Labels.Location.s, i.Resource.Labels.Region.s)
	if location != "" && posture.ValidLocation(location) {
		c.Location = location // a zone is not a location here, but not an error either
	}
	bad = orElse(bad, services.pick(&c.Service, i.Resource.Labels.ServiceName.s))
	bad = orElse(bad, backends.pick(&c.BackendService,
		i.Resource.Labels.BackendServiceName.s, i.Resource.Labels.BackendTargetName.s))
	if bad == nil && c.Project == "" {
		bad = unreadable("no project is named")
	}
	return bad
}
