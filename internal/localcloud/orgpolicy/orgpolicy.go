// Package orgpolicy is the local cloud's Organization Policy API (v2): policies of the
// project, its folders and its organization, and the constraints that other APIs
// enforce by them.
package orgpolicy

import (
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// New returns the API, and lets the server ask it which constraints are in effect.
func New(s *apiserver.Server) apiserver.API {
	e := &effects{server: s}
	custom := collection.New(s, customKind)
	e.policies = collection.New(s, policyKind(custom, e.effectivePolicy))
	s.SetConstraints(e)
	api := collection.Merged("orgpolicy", e.policies, custom)
	api.Routes = append(api.Routes, collection.New(s, constraintKind).Routes("orgpolicy")...)
	return api
}

// under are the collections of something at each kind of parent.
func under(what string) []string {
	return []string{"orgpolicy.projects." + what, "orgpolicy.folders." + what, "orgpolicy.organizations." + what}
}

// audited begins the names of methods in the audit log.
const audited = "google.cloud.orgpolicy.v2.OrgPolicy."

// customKind are the constraints that organizations make. They are kept, and refuse nothing here.
var customKind = collection.Kind{
	Documents: []string{"orgpolicy/v2"}, Collections: []string{"orgpolicy.organizations.customConstraints"},
	Message: "GoogleCloudOrgpolicyV2CustomConstraint", Permissions: "orgpolicy.customConstraints",
	Source: "cloud.google.com/iam/docs/roles-permissions/orgpolicy",
	Audit: map[string]string{"create": audited + "CreateCustomConstraint", "patch": audited + "UpdateCustomConstraint",
		"delete": audited + "DeleteCustomConstraint"},
	// Source: resource-manager/docs/organization-policy/creating-managing-custom-constraints.
	ID: regexp.MustCompile(`^custom\.[A-Za-z0-9]{1,70}$`), Replaces: true,
	Words: collection.Words{NotFound: "Requested entity was not found.", Exists: "Requested entity already exists",
		BadID: "Request contains an invalid argument."},
	Prepare: prepareCustom,
}

// prepareCustom refuses a constraint that lacks something. The texts are ours.
func prepareCustom(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	for _, field := range []string{"resourceTypes", "methodTypes"} {
		if len(apiserver.List(w.New.Body, field)) == 0 {
			return apiserver.Invalid("A custom constraint has %s.", field)
		}
	}
	for _, field := range []string{"condition", "actionType"} {
		if apiserver.Text(w.New.Body, field) == "" {
			return apiserver.Invalid("A custom constraint has a %s.", field)
		}
	}
	return nil
}

func policyKind(custom *collection.Collection,
	effective func(*collection.Collection, *apiserver.Call) (any, error)) collection.Kind {
	return collection.Kind{
		Documents: []string{"orgpolicy/v2"}, Collections: under("policies"), Message: "GoogleCloudOrgpolicyV2Policy",
		Permissions: "orgpolicy.policies", Source: "cloud.google.com/iam/docs/roles-permissions/orgpolicy",
		Verbs: map[string]string{"get": "orgpolicy.policy.get", "getEffectivePolicy": "orgpolicy.policy.get"},
		Audit: map[string]string{"create": audited + "CreatePolicy", "patch": audited + "UpdatePolicy",
			"delete": audited + "DeletePolicy"},
		ID:       regexp.MustCompile(`^[a-zA-Z0-9.]{1,100}$`),
		Numbered: true, MaskRoot: "policy.", Replaces: true,
		Words: collection.Words{NotFound: "Requested entity was not found.", Exists: "Requested entity already exists",
			BadID: "Request contains an invalid argument."},
		Prepare: func(w *collection.Write) error { return prepare(w, custom) },
		Actions: map[string]collection.Action{"getEffectivePolicy": {Do: effective}},
	}
}

// prepare applies the rules of policies that no document has. The texts are ours.
func prepare(w *collection.Write, custom *collection.Collection) error {
	if w.New == nil {
		return nil
	}
	policy := w.New.Body
	constraint, ok := known[constraintOf(w.New.Name)]
	for _, each := range custom.All("") {
		ok = ok || constraintOf(each.Name) == constraintOf(w.New.Name)
	}
	if !ok {
		return apiserver.Invalid("Constraint constraints/%s is not known here.", constraintOf(w.New.Name))
	}
	for _, key := range []string{"spec", "dryRunSpec"} {
		spec := apiserver.Object(policy, key)
		if spec == nil {
			continue
		}
		if err := checkSpec(spec, constraint); err != nil {
			return err
		}
		spec["updateTime"] = collection.Time(w.At)
		spec["etag"] = apiserver.Etag(w.At)
	}
	return nil
}

func checkSpec(spec map[string]any, constraint constraint) error {
	rules := apiserver.List(spec, "rules")
	inherits, reset := spec["inheritFromParent"] == true, spec["reset"] == true
	switch {
	case reset && (len(rules) > 0 || inherits):
		return apiserver.Invalid("A policy that is reset has no rules, and inherits nothing.")
	case inherits && !constraint.list:
		return apiserver.Invalid("Only policies of list constraints inherit from their parent.")
	case len(rules) == 0 && !reset && !inherits:
		return apiserver.Invalid("A policy has rules, inherits them, or is reset.")
	}
	for _, each := range rules {
		rule, _ := each.(map[string]any)
		kinds := 0
		for _, key := range []string{"values", "allowAll", "denyAll", "enforce"} {
			if rule[key] == nil {
				continue
			}
			if kinds++; (key == "enforce") == constraint.list {
				return apiserver.Invalid("A rule of this constraint cannot have %s.", key)
			}
		}
		if kinds != 1 {
			return apiserver.Invalid("A rule has exactly one of values, allowAll, denyAll and enforce.")
		}
	}
	return nil
}

// constraintOf is the constraint that a policy is about: the last segment of its name.
func constraintOf(policy string) string { return policy[strings.LastIndexByte(policy, '/')+1:] }

// constraint is one that another API enforces.
type constraint struct {
	list               bool // it has values, else it is enforced or not
	title, description string
}

// known are the constraints that are enforced here.
// Sources: run/docs/securing/ingress, iap/docs/org-policies,
// resource-manager/docs/organization-policy/restricting-domains.
var known = map[string]constraint{
	"run.allowedIngress":   {true, "Allowed ingress settings (Cloud Run)", "The ingress settings that services may have."},
	"run.allowedVPCEgress": {true, "Allowed VPC egress settings (Cloud Run)", "The VPC egress settings that revisions may have."},
	"run.managed.requireInvokerIam": {false, "Require the invoker IAM check for Cloud Run services",
		"The invoker IAM check cannot be disabled."},
	"iam.allowedPolicyMemberDomains": {true, "Domain restricted sharing", "The customers whose members policies may name."},
	"iam.managed.allowedPolicyMembers": {false, "Restrict allowed policy members in IAM allow policies",
		"The members that policies may name."},
	"iap.requireGlobalIapWebDisabled":   {false, "Disable enabling IAP on global resources", "IAP cannot be enabled on global resources."},
	"iap.requireRegionalIapWebDisabled": {false, "Disable enabling IAP on regional resources", "IAP cannot be enabled on regional resources."},
}

// constraintKind lists the constraints, below every container alike.
var constraintKind = collection.Kind{
	Documents: []string{"orgpolicy/v2"}, Collections: under("constraints"), Message: "GoogleCloudOrgpolicyV2Constraint",
	Permissions: "orgpolicy.constraints", Source: "cloud.google.com/iam/docs/roles-permissions/orgpolicy", Numbered: true,
	Others: func(constraints *collection.Collection) {
		for name, each := range known {
			body := map[string]any{"displayName": each.title, "description": each.description, "constraintDefault": "ALLOW"}
			if body["booleanConstraint"] = map[string]any{}; each.list {
				delete(body, "booleanConstraint")
				body["listConstraint"] = map[string]any{}
			}
			constraints.PutMissing(collection.Resource{Name: "constraints/" + name, Body: body})
		}
	},
	Everywhere: true,
}
