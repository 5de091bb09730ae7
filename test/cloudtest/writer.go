package cloudtest

import (
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
)

// WriterFolder is the folder that Employ puts the project into.
const WriterFolder = "folders/410000000001"

// Writer is the service account that Employ makes.
const Writer = "iapguard-writer@" + playground.Project + ".iam.gserviceaccount.com"

// MoveIntoFolder makes WriterFolder and puts the project into it.
func (e *Env) MoveIntoFolder() {
	e.t.Helper()
	e.CallAs(e.Owner(), http.MethodPost, "/v3/folders",
		map[string]any{"parent": "organizations/" + apiserver.OrganizationID, "displayName": "wave"})
	e.CallAs(e.Owner(), http.MethodPost, "/v3/projects/"+playground.Project+":move",
		map[string]any{"destinationParent": WriterFolder})
}

// CreateWriter puts the project into a folder, and makes a service account that may do
// there what the roles say, and that the function may impersonate.
func (e *Env) CreateWriter(roles ...apiserver.Role) {
	e.t.Helper()
	post := func(path string, body map[string]any) map[string]any {
		e.t.Helper()
		return e.CallAs(e.Owner(), http.MethodPost, path, body)
	}
	const project, accounts = "/v1/projects/" + playground.Project, "/v1/projects/" + playground.Project +
		"/serviceAccounts"
	e.MoveIntoFolder()
	post(accounts, map[string]any{"accountId": "iapguard-writer"})
	policy := post(project+":getIamPolicy", map[string]any{"options": map[string]any{"requestedPolicyVersion": 3}})
	bindings, _ := policy["bindings"].([]any)
	for i, role := range roles {
		id := "writing" + string(rune('a'+i))
		post(project+"/roles", map[string]any{"roleId": id, "role": map[string]any{"includedPermissions": role.Permissions}})
		bindings = append(bindings, binding("projects/"+playground.Project+"/roles/"+id, Writer))
	}
	policy["bindings"] = bindings
	post(project+":setIamPolicy", map[string]any{"policy": policy})
	post(accounts+"/"+Writer+":setIamPolicy", map[string]any{"policy": map[string]any{
		"bindings": []any{binding("roles/iam.serviceAccountTokenCreator", playground.FunctionAccount)},
	}})
}

func binding(role, account string) map[string]any {
	return map[string]any{"role": role, "members": []any{"serviceAccount:" + account}}
}
