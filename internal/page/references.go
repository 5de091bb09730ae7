package page

import "github.com/iapguard/iapguard/internal/protection"

// Reference is the name that a finding has in a catalogue which auditors know.
type Reference struct {
	Catalogue string
	ID        string
	// Note says how far the two are about the same; "" = they are.
	Note string
	// Function means that it is about functions only.
	Function bool
}

// The references, with where each was seen. Only what its publisher has under that name is here: Prowler
// has no check of Cloud Run services, and no detector of Security Health Analytics was found that is
// about who may invoke them.
var (
	// prowler/providers/gcp/services/cloudfunction/cloudfunction_function_not_publicly_accessible
	// (prowler-cloud/prowler 3e000fa); a function of the second generation is a Cloud Run service.
	prowlerFunction = Reference{Catalogue: "Prowler", ID: "cloudfunction_function_not_publicly_accessible",
		Function: true}
	// bridgecrewio/checkov 2.0.894, "Ensure that GCP Cloud Run services are not anonymously or publicly
	// accessible"; it sees public members alone.
	checkovPublic = Reference{Catalogue: "Checkov", ID: "CKV_GCP_102"}
	// "Use Identity Aware Proxy (IAP) to Ensure Only Traffic From Google IP Addresses are 'Allowed'", level 2:
	// 3.10 of versions 3.0.0 and 4.0.0, 3.12 of 5.0.0, as prowler/compliance/gcp/cis_*_gcp.json has them.
	cisIAP = Reference{Catalogue: "CIS Google Cloud Platform Foundation Benchmark", ID: "3.12 (v5.0.0), 3.10 (v4.0.0)",
		Note: "the same intent, written for virtual machines"}
	// hub.steampipe.io/mods/turbot/gcp_compliance, "Ensure external backend service has IAP enabled".
	turbotIAP = Reference{Catalogue: "Turbot GCP Compliance", ID: "compute_external_backend_service_iap_enabled"}
	// run/docs/securing/ingress, run/docs/securing/managing-access and
	// resource-manager/docs/organization-policy/restricting-domains.
	allowedIngress = Reference{Catalogue: "Organization policy", ID: "run.allowedIngress", Note: "prevents it"}
	requireInvoker = Reference{Catalogue: "Organization policy", ID: "run.managed.requireInvokerIam",
		Note: "prevents it"}
	memberDomains = Reference{Catalogue: "Organization policy", ID: "iam.allowedPolicyMemberDomains",
		Note: "prevents it"}
)

var references = map[protection.Code][]Reference{
	protection.PublicInvoker:          {checkovPublic, prowlerFunction, memberDomains},
	protection.InheritedPublicInvoker: {memberDomains},
	protection.InvokerCheckOff:        {requireInvoker},
	protection.IAPOff:                 {cisIAP, turbotIAP},
	protection.DirectIAPOff:           {cisIAP},
	protection.IngressOpen:            {cisIAP, allowedIngress},
	protection.PublicAccessor:         {memberDomains},
	protection.ForeignAccessor:        {memberDomains},
	protection.ForeignInvoker:         {memberDomains},
}

// References are the names that a finding has elsewhere.
func References(code protection.Code) []Reference { return references[code] }
