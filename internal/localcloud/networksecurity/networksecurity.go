// Package networksecurity is the local cloud's Network Security API (v1): authorization
// policies of load balancers.
package networksecurity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// API is the API of all projects.
type API struct{ policies *collection.Collection }

// New returns an API without policies. Exists reports whether a resource of Compute
// Engine exists, by its path from "projects/" on. Operations are read where Cloud Run's
// are, because both APIs have the same path for them.
func New(s *apiserver.Server, exists func(path string) bool) *API {
	const audited = "google.cloud.networksecurity.v1.NetworkSecurity." // unverified
	return &API{collection.New(s, collection.Kind{
		Documents:   []string{"networksecurity/v1"},
		Collections: []string{"networksecurity.projects.locations.authzPolicies"}, Message: "AuthzPolicy",
		Permissions: "networksecurity.authzPolicies",
		Source:      "cloud.google.com/load-balancing/docs/auth-policy/set-up-auth-policy-app-lb",
		Audit: map[string]string{"create": audited + "CreateAuthzPolicy", "patch": audited + "UpdateAuthzPolicy",
			"delete": audited + "DeleteAuthzPolicy"},
		ID: regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`), Location: collection.RegionalOrGlobal,
		Fixed:   []string{"policyProfile"},
		Prepare: func(w *collection.Write) error { return prepare(w, exists) },
		Answer:  collection.LongRunning("google.cloud.networksecurity.v1"),
	})}
}

// API is what the server serves.
func (a *API) API() apiserver.API { return collection.Merged("networksecurity", a.policies) }

// PoliciesAt are the authorization policies of a forwarding rule, which has its path from
// "projects/" on, in the order of their names.
func (a *API) PoliciesAt(rule string) []map[string]any {
	var all []map[string]any
	found := a.policies.All("")
	slices.SortFunc(found, func(a, b collection.Resource) int { return strings.Compare(a.Name, b.Name) })
	for _, policy := range found {
		if slices.ContainsFunc(targets(policy.Body), func(target string) bool { return path(a.policies.Server(), target) == rule }) {
			all = append(all, policy.Body)
		}
	}
	return all
}

// prepare refuses what the discovery document calls required, and targets that are not
// there. The words are unverified. IAP at a backend service of the target is accepted:
// whether Google refuses the policy or fails the requests is documented in two ways.
func prepare(w *collection.Write, exists func(path string) bool) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	provider := apiserver.Object(body, "customProvider")
	rules := len(apiserver.List(body, "httpRules")) + len(apiserver.List(body, "networkRules"))
	custom := (provider["cloudIap"] != nil) != (provider["authzExtension"] != nil)
	switch action := apiserver.Text(body, "action"); {
	case action == "" || action == "AUTHZ_ACTION_UNSPECIFIED":
		return invalid("action", "is required")
	case action == "CUSTOM" && !custom:
		return invalid("custom_provider", "must have exactly one of cloud_iap and authz_extension with the action CUSTOM")
	case action != "CUSTOM" && provider != nil:
		return invalid("custom_provider", "goes with the action CUSTOM alone")
	case (action == "ALLOW" || action == "DENY") && rules == 0:
		return invalid("http_rules", "must have at least one rule")
	case action == "DENY_BY_DEFAULT" && rules > 0:
		return invalid("http_rules", "must be empty")
	case len(targets(body)) == 0:
		return invalid("target.resources", "must name at least one resource")
	}
	for _, target := range targets(body) {
		if rule := path(w.Call.Server(), target); strings.Contains(rule, "/forwardingRules/") && !exists(rule) {
			return apiserver.NotFound("The resource '%s' was not found", rule)
		}
	}
	return nil
}

func invalid(field, why string) error {
	return apiserver.Invalid("The request was invalid: authz_policy.%s %s", field, why)
}

// targets are the links of what a policy applies to.
func targets(body map[string]any) []string {
	var all []string
	for _, each := range apiserver.List(apiserver.Object(body, "target"), "resources") {
		if text, ok := each.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// path is what a link names, from "projects/" on, with the project's id.
func path(s *apiserver.Server, link string) string {
	name := link[max(0, strings.Index(link, "projects/")):]
	return s.ByID(name)
}
