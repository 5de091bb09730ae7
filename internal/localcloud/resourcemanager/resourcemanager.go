// Package resourcemanager is the local cloud's Resource Manager API (v1, v2 and v3): the
// organization, the folders in it, and the projects, with their IAM policies.
package resourcemanager

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	root = "organizations/" + apiserver.OrganizationID
	docs = "cloud.google.com/resource-manager/reference/rest/"
	// hidden is the answer about what does not exist, or what the caller may not see
	// (recorded for projects).
	hidden = "The caller does not have permission"
)

// boundaries and legacyPolicies are methods that are not served. Organization policies
// have an API of their own.
var (
	boundaries = []string{"getBoundaryConfig", "updateBoundaryConfig"}

	legacyPolicies = []string{"clearOrgPolicy", "getEffectiveOrgPolicy", "getOrgPolicy",
		"listAvailableOrgPolicyConstraints", "listOrgPolicies", "setOrgPolicy"}
)

// Grant is one role on a project, or on the organization, and who holds it.
type Grant struct {
	Role           string
	Member         string
	Project        string // by its id; "" = DefaultProject
	InOrganization bool
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
	// WithoutOrganization leaves the projects without a parent.
	WithoutOrganization bool
}

// hierarchy is the organization and what is in it.
type hierarchy struct {
	server  *apiserver.Server
	options Options
	made    atomic.Int64 // folders so far

	organizations, folders, projects *collection.Collection
}

// New returns the API. Each project starts with its owner and with the given
// grants.
func New(s *apiserver.Server, options Options) apiserver.API {
	h := &hierarchy{server: s, options: options}
	h.organizations = collection.New(s, h.organizationKind())
	h.folders = collection.New(s, h.folderKind())
	h.projects = collection.New(s, h.projectKind())
	s.SetParents(h.parent)
	api := collection.Merged("cloudresourcemanager", h.organizations, h.folders, h.projects)
	// That of v1 answers at Service Usage's route, which has the same path.
	api.Routes = append(api.Routes, apiserver.Route{
		Verb: "GET", Path: "/v3/operations/{operation}", API: "cloudresourcemanager",
		ID: "cloudresourcemanager.operations.get", Handle: h.operation,
	})
	reset := api.Reset
	api.Reset = func() {
		reset()
		h.seed()
	}
	h.seed()
	return api
}

// seed makes what is there from the start.
func (h *hierarchy) seed() {
	h.made.Store(0)
	owner := map[string]any{"role": "roles/owner", "members": []any{string(apiserver.Owner)}}
	bindings, above := map[string][]any{}, []any{owner}
	for _, grant := range h.options.Grants {
		if binding := map[string]any{"role": grant.Role, "members": []any{grant.Member}}; grant.InOrganization {
			above = append(above, binding)
		} else {
			in := cmp.Or(grant.Project, apiserver.ProjectID)
			bindings[in] = append(bindings[in], binding)
		}
		// who holds something from the start exists
		if email, ok := strings.CutPrefix(grant.Member, "serviceAccount:"); ok {
			h.server.PutAccount(apiserver.Account{Email: email, UniqueID: uniqueID(email)})
		}
	}
	if !h.options.WithoutOrganization {
		h.organizations.PutMissing(h.organization())
		if len(above) > 1 {
			h.server.SeedPolicy(root, above)
		}
	}
	for _, project := range h.server.Projects() {
		h.server.SeedPolicy(project.Name(), append([]any{owner}, bindings[project.ID]...))
		body := map[string]any{
			"projectId": project.ID, "displayName": project.ID, "state": "ACTIVE", "etag": `W/"0000000000000001"`,
			"createTime": apiserver.ProjectCreated, "updateTime": apiserver.ProjectCreated,
		}
		if !h.options.WithoutOrganization {
			body["parent"] = root
		}
		h.projects.PutMissing(collection.Resource{Name: project.Name(), Body: body})
	}
}

// parent is what a project or a folder is in.
func (h *hierarchy) parent(container string) string {
	for _, all := range []*collection.Collection{h.projects, h.folders} {
		if found, ok := all.Get(container); ok {
			return apiserver.Text(found.Body, "parent")
		}
	}
	return ""
}

// there reports whether something can be in a container.
func (h *hierarchy) there(container string) bool {
	_, organization := h.organizations.Get(container)
	_, folder := h.folders.Get(container)
	return organization || folder
}

// below are the names of the folders and the projects directly in a container.
func (h *hierarchy) below(container string) []string {
	var names []string
	for _, all := range []*collection.Collection{h.folders, h.projects} {
		for _, each := range all.All("") {
			if each.Body["parent"] == container {
				names = append(names, each.Name)
			}
		}
	}
	return names
}

// move changes the parent of a folder or of a project.
func (h *hierarchy) move(all *collection.Collection, call *apiserver.Call) (any, error) {
	return all.Change(call, func(w *collection.Write) error {
		w.New.Body["parent"] = w.Sent["destinationParent"]
		return nil
	})
}

// answer makes an operation of what is written, where the method answers one. It is
// done at once, and clients ask for it all the same.
func answer(all *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
	if w.New == nil {
		for _, field := range []string{"state", "lifecycleState"} {
			if shown[field] != nil {
				shown[field] = "DELETE_REQUESTED"
			}
		}
	}
	if _, method := all.Method(w.Call); method.Response != "Operation" {
		return shown, nil
	}
	shown["@type"] = "type.googleapis.com/google.cloud.resourcemanager." + collection.Version(w.Call) + "." + all.Message
	operation := map[string]any{"name": "operations/cf." + apiserver.NewID(), "done": true, "response": shown}
	all.Server().StartOperation(operation["name"].(string), operation).Finish(operation)
	return operation, nil
}

func (h *hierarchy) operation(call *apiserver.Call) (any, error) {
	if operation := h.server.Operation("operations/" + call.Var("operation")); operation != nil {
		return operation.Body(), nil
	}
	return nil, apiserver.NotFound("Operation not found: operations/%s", call.Var("operation"))
}

func drop(resource map[string]any, fields ...string) {
	for _, field := range fields {
		delete(resource, field)
	}
}
