package orgpolicy

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

// effects answers which constraints are in effect where. It is an
// apiserver.Constraints.
type effects struct {
	server   *apiserver.Server
	policies *collection.Collection
}

// rules are those that are in effect: a resource's own, or what it inherits. Nil is
// the default of the constraint, which is to allow.
// Source: resource-manager/docs/organization-policy/understanding-hierarchy.
func (e *effects) rules(resource, constraint string) []any {
	var all []any
	for _, container := range e.server.Containers(resource) {
		policy, ok := e.policies.Get(container + "/policies/" + constraint)
		spec := apiserver.Object(policy.Body, "spec")
		if !ok || spec == nil {
			continue
		}
		if spec["reset"] == true {
			return all
		}
		for _, each := range apiserver.List(spec, "rules") {
			rule, _ := each.(map[string]any)
			if rule["condition"] == nil { // about tags, which nothing has here
				all = append(all, rule)
			}
		}
		if spec["inheritFromParent"] != true {
			return all
		}
	}
	return all
}

// effectivePolicy answers the policy that is in effect, whether or not there is one.
func (e *effects) effectivePolicy(policies *collection.Collection, call *apiserver.Call) (any, error) {
	constraint := constraintOf(call.Resource)
	of, ok := known[constraint]
	if !ok {
		return nil, apiserver.NotFound("Requested entity was not found.")
	}
	rules := merged(e.rules(call.Resource, constraint))
	if len(rules) == 0 {
		rules = []any{map[string]any{"enforce": false}}
		if of.list {
			rules = []any{map[string]any{"allowAll": true}}
		}
	}
	return policies.Shown(collection.Resource{Name: call.Resource,
		Body: map[string]any{"spec": map[string]any{"rules": apiserver.Clone(rules)}}}), nil
}

// merged joins the values of several rules.
func merged(rules []any) []any {
	var allowed, denied, others []any
	for _, each := range rules {
		rule := each.(map[string]any)
		if values := apiserver.Object(rule, "values"); values != nil {
			allowed = append(allowed, apiserver.List(values, "allowedValues")...)
			denied = append(denied, apiserver.List(values, "deniedValues")...)
		} else {
			others = append(others, rule)
		}
	}
	values := map[string]any{}
	if allowed != nil {
		values["allowedValues"] = allowed
	}
	if denied != nil {
		values["deniedValues"] = denied
	}
	if len(values) > 0 {
		others = append(others, map[string]any{"values": values})
	}
	return others
}

// Enforced implements [apiserver.Constraints].
func (e *effects) Enforced(resource, constraint string) bool {
	return slices.ContainsFunc(e.rules(resource, constraint), func(each any) bool {
		return each.(map[string]any)["enforce"] == true
	})
}

// Allows implements [apiserver.Constraints]. What is denied is not allowed, whatever
// else says so.
func (e *effects) Allows(resource, constraint, value string) bool {
	return e.allowsAny(resource, constraint, value)
}

func (e *effects) allowsAny(resource, constraint string, values ...string) bool {
	rules := e.rules(resource, constraint)
	if len(rules) == 0 {
		return true
	}
	names := func(list []any) bool {
		return slices.ContainsFunc(list, func(each any) bool {
			text, _ := each.(string)
			return slices.Contains(values, strings.TrimPrefix(text, "is:"))
		})
	}
	allowed, lists := false, false
	for _, each := range rules {
		rule := each.(map[string]any)
		of := apiserver.Object(rule, "values")
		if rule["denyAll"] == true || names(apiserver.List(of, "deniedValues")) {
			return false
		}
		lists = lists || len(apiserver.List(of, "allowedValues")) > 0
		allowed = allowed || rule["allowAll"] == true || names(apiserver.List(of, "allowedValues"))
	}
	return allowed || !lists
}

const (
	domains = "iam.allowedPolicyMemberDomains"
	members = "iam.managed.allowedPolicyMembers"
)

// Excludes implements [apiserver.Constraints]. Whether the project's own service agents
// belong to its organization is unverified: see belief.Beliefs.RefuseServiceAgents.
// Source: resource-manager/docs/organization-policy/restricting-domains.
func (e *effects) Excludes(resource, member string) string {
	const organization = "//cloudresourcemanager.googleapis.com/organizations/" + apiserver.OrganizationID
	ours := e.ours(member)
	of := []string{""} // no customer of anybody
	if ours {
		of = []string{resourcemanager.Customer,
			"principalSet://iam.googleapis.com/organizations/" + apiserver.OrganizationID}
	}
	if !e.allowsAny(resource, domains, of...) {
		return domains
	}
	for _, each := range e.rules(resource, members) {
		rule := each.(map[string]any)
		parameters := apiserver.Object(rule, "parameters")
		sets := apiserver.List(parameters, "allowedPrincipalSets")
		named := slices.ContainsFunc(apiserver.List(parameters, "allowedMemberSubjects"), func(each any) bool {
			text, _ := each.(string)
			return strings.EqualFold(text, member)
		})
		permitted := ours && (parameters == nil || slices.Contains(sets, any(organization)))
		if rule["enforce"] == true && !named && !permitted {
			return members
		}
	}
	return ""
}

// ours reports whether a member belongs to the organization.
func (e *effects) ours(member string) bool {
	kind, id, _ := strings.Cut(member, ":")
	_, domain, _ := strings.Cut(id, "@")
	switch kind {
	case "user", "group":
		return strings.EqualFold(domain, resourcemanager.Domain)
	case "domain":
		return strings.EqualFold(id, resourcemanager.Domain)
	case "serviceAccount":
		return slices.ContainsFunc(e.server.Projects(), func(project apiserver.Project) bool {
			return domain == project.ID+".iam.gserviceaccount.com" || id == project.DefaultAccount() ||
				strings.HasPrefix(id, "service-"+project.Number+"@") && !e.server.Beliefs().RefuseServiceAgents
		})
	case "projectOwner", "projectEditor", "projectViewer":
		return true
	}
	return kind == "deleted"
}
