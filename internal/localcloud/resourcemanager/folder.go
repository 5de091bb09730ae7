package resourcemanager

import (
	"cmp"
	"strconv"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// firstFolder numbers the first folder that is made; the others follow.
const firstFolder = 410000000001

const root = "organizations/" + apiserver.OrganizationID

// hierarchy is what stands between the organization and the project.
type hierarchy struct {
	server  *apiserver.Server
	mu      sync.Mutex
	folders []folder
	parent  string // of the project; "" = it has none
	alone   bool   // the project starts without an organization
}

type folder struct{ name, displayName, parent string }

func (h *hierarchy) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.folders, h.parent = nil, root
	if h.alone {
		h.parent = ""
	}
}

func (h *hierarchy) state() map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := map[string]any{resource: map[string]any{"parent": h.parent}}
	for _, each := range h.folders {
		state[each.name] = each.view()
	}
	return state
}

func (f folder) view() map[string]any {
	return map[string]any{"name": f.name, "displayName": f.displayName, "parent": f.parent, "state": "ACTIVE"}
}

func (h *hierarchy) routes() []apiserver.Route {
	routes := []apiserver.Route{
		{
			Verb: "POST", Path: "/v3/projects/{project}:move", ID: "cloudresourcemanager.projects.move", Write: true,
			Permission: "resourcemanager.projects.move", Source: docs + "v3/projects/move", Handle: h.move,
		},
		{
			Verb: "POST", Path: "/v1/projects/{project}:getAncestry", ID: "cloudresourcemanager.projects.getAncestry",
			Permission: "resourcemanager.projects.get", Source: docs + "v1/projects/getAncestry", Handle: h.ancestry,
		},
	}
	for _, version := range []string{"v3", "v2"} { // gcloud calls v2
		of := func(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
			return apiserver.Route{
				Verb: verb, Path: "/" + version + "/folders" + path, ID: "cloudresourcemanager.folders." + method,
				Permission: "resourcemanager.folders." + method, Source: docs + version + "/folders/" + method,
				Write: method == "create" || method == "setIamPolicy", Resource: folderOf, Handle: handle,
			}
		}
		routes = append(routes,
			of("POST", "", "create", h.create),
			of("GET", "/{folder}", "get", h.get),
			of("POST", "/{folder}:getIamPolicy", "getIamPolicy", h.onPolicy((*apiserver.Call).GetIamPolicy)),
			of("POST", "/{folder}:setIamPolicy", "setIamPolicy", h.onPolicy((*apiserver.Call).SetIamPolicy)),
		)
	}
	return routes
}

// find gives a folder by its name; the lock is held.
func (h *hierarchy) find(name string) (folder, bool) {
	for _, each := range h.folders {
		if each.name == name {
			return each, true
		}
	}
	return folder{}, false
}

// place checks that something may stand there; the lock is held.
func (h *hierarchy) place(parent string) error {
	if _, ok := h.find(parent); !ok && parent != root {
		return apiserver.Denied("The caller does not have permission")
	}
	return nil
}

// create makes a folder at once: the operation that it answers is done. v2 takes
// the parent as a query parameter.
func (h *hierarchy) create(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "parent displayName"); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	made := folder{
		name:        "folders/" + strconv.Itoa(firstFolder+len(h.folders)),
		displayName: apiserver.Text(body, "displayName"), parent: cmp.Or(apiserver.Text(body, "parent"), c.Query("parent")),
	}
	if err := h.place(made.parent); err != nil {
		return nil, err
	}
	h.folders = append(h.folders, made)
	return h.done(made.view()), nil
}

// done is an operation that is finished, and that clients ask for all the same.
func (h *hierarchy) done(response map[string]any) map[string]any {
	operation := map[string]any{"name": "operations/cf." + apiserver.NewID(), "done": true, "response": response}
	h.server.StartOperation(operation["name"].(string), operation).Finish(operation)
	return operation
}

func (h *hierarchy) get(c *apiserver.Call) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.find("folders/" + c.Var("folder"))
	if !ok {
		return nil, apiserver.Denied("The caller does not have permission")
	}
	return found.view(), nil
}

// folderOf is the folder that a call is about; one that is to be made has no name.
func folderOf(c *apiserver.Call) string { return "folders/" + c.Var("folder") }

// onPolicy reads or writes the policy of a folder that is there. That a write
// leaves an entry in the folder's own log is left out.
func (h *hierarchy) onPolicy(do func(*apiserver.Call, string) (any, error)) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		name := folderOf(c)
		h.mu.Lock()
		_, ok := h.find(name)
		h.mu.Unlock()
		if !ok {
			return nil, apiserver.Denied("The caller does not have permission")
		}
		return do(c, name)
	}
}

func (h *hierarchy) move(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "destinationParent"); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	parent := apiserver.Text(body, "destinationParent")
	if err := h.place(parent); err != nil {
		return nil, err
	}
	h.parent = parent
	return h.done(map[string]any{"name": "projects/" + apiserver.ProjectNumber, "parent": parent}), nil
}

// above are the folders above the project, the nearest first.
func (h *hierarchy) above() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for name := h.parent; ; {
		found, ok := h.find(name)
		if !ok { // the organization, or nothing
			return all
		}
		all, name = append(all, name), found.parent
	}
}

// parentOf is where the project stands, as type and id.
func (h *hierarchy) parentOf() (kind, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return split(h.parent)
}

func split(name string) (kind, id string) {
	kind, id, _ = strings.Cut(name, "/")
	return strings.TrimSuffix(kind, "s"), id
}

// ancestry answers the project and all that is above it, the nearest first.
func (h *hierarchy) ancestry(*apiserver.Call) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	entry := func(kind, id string) any {
		return map[string]any{"resourceId": map[string]any{"type": kind, "id": id}}
	}
	all := []any{entry("project", apiserver.ProjectID)}
	for name := h.parent; name != ""; {
		all = append(all, entry(split(name)))
		above, _ := h.find(name) // nothing is above the organization
		name = above.parent
	}
	return map[string]any{"ancestor": all}, nil
}
