// Package iap is the local cloud's Identity-Aware Proxy API (v1): who may pass
// IAP (IAM policies on iap_web resources) and how it behaves (IapSettings).
package iap

import (
	"regexp"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const docs = "cloud.google.com/iap/docs/reference/rest/v1/v1/"

// Directory finds what iap_web resources stand for.
type Directory struct {
	// BackendService finds a project's backend service by name or numeric id; region is
	// "" for a global one.
	BackendService func(in apiserver.Project, region, nameOrID string) (name, id string, ok bool)
	// ForwardingRule finds a forwarding rule likewise, at which an authorization policy
	// may ask IAP; nil finds none.
	ForwardingRule func(in apiserver.Project, region, nameOrID string) (name, id string, ok bool)
	// RunService reports whether a Cloud Run service exists. Nil takes every
	// one as existing.
	RunService func(in apiserver.Project, region, name string) bool
}

// find finds the resources of Compute Engine of a type under iap_web.
func (d Directory) find(web string) func(in apiserver.Project, region, nameOrID string) (name, id string, ok bool) {
	switch {
	case web == "compute":
		return d.BackendService
	case d.ForwardingRule == nil:
		return func(apiserver.Project, string, string) (name, id string, ok bool) { return "", "", false }
	}
	return d.ForwardingRule
}

// IAP is the API. It is safe for concurrent use.
type IAP struct {
	server    *apiserver.Server
	directory Directory

	mu       sync.Mutex
	settings map[string]map[string]any
	// past holds the same settings, and what they were before.
	past apiserver.History[map[string]any]
}

// New returns an API without settings.
func New(s *apiserver.Server, directory Directory) *IAP {
	a := &IAP{server: s, directory: directory}
	a.reset()
	return a
}

// API is what the server serves.
func (a *IAP) API() apiserver.API {
	return apiserver.API{Name: "iap", Routes: a.routes(), State: a.state, Reset: a.reset, StateName: a.stateName}
}

func (a *IAP) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settings = map[string]map[string]any{}
	a.past.Reset()
}

// level is one depth of the tree of iap_web resources and the infix of its
// permissions (iap/docs/managing-access).
type level struct {
	path, permission string
}

var levels = []level{
	{"/iap_web", "iap.web"},
	{"/iap_web/{web}", "iap.webTypes"},
	{"/iap_web/{web}/services/{service}", "iap.webServices"},
}

// withSettings are the levels that have settings, those above iap_web too
// (iap/docs/customizing, resources and permissions).
func withSettings() []level {
	all := []level{{"organizations/{organization}", "iap.organizations"}, {"folders/{folder}", "iap.folders"},
		{"projects/{project}", "iap.projects"}}
	for _, l := range levels {
		all = append(all, level{"projects/{project}" + l.path, l.permission})
	}
	return all
}

func (a *IAP) routes() []apiserver.Route {
	var routes []apiserver.Route
	for _, l := range levels {
		routes = append(routes, apiserver.Route{
			Verb: "POST", Path: "/v1/projects/{project}" + l.path + ":getIamPolicy", ID: "iap.getIamPolicy",
			Permission: l.permission + ".getIamPolicy", Source: docs + "getIamPolicy", Handle: a.getPolicy,
		}, apiserver.Route{
			Verb: "POST", Path: "/v1/projects/{project}" + l.path + ":setIamPolicy", ID: "iap.setIamPolicy",
			Permission: l.permission + ".setIamPolicy", Source: docs + "setIamPolicy", Handle: a.setPolicy,
			Write: true, AuditMethod: "google.cloud.iap.v1.IdentityAwareProxyAdminService.SetIamPolicy",
		}, apiserver.Route{
			Verb: "POST", Path: "/v1/projects/{project}" + l.path + ":testIamPermissions", ID: "iap.testIamPermissions",
			Source: docs + "testIamPermissions", Handle: a.testPermissions,
		})
	}
	for _, l := range withSettings() {
		routes = append(routes, apiserver.Route{
			Verb: "GET", Path: "/v1/" + l.path + ":iapSettings", ID: "iap.getIapSettings",
			Permission: l.permission + ".getSettings", Source: docs + "getIapSettings", Handle: a.getSettings,
		}, apiserver.Route{
			Verb: "PATCH", Path: "/v1/" + l.path + ":iapSettings", ID: "iap.updateIapSettings",
			Permission: l.permission + ".updateSettings", Source: docs + "updateIapSettings", Handle: a.updateSettings,
			Write: true, AuditMethod: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings",
		})
	}
	for i := range routes {
		routes[i].API, routes[i].Resource = "iap", a.subject
	}
	return routes
}

