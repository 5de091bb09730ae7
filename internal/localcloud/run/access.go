package run

import (
	"cmp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// subjectV1 is what a v1 call is about, in the names of v2, under which
// policies are kept. Knative's paths name no location: the host does.
func subjectV1(call *apiserver.Call) string {
	path, isKnative := strings.CutPrefix(call.Resource, "apis/"+apiVersion+"/namespaces/"+call.Var("project"))
	if !isKnative {
		return call.Resource
	}
	return identity{call.Project, cmp.Or(call.Region, global), ""}.parent() + path
}

// mayRun refuses a caller who may not act as the account that a service is to
// run as. Whether a change that makes no revision is exempt is unverified.
func mayRun(call *apiserver.Call, fields map[string]any) error {
	account := apiserver.Text(apiserver.Object(fields, "template"), "serviceAccount")
	if account == "" {
		account = call.Project.DefaultAccount()
	}
	if err := call.ActAs(account); err != nil {
		return err
	}
	return permitted(call, fields)
}

// permitted refuses what organization policies forbid a service. The frame of the texts
// is reported, for which constraint is not, but for the invoker check.
// Sources: run/docs/securing/ingress, run/docs/securing/managing-access.
func permitted(call *apiserver.Call, fields map[string]any) error {
	s, template := call.Server(), apiserver.Object(fields, "template")
	ingress, known := map[string]string{"INGRESS_TRAFFIC_INTERNAL_ONLY": "internal",
		"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": "internal-and-cloud-load-balancing"}[apiserver.Text(fields, "ingress")]
	if !known {
		ingress = "all"
	}
	egress := "private-ranges-only"
	if apiserver.Text(apiserver.Object(template, "vpcAccess"), "egress") == "ALL_TRAFFIC" {
		egress = "all-traffic"
	}
	const violated = "Constraint constraints/%s violated for projects/%s attempting to use %s. " +
		"See https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints for more information."
	if !s.Allows(call.Resource, "run.allowedIngress", ingress) {
		return apiserver.Precondition(violated, "run.allowedIngress", call.Project.ID, ingress)
	}
	if template["vpcAccess"] != nil && !s.Allows(call.Resource, "run.allowedVPCEgress", egress) {
		return apiserver.Precondition(violated, "run.allowedVPCEgress", call.Project.ID, egress)
	}
	if fields["invokerIamDisabled"] == true && s.Enforced(call.Resource, "run.managed.requireInvokerIam") {
		return apiserver.Precondition("invoker_iam_disabled is not currently available")
	}
	return nil
}

// takesPublic refuses a policy that has a public member in another role than the invoker's,
// where the local cloud believes that Google does. The words are ours (unverified).
func (r *Run) takesPublic(call *apiserver.Call) error {
	body, err := call.Body()
	if err != nil || !r.server.Beliefs().RefusePublicMembers {
		return err
	}
	for _, each := range apiserver.List(apiserver.Object(body, "policy"), "bindings") {
		binding, _ := each.(map[string]any)
		role := apiserver.Text(binding, "role")
		for _, member := range apiserver.List(binding, "members") {
			if role != "roles/run.invoker" && (member == "allUsers" || member == "allAuthenticatedUsers") {
				return apiserver.Invalid("Member %s is not supported for role %s on this resource.", member, role)
			}
		}
	}
	return nil
}
