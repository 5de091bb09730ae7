package iam

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// longest is how long a token may live, and lives where nobody says how long.
// Source: iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken.
const longest = time.Hour

type credentials struct {
	server *apiserver.Server
	tokens Tokens
}

// Tokens issues identity tokens.
type Tokens interface {
	// Fresh is a new token that names an account to an audience.
	Fresh(account, audience string) (string, error)
}

// NewCredentials returns the IAM Credentials API, as far as it generates access
// tokens and identity tokens for who may impersonate a service account.
func NewCredentials(s *apiserver.Server, tokens Tokens) apiserver.API {
	a := credentials{s, tokens}
	return apiserver.API{Name: "iamcredentials", Routes: []apiserver.Route{{
		Verb: "POST", Path: "/v1/projects/-/serviceAccounts/{account}:generateIdToken", API: "iamcredentials",
		ID: "iamcredentials.projects.serviceAccounts.generateIdToken", AuditMethod: "GenerateIdToken",
		Permission: "iam.serviceAccounts.getOpenIdToken",
		Source:     "cloud.google.com/iam/docs/create-short-lived-credentials-direct",
		Resource: func(c *apiserver.Call) string {
			return ownerOf(s, c.Var("account")).Name() + "/serviceAccounts/" + c.Var("account")
		},
		Handle: a.generateIDToken,
	}, {
		Verb: "POST", Path: "/v1/projects/-/serviceAccounts/{account}:generateAccessToken", API: "iamcredentials",
		ID: "iamcredentials.projects.serviceAccounts.generateAccessToken", AuditMethod: "GenerateAccessToken",
		Permission: "iam.serviceAccounts.getAccessToken",
		Source:     "cloud.google.com/iam/docs/create-short-lived-credentials-direct",
		Resource: func(c *apiserver.Call) string {
			return ownerOf(s, c.Var("account")).Name() + "/serviceAccounts/" + c.Var("account")
		},
		Handle: a.generateAccessToken,
	}}}
}

// generateAccessToken gives the caller a token of the account. Its log entry,
// of data access, which is switched on here, shows no token.
// Source: iam/docs/audit-logging/examples-service-accounts.
func (a credentials) generateAccessToken(c *apiserver.Call) (any, error) {
	account, err := a.lent(c)
	if err != nil {
		return nil, err
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "scope lifetime delegates"); err != nil {
		return nil, err
	}
	lifetime := longest
	if text := apiserver.Text(body, "lifetime"); text != "" {
		if lifetime, err = time.ParseDuration(text); err != nil || lifetime <= 0 || lifetime > longest {
			return nil, apiserver.Invalid("Request contains an invalid argument: lifetime %q: write at most 3600s.", text)
		}
	}
	switch {
	case len(apiserver.List(body, "scope")) == 0:
		return nil, apiserver.Invalid("Request contains an invalid argument: scope is required.")
	case len(apiserver.List(body, "delegates")) > 0:
		return nil, apiserver.Invalid("Request contains an invalid argument: delegates are not served here.")
	}
	return map[string]any{
		"accessToken": c.LentToken(account.Email), "expireTime": c.Time.Add(lifetime).UTC().Format(time.RFC3339),
	}, nil
}

// generateIDToken gives the caller an identity token of the account. Source:
// iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken.
func (a credentials) generateIDToken(c *apiserver.Call) (any, error) {
	account, err := a.lent(c)
	if err != nil {
		return nil, err
	}
	c.Record.Request["@type"] = "type.googleapis.com/google.iam.credentials.v1.GenerateIdTokenRequest"
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "audience includeEmail delegates"); err != nil {
		return nil, err
	}
	switch {
	case apiserver.Text(body, "audience") == "":
		return nil, apiserver.Invalid("Request contains an invalid argument: audience is required.")
	case body["includeEmail"] != true:
		return nil, apiserver.Invalid("Request contains an invalid argument: tokens without an e-mail address are not served here.")
	case len(apiserver.List(body, "delegates")) > 0:
		return nil, apiserver.Invalid("Request contains an invalid argument: delegates are not served here.")
	}
	token, err := a.tokens.Fresh(account.Email, apiserver.Text(body, "audience"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"token": token}, nil
}

// lent finds the account, and writes the call's log entry about it.
func (a credentials) lent(c *apiserver.Call) (apiserver.Account, error) {
	record := c.Record
	record.Log, record.Severity, record.ResourceType = apiserver.DataAccess, "INFO", "service_account"
	record.Request = map[string]any{
		"@type": "type.googleapis.com/google.iam.credentials.v1.GenerateAccessTokenRequest",
		"name":  "projects/-/serviceAccounts/" + c.Var("account"),
	}
	record.Response = map[string]any{}
	record.Labels = map[string]string{"email_id": c.Var("account"), "project_id": ownerOf(a.server, c.Var("account")).ID, "unique_id": ""}
	accounts := a.server.Accounts()
	at := slices.IndexFunc(accounts, func(each apiserver.Account) bool {
		return each.Email == c.Var("account") || each.UniqueID == c.Var("account")
	})
	if at < 0 {
		return apiserver.Account{}, apiserver.NotFound("Not found; Gaia id not found for email %s", c.Var("account"))
	}
	account := accounts[at]
	record.Labels["unique_id"] = account.UniqueID
	record.ResourceName = "projects/-/serviceAccounts/" + account.UniqueID
	return account, nil
}