// webType is what a segment after iap_web can be here: compute, forwarding_rule, each with
// -REGION or without, or cloud_run-REGION (with an underscore: "cloud-run" does not resolve).
var webType = regexp.MustCompile(`^(compute|cloud_run|forwarding_rule)(?:-([a-z]+-[a-z]+[0-9]{1,2}))?$`)

// resource is the canonical name of what the path means: with the project's
// number and the backend service's numeric id (recorded).
func (a *IAP) resource(c *apiserver.Call) (string, error) {
	if folder := c.Var("folder"); folder != "" {
		return "folders/" + folder, nil
	}
	if organization := c.Var("organization"); organization != "" {
		return "organizations/" + organization, nil
	}
	name := c.Project.Numbered()
	if strings.Contains(c.Route.Path, "/iap_web") {
		name += "/iap_web"
	}
	web := c.Var("web")
	if web == "" {
		return name, nil
	}
	m := webType.FindStringSubmatch(web)
	if m == nil || m[1] == "cloud_run" && m[2] == "" {
		return "", missing()
	}
	name += "/" + web
	service := c.Var("service")
	if service == "" {
		return name, nil
	}
	if m[1] == "cloud_run" {
		if a.directory.RunService != nil && !a.directory.RunService(c.Project, m[2], service) {
			return "", missing()
		}
		return name + "/services/" + service, nil
	}
	_, id, ok := a.directory.find(m[1])(c.Project, m[2], service)
	if !ok {
		return "", missing()
	}
	return name + "/services/" + id, nil
}

// subject is the resource of a call as its policy is kept under, or as it was
// named where there is none.
func (a *IAP) subject(c *apiserver.Call) string {
	if name, err := a.resource(c); err == nil {
		return name
	}
	return c.Resource
}

// missing is what is answered about a resource that is not there (unverified).
func missing() error { return apiserver.NotFound("Requested entity was not found.") }

func (a *IAP) getPolicy(c *apiserver.Call) (any, error) {
	name, err := a.resource(c)
	if err != nil {
		return nil, err
	}
	return c.GetIamPolicy(name)
}

func (a *IAP) testPermissions(c *apiserver.Call) (any, error) {
	name, err := a.resource(c)
	if err != nil {
		return nil, err
	}
	return c.TestIamPermissions(name)
}

// setPolicy writes who may pass. Its log entry is recorded for backend
// services: gce_backend_service with empty labels.
func (a *IAP) setPolicy(c *apiserver.Call) (any, error) {
	name, err := a.resource(c)
	describe(c, name)
	if err != nil {
		return nil, err
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	c.Record.Request = apiserver.Clone(body)
	c.Record.Request["@type"] = "type.googleapis.com/google.iam.v1.SetIamPolicyRequest"
	c.Record.Request["resource"] = name
	answer, err := c.SetIamPolicy(name)
	if policy, ok := answer.(map[string]any); ok && err == nil {
		c.Record.Response = apiserver.Clone(policy)
		c.Record.Response["@type"] = "type.googleapis.com/google.iam.v1.Policy"
	}
	return answer, err
}

// describe fills a write's log entry.
func describe(c *apiserver.Call, name string) {
	if name != "" {
		c.Record.ResourceName = name
		for i := range c.Record.Authorization {
			c.Record.Authorization[i].Resource = name
		}
	}
	if strings.Contains(c.Record.ResourceName, "/iap_web/compute") && c.Var("service") != "" {
		c.Record.ResourceType = "gce_backend_service"
		c.Record.Labels = map[string]string{"project_id": c.Project.ID, "backend_service_id": "", "location": ""}
	}
}

// stateName shows a backend service by its name: its id is different on every
// cloud, and a state is there to be compared.
func (a *IAP) stateName(resource string) string {
	of := a.server.ProjectOf(resource)
	rest, ok := strings.CutPrefix(resource, of.Numbered()+"/iap_web/")
	if !ok {
		return ""
	}
	web, id, ok := strings.Cut(rest, "/services/")
	m := webType.FindStringSubmatch(web)
	if !ok || m == nil || m[1] == "cloud_run" {
		return ""
	}
	name, _, found := a.directory.find(m[1])(of, m[2], id)
	if !found {
		return ""
	}
	return strings.TrimSuffix(resource, id) + name
}
