// Package iam is the part of the local cloud's IAM API (v1) that makes custom
// roles and service accounts of the project.
package iam

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	docs   = "cloud.google.com/iam/docs/reference/rest/v1/projects.roles/"
	parent = "projects/" + apiserver.ProjectID + "/roles"
)

var (
	roleID     = regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`)
	permission = regexp.MustCompile(`^[a-z][a-zA-Z0-9-]*\.[a-zA-Z]+\.[a-zA-Z]+$`)
	// writable are the fields of a role that a client may send.
	writable = "name title description includedPermissions stage etag deleted"
)

type api struct{ server *apiserver.Server }

// New returns the API. The roles themselves are the server's.
func New(s *apiserver.Server) apiserver.API {
	a := api{s}
	const collection, one = "/v1/projects/{project}/roles", "/v1/projects/{project}/roles/{role}"
	routes := []apiserver.Route{
		route("GET", collection, "list", a.list),
		route("GET", one, "get", a.get),
		written(route("POST", collection, "create", a.create), "CreateRole"),
		written(route("PATCH", one, "patch", a.patch), "UpdateRole"),
		written(route("DELETE", one, "delete", a.remove), "DeleteRole"),
	}
	return apiserver.API{Name: "iam", Routes: append(routes, a.accountRoutes()...), State: a.state}
}

func route(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	right := method
	if method == "patch" {
		right = "update"
	}
	return apiserver.Route{
		Verb: verb, Path: path, API: "iam", ID: "iam.projects.roles." + method,
		Permission: "iam.roles." + right, Source: docs + method, Handle: handle,
	}
}

func written(route apiserver.Route, method string) apiserver.Route {
	route.Write, route.AuditMethod = true, "google.iam.admin.v1."+method
	return route
}

func (a api) state() map[string]any {
	state := map[string]any{}
	for _, role := range a.server.CustomRoles() {
		state[role.Name] = view(role)
	}
	for _, account := range a.server.Accounts() {
		state["projects/"+apiserver.ProjectID+"/serviceAccounts/"+account.Email] = accountView(account)
	}
	return state
}

func view(role apiserver.Role) map[string]any {
	shown := map[string]any{"name": role.Name}
	for key, text := range map[string]string{"title": role.Title, "description": role.Description, "stage": role.Stage} {
		if text != "" {
			shown[key] = text
		}
	}
	if len(role.Permissions) > 0 {
		permissions := make([]any, len(role.Permissions))
		for i, each := range role.Permissions {
			permissions[i] = each
		}
		shown["includedPermissions"] = permissions
	}
	return shown
}

// list shows roles without their permissions, unless the full view is asked for.
func (a api) list(c *apiserver.Call) (any, error) {
	answer := map[string]any{}
	var all []any
	for _, role := range a.server.CustomRoles() {
		if !strings.HasPrefix(role.Name, parent) { // the organization's
			continue
		}
		shown := view(role)
		if c.Query("view") != "FULL" {
			delete(shown, "includedPermissions")
		}
		all = append(all, shown)
	}
	if all != nil {
		answer["roles"] = all
	}
	return answer, nil
}

func (a api) find(c *apiserver.Call) (apiserver.Role, error) {
	name := parent + "/" + c.Var("role")
	role, ok := a.server.CustomRole(name)
	if !ok {
		return role, apiserver.NotFound("The role named %s was not found.", name)
	}
	return role, nil
}

func (a api) get(c *apiserver.Call) (any, error) {
	role, err := a.find(c)
	if err != nil {
		return nil, err
	}
	return view(role), nil
}

func (a api) create(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "roleId role"); err != nil {
		return nil, err
	}
	id := apiserver.Text(body, "roleId")
	if !roleID.MatchString(id) {
		return nil, apiserver.Invalid("The role_id must be 3 to 64 letters, digits, underscores and periods, not %q.", id)
	}
	role := apiserver.Role{Name: parent + "/" + id, Stage: "ALPHA"}
	if _, taken := a.server.CustomRole(role.Name); taken {
		return nil, apiserver.AlreadyExists("A role named %s in %s already exists.", id, "projects/"+apiserver.ProjectID)
	}
	return a.write(role, apiserver.Object(body, "role"), nil)
}

func (a api) patch(c *apiserver.Call) (any, error) {
	role, err := a.find(c)
	if err != nil {
		return nil, err
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	var mask []string
	if text := c.Query("updateMask"); text != "" {
		mask = strings.Split(strings.ReplaceAll(text, "included_permissions", "includedPermissions"), ",")
	}
	return a.write(role, body, mask)
}

// write gives a role what was sent, or of it what the mask names.
func (a api) write(role apiserver.Role, sent map[string]any, mask []string) (any, error) {
	if err := apiserver.CheckFields(sent, "role", writable); err != nil {
		return nil, err
	}
	named := func(field string) bool {
		_, present := sent[field]
		return slices.Contains(mask, field) || mask == nil && present
	}
	for field, into := range map[string]*string{"title": &role.Title, "description": &role.Description,
		"stage": &role.Stage} {
		if named(field) {
			*into = apiserver.Text(sent, field)
		}
	}
	if named("includedPermissions") {
		role.Permissions = nil
		for _, each := range apiserver.List(sent, "includedPermissions") {
			text, _ := each.(string)
			if !permission.MatchString(text) {
				return nil, apiserver.Invalid("Permission %v is not valid.", each)
			}
			role.Permissions = append(role.Permissions, text)
		}
	}
	a.server.PutRole(role)
	return view(role), nil
}

// remove forgets the role at once; Google keeps it for a while, to be restored.
func (a api) remove(c *apiserver.Call) (any, error) {
	role, err := a.find(c)
	if err != nil {
		return nil, err
	}
	a.server.DropRole(role.Name)
	shown := view(role)
	shown["deleted"] = true
	return shown, nil
}
