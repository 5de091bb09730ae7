package event

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/iapguard/iapguard/internal/posture"
)

// incident is what is read of a notification of Cloud Monitoring
// (monitoring/support/notification-options, schema 1.2).
type incident struct {
	id, state, project, projectNumber text
	startedAt, endedAt                text
	policy, condition, url            text
	resource                          resource
}

// alert reads an alert notification. The time is when the incident began, or
// ended where it is closed.
func (p *parser) alert(version string, body jsontext.Value) Result {
	var i incident
	r := newReader(body)
	defer r.release()
	if err := r.object(func(name []byte) error { return i.member(r, name) }); err != nil {
		return ignored(Cause{}, Unreadable, "not valid JSON: %s", describe(err))
	}
	c := Cause{Kind: Alert, At: unixTime(i.startedAt.s)}
	if i.state.s == "closed" {
		c.At = unixTime(firstOf(i.endedAt.s, i.startedAt.s))
	}
	c.Incident = &Incident{
		ID:        clean(i.id.s, maxIdentifier),
		State:     clean(i.state.s, maxShown),
		Policy:    clean(i.policy.s, maxText),
		Condition: clean(i.condition.s, maxText),
		URL:       clean(i.url.s, maxText),
	}
	c.Key = "alert/" + i.id.s + "/" + i.state.s
	if !keyPart(i.id.s) || !keyPart(i.state.s) {
		c.Key = hashKey("alert", i.id.s, i.state.s, stamp(c.At), i.project.s, i.policy.s)
	}
	bad := i.identity(&c)
	switch {
	case version == "test":
		return ignored(c, Unrelated, "a test notification")
	case !strings.HasPrefix(version, "1."):
		return ignored(c, Unreadable, "a notification of version %s, where 1.x is understood", quote(version))
	case i.state.s != "open" && i.state.s != "closed":
		return ignored(c, Unreadable, "an incident that is neither open nor closed: %s", quote(i.state.s))
	case bad != nil:
		return ignored(c, bad.reason, "%s", bad.why)
	}
	return counted(c)
}

func (i *incident) member(r *reader, name []byte) error {
	switch string(name) {
	case "incident_id":
		return r.text(&i.id)
	case "state":
		return r.text(&i.state)
	case "scoping_project_id":
		return r.text(&i.project)
	case "scoping_project_number":
		return r.text(&i.projectNumber)
	case "started_at":
		return r.text(&i.startedAt)
	case "ended_at":
		return r.text(&i.endedAt)
	case "policy_name":
		return r.text(&i.policy)
	case "condition_name":
		return r.text(&i.condition)
	case "url":
		return r.text(&i.url)
	case "resource":
		return r.object(func(name []byte) error { return i.resource.member(r, name) })
	}
	return r.skip()
}

// identity finds whom an incident is about: the service or backend that its
// resource names, in that resource's project, which may be another than the one
// whose metrics scope the alert belongs to.
func (i *incident) identity(c *Cause) *problem {
	bad := projects.pick(&c.Project, firstOf(i.resource.project.s, i.project.s, i.projectNumber.s))
	location := firstOf(i.resource.location.s, i.resource.region.s)
	if location != "" && posture.ValidLocation(location) {
		c.Location = location // alerts on zonal resources are none of ours, but no error
	}
	bad = orElse(bad, services.pick(&c.Service, i.resource.service.s))
	bad = orElse(bad, backends.pick(&c.BackendService, i.resource.backendName.s, i.resource.backendTarget.s))
	if bad == nil && c.Project == "" {
		bad = unreadable("no project is named")
	}
	return bad
}
