package resourcemanager

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// projectKind are the projects. None can be deleted.
func (h *hierarchy) projectKind() collection.Kind {
	return collection.Kind{
		Documents:   []string{"cloudresourcemanager/v3", "cloudresourcemanager/v1"},
		Collections: []string{"cloudresourcemanager.projects"}, Message: "Project", Numbered: true,
		Permissions: "resourcemanager.projects", Source: docs + "v3/projects",
		Verbs: map[string]string{"list": "", "search": "", "testIamPermissions": "",
			"getAncestry": "resourcemanager.projects.get"},
		Unserved: append(legacyPolicies, "delete", "undelete"),
		Subject:  newProjectParent,
		// Source: the discovery document, Project.projectId.
		ID: regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`), IDField: "projectId",
		Defaults: map[string]any{"state": "ACTIVE"},
		Methods:  map[string]string{"search": "list"},
		Audit:    map[string]string{"setIamPolicy": "SetIamPolicy"},                           // recorded
		Words:    collection.Words{Hidden: hidden, Exists: "Requested entity already exists"}, // reported
		Fixed:    []string{"name", "parent", "projectId", "tags"},
		Shape: func(version string, r collection.Resource, project map[string]any) {
			if version == "v1" {
				shapeV1(h.server.ProjectOf(r.Name), project)
			}
		},
		Unshape: func(version string, w *collection.Write) error {
			if project := w.Sent; version == "v1" {
				if name, given := project["name"]; given {
					project["displayName"] = name
				}
				if parent := apiserver.Object(project, "parent"); parent != nil { // which moves it
					project["parent"] = nameOf(parent)
				}
				drop(project, "name", "projectId", "projectNumber", "lifecycleState", "createTime")
			}
			return nil
		},
		Prepare: func(w *collection.Write) error {
			if w.Old == nil {
				return h.prepareProject(w.New)
			}
			for _, field := range []string{"projectId", "displayName", "parent"} { // v1 replaces only the labels
				if value := w.Old.Body[field]; w.New.Body[field] == nil && value != nil {
					w.New.Body[field] = value
				}
			}
			parent := apiserver.Text(w.New.Body, "parent")
			switch {
			case parent == w.Old.Body["parent"]:
			case w.Method == "patch":
				return apiserver.Invalid("The parent of a project changes by moving it.")
			case !h.there(parent):
				return apiserver.Denied(hidden)
			}
			return nil
		},
		Changed: func(w *collection.Write) {
			if w.Old == nil {
				h.server.AddProject(apiserver.NewProject(lastOf(w.New.Name)))
				h.server.SeedPolicy(w.New.Name, []any{map[string]any{"role": "roles/owner", "members": []any{string(w.Call.Caller)}}})
			}
		},
		Filter: h.filterProjects,
		Answer: answer,
		Actions: map[string]collection.Action{
			"move":        {Writes: true, Do: h.move},
			"getAncestry": {Do: h.ancestry},
		},
	}
}

// newProjectParent is the parent of a project that a call is going to make: the
// organization, where it names none.
func newProjectParent(call *apiserver.Call) string {
	if !strings.HasSuffix(call.Route.ID, ".create") {
		return ""
	}
	body, err := call.Body()
	if parent := apiserver.Object(body, "parent"); err == nil && parent != nil { // v1
		return nameOf(parent)
	}
	return cmp.Or(parentOf(call), root)
}

// prepareProject completes a new project, whose creator owns it. Without a parent it has
// none.
func (h *hierarchy) prepareProject(project *collection.Resource) error {
	id, body := lastOf(project.Name), project.Body
	if parent := apiserver.Text(body, "parent"); parent != "" && !h.there(parent) {
		return apiserver.Denied(hidden)
	}
	if taken, ok := h.server.Project(apiserver.NewProject(id).Number); ok {
		return apiserver.AlreadyExists("The number of project %s is that of %s.", id, taken.ID)
	}
	body["projectId"] = id
	if apiserver.Text(body, "displayName") == "" {
		body["displayName"] = id
	}
	return nil
}

// lastOf is the last segment of a name.
func lastOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// shapeV1 makes a project what v1 shows, which has the number in a field of its own
// (recorded), and no parent where there is no organization (recorded).
func shapeV1(of apiserver.Project, project map[string]any) {
	project["projectNumber"], project["lifecycleState"] = of.Number, project["state"]
	project["name"] = project["displayName"]
	if parent := apiserver.Text(project, "parent"); parent != "" {
		project["parent"] = resourceID(parent)
	}
	drop(project, "displayName", "state", "updateTime", "etag")
}

// resourceID is a name as type and id.
func resourceID(name string) map[string]any {
	kind, id, _ := strings.Cut(name, "/")
	return map[string]any{"type": strings.TrimSuffix(kind, "s"), "id": id}
}

// nameOf is the name for type and id.
func nameOf(id map[string]any) string {
	return apiserver.Text(id, "type") + "s/" + apiserver.Text(id, "id")
}

// filterProjects shows to v3's list what is directly below a parent, and otherwise what
// the query selects of the projects that the caller may get.
func (h *hierarchy) filterProjects(call *apiserver.Call) (func(collection.Resource) bool, error) {
	parameter := "query"
	switch {
	case strings.HasSuffix(call.Route.ID, ".search"):
	case collection.Version(call) == "v1":
		parameter = "filter"
	default:
		parent := parentOf(call)
		if !h.there(parent) || !call.Server().Allowed(apiserver.Access{Principal: call.Caller,
			Permission: "resourcemanager.projects.list", Resource: parent}) {
			return nil, apiserver.Denied(hidden)
		}
		return func(r collection.Resource) bool { return r.Body["parent"] == parent }, nil
	}
	return search(call, parameter, "resourcemanager.projects.get", map[string]string{
		"displayName": "displayName", "name": "displayName", "parent": "parent", "state": "state", "lifecycleState": "state",
		"projectId": "projectId", "id": "projectId", "projectNumber": "projectNumber", "parent.id": "parent", "parent.type": "parent"})
}

// ancestry answers the project and all that is above it, the nearest first.
func (h *hierarchy) ancestry(projects *collection.Collection, call *apiserver.Call) (any, error) {
	project, err := projects.Named(call)
	if err != nil {
		return nil, err
	}
	var all []any
	for _, name := range h.server.Containers(project.Name) {
		all = append(all, map[string]any{"resourceId": resourceID(name)})
	}
	return map[string]any{"ancestor": all}, nil
}
