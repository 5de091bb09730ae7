package dataplane

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// accessSettings are IAP's access settings in effect at a resource: each field has the
// value of the nearest resource, at or above it, that sets the field. Lists are not joined.
// Source: iap/docs/customizing; that inheritance goes by field is unverified.
func (s snapshot) accessSettings(resource string) object {
	at := s.propagated
	if at.IsZero() {
		at = s.now
	}
	var names []string
	for name := resource; strings.Contains(name, "/"); name = name[:strings.LastIndexByte(name, '/')] {
		names = append(names, name)
	}
	for _, container := range s.Containers(resource) {
		if !strings.HasPrefix(container, "projects/") { // the loop above has the project, by its number
			names = append(names, container)
		}
	}
	merged := object{}
	for _, name := range slices.Backward(names) {
		apiserver.Merge(merged, apiserver.Object(s.IAP.Settings(name, at), "accessSettings"))
	}
	return merged
}

// identitySource is who signs the visitors of an IAP in.
type identitySource int

const (
	googleAccounts   identitySource = iota
	identityPlatform                // anybody who can sign up there (iap/docs/external-identities)
	workforcePools                  // people of a workforce pool (iap/docs/use-workforce-identity-federation)
)

// sourceOf reads the identity source off access settings.
func sourceOf(settings object) identitySource {
	gcip := apiserver.Object(settings, "gcipSettings")
	workforce := apiserver.Object(settings, "workforceIdentitySettings")
	switch {
	case apiserver.Text(gcip, "loginPageUri") != "" || len(apiserver.List(gcip, "tenantIds")) > 0:
		return identityPlatform
	case slices.Contains(apiserver.List(settings, "identitySources"), any("WORKFORCE_IDENTITY_FEDERATION")) &&
		len(apiserver.List(workforce, "workforcePools")) > 0:
		return workforcePools
	}
	return googleAccounts
}

// knows reports whether an IAP with these settings can sign a member in.
func knows(settings object, who member) bool {
	source := sourceOf(settings)
	if pool := who.pool(); pool != "" {
		named := apiserver.List(apiserver.Object(settings, "workforceIdentitySettings"), "workforcePools")
		return source == workforcePools && slices.ContainsFunc(named, func(name any) bool {
			text, _ := name.(string)
			return lastOf(text) == pool
		})
	}
	if who.external() {
		return source == identityPlatform
	}
	return source == googleAccounts
}

// recognized is a token as an IAP with these settings takes it: an identity of another
// source is not a sign-in, and as a program's token it does not verify.
func (t token) recognized(settings object, browser bool) token {
	if t.who == "" || knows(settings, t.who) {
		return t
	}
	return token{bad: !browser}
}

// outsideDomains reports whether allowed domains are on and a person's is not among them.
// Service accounts have no such domain (unverified).
func outsideDomains(settings object, who member) bool {
	allowed := apiserver.Object(settings, "allowedDomainsSettings")
	if allowed["enable"] != true || !strings.HasPrefix(string(who), "user:") {
		return false
	}
	_, domain, _ := strings.Cut(who.email(), "@")
	return !slices.ContainsFunc(apiserver.List(allowed, "domains"), func(each any) bool {
		text, _ := each.(string)
		return strings.EqualFold(text, domain)
	})
}

// skipsIAP reports whether a request is one that needs neither sign-in nor access: an
// OPTIONS request where the settings say so (iap/docs/customizing, CORS).
func skipsIAP(settings object, r request) bool {
	return r.method == http.MethodOptions && apiserver.Object(settings, "corsSettings")["allowHttpOptions"] == true
}

// signInPage is where IAP sends somebody who is not signed in.
func signInPage(r request, g gate) string {
	gcip := apiserver.Object(g.settings, "gcipSettings")
	redirect := "https://iap.googleapis.com/v1/oauth/clientIds/" + g.oauthClient() + ":handleRedirect"
	switch sourceOf(g.settings) {
	case identityPlatform: // the parameters of gcip-iap, which sign-in pages are made with
		page, err := url.Parse(apiserver.Text(gcip, "loginPageUri"))
		if err != nil {
			return ""
		}
		query := page.Query()
		query.Set("mode", "login")
		query.Set("state", r.url())
		query.Set("redirect_uri", "https://iap.googleapis.com/v1alpha1/gcip/resources/RESOURCE_HASH:handleRedirect")
		if tenants := apiserver.List(gcip, "tenantIds"); len(tenants) > 0 {
			tenant, _ := tenants[0].(string)
			query.Set("tid", tenant)
		}
		page.RawQuery = query.Encode()
		return page.String()
	case workforcePools:
		to := url.URL{Scheme: "https", Host: "auth.cloud.google", Path: "/authorize", RawQuery: url.Values{
			"client_id": {g.oauthClient()}, "response_type": {"code"}, "state": {r.url()}, "redirect_uri": {redirect},
		}.Encode()}
		return to.String()
	}
	to := url.URL{Scheme: "https", Host: "accounts.google.com", Path: "/o/oauth2/v2/auth", RawQuery: url.Values{
		"client_id": {g.oauthClient()}, "response_type": {"code"}, "scope": {"openid email"}, "state": {r.url()},
		"redirect_uri": {redirect},
	}.Encode()}
	return to.String()
}
