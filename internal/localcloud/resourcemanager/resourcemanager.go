// Package resourcemanager is the local cloud's Resource Manager API (v1 and
// v3): the project with its IAM policy, and the folders above it.
package resourcemanager

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	// resource is the name under which the project's policy is kept.
	resource = "projects/" + apiserver.ProjectID
	docs     = "cloud.google.com/resource-manager/reference/rest/"
)

// Grant is one role on the project and who holds it.
type Grant struct {
	Role   string
	Member string
}

// uniqueID is the same for an account in every local cloud, so that the states
// of two of them can be compared.
func uniqueID(email string) string {
	sum := sha256.Sum256([]byte(email))
	return fmt.Sprintf("11%019d", binary.BigEndian.Uint64(sum[:8])%1e19)
}

// Options say what is there from the start.
type Options struct {
	Grants []Grant
	// WithoutOrganization leaves the project without a parent.
	WithoutOrganization bool
}

// New returns the API. The project starts with its owner and with the given
// grants.
func New(s *apiserver.Server, options Options) apiserver.API {
	grants := options.Grants
	bindings := []any{map[string]any{"role": "roles/owner", "members": []any{string(apiserver.Owner)}}}
	for _, grant := range grants {
		bindings = append(bindings, map[string]any{"role": grant.Role, "members": []any{grant.Member}})
	}
	above := &hierarchy{server: s, alone: options.WithoutOrganization}
	s.SetFolders(above.above)
	seed := func() {
		above.reset()
		s.SeedPolicy(resource, bindings)
		for _, grant := range grants { // who holds something from the start exists
			if email, ok := strings.CutPrefix(grant.Member, "serviceAccount:"); ok {
				s.PutAccount(apiserver.Account{Email: email, UniqueID: uniqueID(email)})
			}
		}
	}
	seed()
	var routes []apiserver.Route
	for _, version := range []string{"v1", "v3"} {
		project := "/" + version + "/projects/{project}"
		routes = append(routes,
			apiserver.Route{
				Verb: "GET", Path: project, ID: "cloudresourcemanager.projects.get",
				Permission: "resourcemanager.projects.get", Source: docs + version + "/projects/get",
				Handle: above.describe(version),
			},
			apiserver.Route{
				Verb: "POST", Path: project + ":getIamPolicy", ID: "cloudresourcemanager.projects.getIamPolicy",
				Permission: "resourcemanager.projects.getIamPolicy", Source: docs + version + "/projects/getIamPolicy",
				Handle: func(c *apiserver.Call) (any, error) { return c.GetIamPolicy(resource) },
			},
			apiserver.Route{
				Verb: "POST", Path: project + ":setIamPolicy", ID: "cloudresourcemanager.projects.setIamPolicy",
				Permission: "resourcemanager.projects.setIamPolicy", Source: docs + version + "/projects/setIamPolicy",
				Write: true, AuditMethod: "SetIamPolicy", Handle: setPolicy,
			},
			apiserver.Route{
				Verb: "POST", Path: project + ":testIamPermissions", ID: "cloudresourcemanager.projects.testIamPermissions",
				Source: docs + version + "/projects/testIamPermissions",
				Handle: func(c *apiserver.Call) (any, error) { return c.TestIamPermissions(resource) },
			})
	}
	routes = append(routes, above.routes()...)
	for i := range routes {
		routes[i].API = "cloudresourcemanager"
	}
	return apiserver.API{Name: "cloudresourcemanager", Routes: routes, Reset: seed, State: above.state}
}

// describe answers the project. v1 has the number in a field of its own, v3
// only in the name (recorded). Without an organization it has no parent (recorded
// for v1).
func (h *hierarchy) describe(version string) func(*apiserver.Call) (any, error) {
	return func(*apiserver.Call) (any, error) {
		kind, id := h.parentOf()
		project := map[string]any{
			"name": "projects/" + apiserver.ProjectNumber, "projectId": apiserver.ProjectID, "displayName": apiserver.ProjectID,
			"parent": kind + "s/" + id, "state": "ACTIVE",
			"createTime": apiserver.ProjectCreated, "updateTime": apiserver.ProjectCreated, "etag": `W/"0000000000000001"`,
		}
		if version == "v1" {
			project = map[string]any{
				"projectNumber": apiserver.ProjectNumber, "projectId": apiserver.ProjectID, "name": apiserver.ProjectID,
				"lifecycleState": "ACTIVE", "createTime": apiserver.ProjectCreated,
				"parent": map[string]any{"type": kind, "id": id},
			}
		}
		if id == "" {
			delete(project, "parent")
		}
		return project, nil
	}
}

// setPolicy writes the project's policy. Its log entry is recorded: the bare
// method name SetIamPolicy on a resource of type project.
func setPolicy(c *apiserver.Call) (any, error) {
	c.Record.ResourceType = "project"
	return c.SetIamPolicy(resource)
}
