// Package iam is the local cloud's IAM API (v1): custom roles of projects and of
// their organization, Google's own roles, and service accounts.
package iam

import (
	"regexp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	docs    = "cloud.google.com/iam/docs/reference/rest/v1/"
	audited = "google.iam.admin.v1."
)

// New returns the API. What policies need to know of roles and accounts is the
// server's.
func New(s *apiserver.Server) apiserver.API {
	api := collection.Merged("iam", collection.New(s, customRoles), collection.New(s, accounts))
	api.Routes = append(api.Routes, collection.New(s, googlesRoles).Routes("iam")...) // no part of what somebody made
	return api
}

var permission = regexp.MustCompile(`^[a-z][a-zA-Z0-9-]*\.[a-zA-Z]+\.[a-zA-Z]+$`)

var customRoles = collection.Kind{
	Documents: []string{"iam/v1"}, Collections: []string{"iam.projects.roles", "iam.organizations.roles"}, Message: "Role",
	Permissions: "iam.roles", Source: docs + "projects.roles",
	Audit: map[string]string{"create": audited + "CreateRole", "patch": audited + "UpdateRole", "delete": audited + "DeleteRole",
		"undelete": audited + "UndeleteRole"},
	ID: regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`),
	Words: collection.Words{NotFound: "The role named {name} was not found.", Exists: "A role named {id} in {parent} already exists.",
		BadID: "The role_id must be 3 to 64 letters, digits, underscores and periods, not {id}."},
	Defaults: map[string]any{"stage": "ALPHA"},
	Others: func(roles *collection.Collection) {
		for _, role := range roles.Server().CustomRoles() {
			roles.PutMissing(collection.Resource{Name: role.Name, Body: roleBody(role)})
		}
	},
	Prepare: func(w *collection.Write) error {
		if w.Old != nil && w.Old.Body["deleted"] == true && w.Method != "undelete" {
			return apiserver.Precondition("You can't change a role that is in a deleted state.") // unverified
		}
		for _, each := range apiserver.List(w.New.Body, "includedPermissions") {
			if text, _ := each.(string); !permission.MatchString(text) {
				return apiserver.Invalid("Permission %v is not valid.", each)
			}
		}
		return nil
	},
	Changed: func(w *collection.Write) {
		if w.New.Body["deleted"] == true {
			w.Call.Server().DropRole(w.New.Name)
			return
		}
		role := apiserver.Role{Name: w.New.Name, Stage: apiserver.Text(w.New.Body, "stage")}
		for _, each := range apiserver.List(w.New.Body, "includedPermissions") {
			role.Permissions = append(role.Permissions, each.(string))
		}
		w.Call.Server().PutRole(role)
	},
	// A deleted role stays, and contains nothing, until it is restored. Google's goes after
	// some weeks (iam/docs/creating-custom-roles), here none does.
	Actions: map[string]collection.Action{
		"delete":   {Writes: true, Do: marked(true)},
		"undelete": {Writes: true, Do: marked(false)},
	},
	Filter: func(call *apiserver.Call) (func(collection.Resource) bool, error) {
		return func(r collection.Resource) bool {
			return r.Body["deleted"] != true || call.Query("showDeleted") == "true"
		}, nil
	},
	Listed: brief,
}

// marked deletes a role, or restores one.
func marked(deleted bool) func(*collection.Collection, *apiserver.Call) (any, error) {
	return func(roles *collection.Collection, call *apiserver.Call) (any, error) {
		return roles.Change(call, func(w *collection.Write) error {
			if deleted {
				w.New.Body["deleted"] = true
			} else {
				delete(w.New.Body, "deleted")
			}
			return nil
		})
	}
}

// brief shows roles in lists without their permissions, unless the full view is
// asked for.
func brief(call *apiserver.Call, shown map[string]any) {
	if call.Query("view") != "FULL" {
		delete(shown, "includedPermissions")
	}
}

// googlesRoles have the permissions that the local cloud's routes ask for, and no
// others.
var googlesRoles = collection.Kind{
	Documents: []string{"iam/v1"}, Collections: []string{"iam.roles"}, Message: "Role", Source: docs + "roles",
	Verbs: map[string]string{"get": "", "list": ""}, Listed: brief,
	Words: collection.Words{NotFound: "The role named {name} was not found."},
	Others: func(roles *collection.Collection) {
		for _, role := range roles.Server().PredefinedRoles() {
			roles.PutMissing(collection.Resource{Name: role.Name, Body: roleBody(role)})
		}
	},
}

func roleBody(role apiserver.Role) map[string]any {
	body := map[string]any{}
	for key, text := range map[string]string{"title": role.Title, "description": role.Description, "stage": role.Stage} {
		if text != "" {
			body[key] = text
		}
	}
	if len(role.Permissions) > 0 {
		permissions := make([]any, len(role.Permissions))
		for i, each := range role.Permissions {
			permissions[i] = each
		}
		body["includedPermissions"] = permissions
	}
	return body
}
