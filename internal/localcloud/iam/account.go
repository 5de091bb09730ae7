package iam

import (
	"encoding/base64"
	"regexp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// accountID is the grammar of a service account's id.
// Source: cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create
var accountID = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

const accountDocs = "cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/"

// accountRoutes make service accounts: policies can only name those that exist.
func (a api) accountRoutes() []apiserver.Route {
	const collection, one = "/v1/projects/{project}/serviceAccounts", "/v1/projects/{project}/serviceAccounts/{account}"
	of := func(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
		return apiserver.Route{
			Verb: verb, Path: path, API: "iam", ID: "iam.projects.serviceAccounts." + method,
			Permission: "iam.serviceAccounts." + method, Source: accountDocs + method, Handle: handle,
		}
	}
	return []apiserver.Route{
		of("GET", collection, "list", a.listAccounts),
		of("GET", one, "get", a.getAccount),
		written(of("POST", collection, "create", a.createAccount), "CreateServiceAccount"),
		written(of("DELETE", one, "delete", a.deleteAccount), "DeleteServiceAccount"),
		named(of("POST", one+":getIamPolicy", "getIamPolicy", a.onPolicy((*apiserver.Call).GetIamPolicy))),
		named(written(of("POST", one+":setIamPolicy", "setIamPolicy", a.onPolicy((*apiserver.Call).SetIamPolicy)),
			"SetIAMPolicy")),
	}
}

// named makes a call be about the account, whose policy says who may act as it.
func named(route apiserver.Route) apiserver.Route {
	route.Resource = func(c *apiserver.Call) string {
		return "projects/" + apiserver.ProjectID + "/serviceAccounts/" + c.Var("account")
	}
	return route
}

// onPolicy reads or writes the policy of an account that is there.
func (a api) onPolicy(do func(*apiserver.Call, string) (any, error)) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		account, err := a.findAccount(c.Var("account"))
		if err != nil {
			return nil, err
		}
		return do(c, "projects/"+apiserver.ProjectID+"/serviceAccounts/"+account.Email)
	}
}

func accountView(account apiserver.Account) map[string]any {
	shown := map[string]any{
		"name": "projects/" + apiserver.ProjectID + "/serviceAccounts/" + account.Email, "projectId": apiserver.ProjectID,
		"email": account.Email, "uniqueId": account.UniqueID, "oauth2ClientId": account.UniqueID,
		"etag": base64.StdEncoding.EncodeToString([]byte(account.UniqueID)[:8]),
	}
	for key, text := range map[string]string{"displayName": account.DisplayName, "description": account.Description} {
		if text != "" {
			shown[key] = text
		}
	}
	return shown
}

func (a api) listAccounts(*apiserver.Call) (any, error) {
	answer := map[string]any{}
	var all []any
	for _, account := range a.server.Accounts() {
		all = append(all, accountView(account))
	}
	if all != nil {
		answer["accounts"] = all
	}
	return answer, nil
}

// findAccount takes the address or the unique id. The text is recorded.
func (a api) findAccount(name string) (apiserver.Account, error) {
	for _, account := range a.server.Accounts() {
		if account.Email == name || account.UniqueID == name {
			return account, nil
		}
	}
	return apiserver.Account{}, apiserver.NotFound("Unknown service account")
}

func (a api) getAccount(c *apiserver.Call) (any, error) {
	account, err := a.findAccount(c.Var("account"))
	if err != nil {
		return nil, err
	}
	return accountView(account), nil
}

func (a api) createAccount(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "accountId serviceAccount"); err != nil {
		return nil, err
	}
	id, wanted := apiserver.Text(body, "accountId"), apiserver.Object(body, "serviceAccount")
	if !accountID.MatchString(id) {
		return nil, apiserver.Invalid("The account ID %q does not have a length between 6 and 30, or has invalid characters.", id)
	}
	account := apiserver.Account{
		Email: id + "@" + apiserver.ProjectID + ".iam.gserviceaccount.com", UniqueID: "11" + apiserver.NewID(),
		DisplayName: apiserver.Text(wanted, "displayName"), Description: apiserver.Text(wanted, "description"),
	}
	if _, err := a.findAccount(account.Email); err == nil {
		return nil, apiserver.AlreadyExists("Service account %s already exists within project projects/%s.", id,
			apiserver.ProjectID)
	}
	a.server.PutAccount(account)
	return accountView(account), nil
}

func (a api) deleteAccount(c *apiserver.Call) (any, error) {
	account, err := a.findAccount(c.Var("account"))
	if err != nil {
		return nil, err
	}
	a.server.DropAccount(account.Email)
	a.server.DeletePolicy("projects/" + apiserver.ProjectID + "/serviceAccounts/" + account.Email)
	return map[string]any{}, nil
}
