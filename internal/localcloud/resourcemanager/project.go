package resourcemanager

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// projectKind is the project: there is one.
func (h *hierarchy) projectKind() collection.Kind {
	return collection.Kind{
		Documents:   []string{"cloudresourcemanager/v3", "cloudresourcemanager/v1"},
		Collections: []string{"cloudresourcemanager.projects"}, Message: "Project", Numbered: true,
		Permissions: "resourcemanager.projects", Source: docs + "v3/projects",
		Verbs: map[string]string{"list": "", "search": "", "testIamPermissions": "",
			"getAncestry": "resourcemanager.projects.get"},
		Unserved: append(legacyPolicies, "create", "delete", "undelete"),
		Methods:  map[string]string{"search": "list"},
		Audit:    map[string]string{"setIamPolicy": "SetIamPolicy"}, // recorded
		Words:    collection.Words{Hidden: hidden},
		Fixed:    []string{"name", "parent", "projectId", "tags"},
		Shape: func(version string, _ collection.Resource, project map[string]any) {
			if version == "v1" {
				shapeV1(project)
			}
		},
		Unshape: func(version string, w *collection.Write) error {
			if project := w.Sent; version == "v1" {
				if name, given := project["name"]; given {
					project["displayName"] = name
				}
				if parent := apiserver.Object(project, "parent"); parent != nil { // which moves it
					project["parent"] = apiserver.Text(parent, "type") + "s/" + apiserver.Text(parent, "id")
				}
				drop(project, "name", "projectId", "projectNumber", "lifecycleState", "createTime")
			}
			return nil
		},
		Prepare: func(w *collection.Write) error {
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
		Filter: h.filterProjects,
		Answer: answer,
		Actions: map[string]collection.Action{
			"move":        {Writes: true, Do: h.move},
			"getAncestry": {Do: h.ancestry},
		},
	}
}

// shapeV1 makes a project what v1 shows, which has the number in a field of its own
// (recorded), and no parent where there is no organization (recorded).
func shapeV1(project map[string]any) {
	project["projectNumber"], project["lifecycleState"] = apiserver.ProjectNumber, project["state"]
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
