package compute

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// describe fills a write's log entry with the resource it is about. Only
// gce_backend_service {backend_service_id, location} and gce_forwarding_rule
// {forwarding_rule_id, region} are recorded; the other kinds are built alike
// (unverified).
func (s site) describe(c *apiserver.Call, r *resource) {
	c.Resource = r.path()
	if c.Record == nil {
		return
	}
	location := global
	if region := r.region(); region != "" {
		location = region
	}
	label := "location"
	if r.kind.singular == "forwardingRule" || r.kind.singular == "urlMap" {
		label = "region"
	}
	kind := snake(r.kind.singular)
	c.Record.ResourceName = c.Resource
	c.Record.ResourceType = "gce_" + kind
	c.Record.Location = location
	c.Record.Labels = map[string]string{"project_id": r.project.ID, label: location, kind + "_id": r.id}
	for i := range c.Record.Authorization {
		c.Record.Authorization[i].Resource = c.Resource
	}
	c.Record.Request = requestOf(c)
}

// requestOf is the request as the log shows it: its @type names the method
// without a version.
func requestOf(c *apiserver.Call) map[string]any {
	body, err := c.Body()
	if err != nil {
		return nil
	}
	request := apiserver.Clone(body)
	request["@type"] = requestType(c)
	return request
}

func requestType(c *apiserver.Call) string { return "type.googleapis.com/" + c.Route.ID }

func versionOf(c *apiserver.Call) string {
	version, _, _ := strings.Cut(c.Route.AuditMethod, ".")
	return version
}

// complete writes the operation into the call's log entry, and returns the
// second entry, for when the operation ends: nil where one entry covers both.
func complete(c *apiserver.Call, body map[string]any, instant bool) (last *apiserver.AuditRecord) {
	if c.Record == nil {
		return nil
	}
	id := apiserver.Text(body, "name")
	response := inVersion(apiserver.Clone(body), versionOf(c))
	response["@type"] = "type.googleapis.com/operation"
	c.Record.Response = response
	c.Record.Operation = &apiserver.AuditOperation{ID: id, Producer: "compute.googleapis.com", First: true, Last: instant}
	if instant {
		return nil
	}
	end := *c.Record
	end.Request, end.Response, end.Authorization = map[string]any{"@type": requestType(c)}, nil, nil
	end.Operation = &apiserver.AuditOperation{ID: id, Producer: "compute.googleapis.com", Last: true}
	return &end
}
