package iam

import (
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// accounts are service accounts: policies can only name those that exist.
var accounts = collection.Kind{
	Documents: []string{"iam/v1"}, Collections: []string{"iam.projects.serviceAccounts"}, Message: "ServiceAccount",
	Permissions: "iam.serviceAccounts", Source: docs + "projects.serviceAccounts", Verbs: map[string]string{"testIamPermissions": ""},
	Audit: map[string]string{"create": audited + "CreateServiceAccount", "patch": audited + "PatchServiceAccount",
		"delete": audited + "DeleteServiceAccount", "setIamPolicy": audited + "SetIAMPolicy"},
	Unserved:   []string{"update", "disable", "enable", "undelete", "signBlob", "signJwt"},
	AnyProject: true,
	// Source: cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create
	ID: regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`),
	Words: collection.Words{
		NotFound: "Unknown service account", // recorded
		Exists:   "Service account {id} already exists within project projects/{project}.",
		BadID:    `The account ID "{id}" does not have a length between 6 and 30, or has invalid characters.`,
	},
	Others: func(accounts *collection.Collection) {
		for _, account := range accounts.Server().Accounts() {
			accounts.PutMissing(accountOf(ownerOf(accounts.Server(), account.Email), account))
		}
	},
	Subject: func(call *apiserver.Call) string {
		email := call.Var("serviceAccount")
		if call.Var("project") != "" || email == "" {
			return ""
		}
		return ownerOf(call.Server(), email).Name() + "/serviceAccounts/" + email
	},
	// Alias takes the account's number, and the id that it is made with.
	Alias: func(accounts *collection.Collection, name string) string {
		last, project := name[strings.LastIndexByte(name, '/')+1:], accounts.Server().ProjectOf(name)
		for _, each := range accounts.All("") {
			if email := apiserver.Text(each.Body, "email"); each.Body["uniqueId"] == last || email == project.AccountAddress(last) {
				return each.Name
			}
		}
		return name
	},
	Prepare: func(w *collection.Write) error {
		if w.Old != nil || w.New == nil {
			return nil
		}
		id := w.New.Name[strings.LastIndexByte(w.New.Name, '/')+1:]
		made := apiserver.Account{Email: w.Call.Project.AccountAddress(id), UniqueID: "11" + apiserver.NewID(),
			DisplayName: apiserver.Text(w.New.Body, "displayName"), Description: apiserver.Text(w.New.Body, "description")}
		*w.New = accountOf(w.Call.Project, made)
		return nil
	},
	Changed: func(w *collection.Write) {
		if w.New == nil {
			w.Call.Server().DropAccount(apiserver.Text(w.Old.Body, "email"))
			return
		}
		w.Call.Server().PutAccount(apiserver.Account{Email: apiserver.Text(w.New.Body, "email"),
			UniqueID: apiserver.Text(w.New.Body, "uniqueId")})
	},
}

// ownerOf is the project that an account is in, by its address.
func ownerOf(s *apiserver.Server, email string) apiserver.Project {
	_, domain, _ := strings.Cut(email, "@")
	id, _, _ := strings.Cut(domain, ".")
	if found, ok := s.Project(id); ok {
		return found
	}
	return apiserver.DefaultProject()
}

func accountOf(in apiserver.Project, account apiserver.Account) collection.Resource {
	body := map[string]any{
		"projectId": in.ID, "email": account.Email, "uniqueId": account.UniqueID,
		"oauth2ClientId": account.UniqueID,
		"etag":           base64.StdEncoding.EncodeToString([]byte(account.UniqueID)[:8]),
	}
	for key, text := range map[string]string{"displayName": account.DisplayName, "description": account.Description} {
		if text != "" {
			body[key] = text
		}
	}
	return collection.Resource{Name: in.Name() + "/serviceAccounts/" + account.Email, Body: body}
}
