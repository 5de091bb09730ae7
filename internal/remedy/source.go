package remedy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// tool is with what a resource is managed.
type tool string

const (
	terraform       tool = "Terraform"
	configConnector tool = "Config Connector"
	gcloud          tool = "gcloud"
)

// toolOf recognises a tool by its user agent. Sources: the provider's and Config
// Connector's own code, a recorded call of gcloud's. Whoever uses the console
// has a browser's, and is helped best by the command.
func toolOf(userAgent string) tool {
	agent := strings.ToLower(userAgent)
	for _, known := range []struct {
		part string
		tool tool
	}{{"kcc/", configConnector}, {"config-connector", configConnector}, {"cnrm", configConnector},
		{"terraform", terraform}, {"pulumi", terraform}, {"gcloud/", gcloud}, {"mozilla/", gcloud}} {
		if strings.Contains(agent, known.part) {
			return known.tool
		}
	}
	return terraform
}

// SourceFix is what to write where the resource is defined, so that the next
// apply there leaves the protection alone: for each tool, that of the last actor's
// user agent first.
func SourceFix(p posture.Posture, step plan.Step, userAgent string) string {
	fixes := map[tool]string{}
	switch change := step.Change.(type) {
	case plan.EnableIAP:
		fixes = backendFix(p, step.Resource, change)
	case plan.RestrictIngress, plan.RequireInvoker, plan.EnableDirectIAP:
		fixes = serviceFix(p, change)
	case plan.GrantInvoker:
		fixes = invokerFix(p, step.Resource, nil)
	case plan.RevokePublic:
		fixes = invokerFix(p, step.Resource, &change)
	case plan.GrantAccess:
		fixes = accessFix(p, step.Resource, change)
	}
	order := []tool{terraform, configConnector, gcloud}
	if userAgent != "" {
		first := toolOf(userAgent)
		order = append([]tool{first}, slices.DeleteFunc(order, func(t tool) bool { return t == first })...)
	}
	var parts []string
	for _, name := range order {
		if fix := fixes[name]; fix != "" {
			parts = append(parts, "# "+string(name)+"\n"+fix)
		}
	}
	return strings.Join(parts, "\n\n")
}

// backendFix turns IAP on where a backend service is defined. Config Connector
// cannot turn it on without an OAuth client, but can be told to leave alone what
// its resource does not name (config-connector/docs/concepts/ignore-unspecified-fields).
// Sources: the provider's google_compute_backend_service, variables.tf of
// terraform-google-lb-http's serverless_negs and of terraform-google-regional-lb-http's
// backend, Config Connector's types.
func backendFix(p posture.Posture, resource string, change plan.EnableIAP) map[tool]string {
	i := slices.IndexFunc(p.Backends, func(b posture.Backend) bool { return b.Resource() == resource })
	if i < 0 {
		return nil
	}
	b := p.Backends[i]
	kind, flag, place := "google_compute_backend_service", "--global", ""
	if b.Location != posture.Global {
		kind, flag, place = "google_compute_region_backend_service", "--region="+b.Location, fmt.Sprintf("  region = %q\n", b.Location)
	}
	client, moduleClient := "", ""
	yaml := "  annotations:\n    cnrm.cloud.google.com/state-into-spec: absent\nspec: # and no iap here: it is left as it is"
	if id := cmp.Or(b.OAuthClient, change.Client.ID); id != "" {
		client = fmt.Sprintf("\n    oauth2_client_id     = %q\n    oauth2_client_secret = var.oauth2_client_secret", id)
		moduleClient = strings.ReplaceAll(client, "\n", "\n  ")
		yaml = fmt.Sprintf("spec:\n  iap:\n    oauth2ClientIdRef:\n      external: %s\n    oauth2ClientSecret:\n      valueFrom:\n        secretKeyRef: # the Secret that holds the client's secret", id)
	}
	hcl := fmt.Sprintf("resource %q %q {\n  name   = %q\n%s  # ...\n  iap {\n    enabled = true%s\n  }\n}", kind, label(b.Name), b.Name, place, client)
	if b.Location == posture.Global {
		hcl += fmt.Sprintf("\n# or, where a module makes it:\nmodule \"lb-http\" {\n  source = \"terraform-google-modules/lb-http/google//modules/serverless_negs\"\n"+
			"  # ...\n  backends = {\n    default = {\n      # ...\n      iap_config = {\n        enable = true%s\n      }\n    }\n  }\n}", strings.ReplaceAll(moduleClient, "\n  ", "\n    "))
	} else {
		hcl += fmt.Sprintf("\n# or, where a module makes it:\nmodule \"lb-backend\" {\n  source = \"GoogleCloudPlatform/regional-lb-http/google//modules/backend\"\n"+
			"  name   = %q\n%s  # ...\n  iap_config = {\n    enable = true%s\n  }\n}", b.Name, place, client)
	}
	return map[tool]string{
		terraform:       hcl,
		configConnector: fmt.Sprintf("apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeBackendService\nmetadata:\n  name: %s\n%s", b.Name, yaml),
		gcloud:          fmt.Sprintf("gcloud compute backend-services update %s %s --iap=enabled --project=%s", b.Name, flag, b.Project),
	}
}

// serviceFix writes one setting where a Cloud Run service is defined. Of the
// three Config Connector's RunService knows the ingress alone.
func serviceFix(p posture.Posture, change plan.Change) map[tool]string {
	t := p.Target
	update := fmt.Sprintf("services update %s --region=%s --project=%s ", t.Service, t.Location, t.Project)
	hcl := func(line string) string {
		return fmt.Sprintf("resource \"google_cloud_run_v2_service\" %q {\n  name     = %q\n  location = %q\n  # ...\n  %s\n}", label(t.Service), t.Service, t.Location, line)
	}
	switch change.(type) {
	case plan.RestrictIngress:
		return map[tool]string{
			terraform: hcl(`ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`),
			configConnector: fmt.Sprintf("apiVersion: run.cnrm.cloud.google.com/v1beta1\nkind: RunService\nmetadata:\n  name: %s\nspec:\n  # ...\n  location: %s\n  ingress: INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
				t.Service, t.Location),
			gcloud: "gcloud run " + update + "--ingress=internal-and-cloud-load-balancing",
		}
	case plan.RequireInvoker:
		return map[tool]string{terraform: hcl("invoker_iam_disabled = false"), gcloud: "gcloud run " + update + "--invoker-iam-check"}
	}
	return map[tool]string{terraform: hcl("iap_enabled = true"), gcloud: "gcloud beta run " + update + "--iap"}
}

// invokerFix names single members: what sets a whole policy or role takes away
// whom it does not name.
func invokerFix(p posture.Posture, resource string, revoked *plan.RevokePublic) map[tool]string {
	service, err := posture.ParseTarget(resource)
	if err != nil {
		return nil
	}
	role, member := posture.RoleInvoker, p.Agent()
	fixes := map[tool]string{
		terraform: fmt.Sprintf("# in place of google_cloud_run_v2_service_iam_policy and google_cloud_run_v2_service_iam_binding, which are authoritative,\n"+
			"# and of any google_cloud_run_v2_service_iam_member for allUsers or allAuthenticatedUsers:\n"+
			"resource \"google_cloud_run_v2_service_iam_member\" %q {\n  project  = %q\n  location = %q\n  name     = %q\n  role     = %q\n  member   = %q\n}",
			label(service.Service)+"_iap", service.Project, service.Location, service.Service, role, member),
		configConnector: fmt.Sprintf("# in place of an IAMPolicy or IAMPartialPolicy of the service:\napiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMPolicyMember\nmetadata:\n  name: %s-iap\nspec:\n  member: %s\n  role: %s\n  resourceRef:\n    kind: RunService\n    external: %s",
			service.Service, member, role, service.Name()),
	}
	flags := fmt.Sprintf("%s --region=%s --project=%s", service.Service, service.Location, service.Project)
	lines := []string{fmt.Sprintf("gcloud run services add-iam-policy-binding %s --role=%s --member=%s", flags, role, member)}
	if revoked != nil {
		lines = nil
		for _, public := range revoked.Members {
			lines = append(lines, fmt.Sprintf("gcloud run services remove-iam-policy-binding %s --role=%s --member=%s", flags, revoked.Role, public))
		}
	}
	fixes[gcloud] = strings.Join(lines, "\n")
	return fixes
}

// accessFix names the members who are to have access through IAP, one by one.
func accessFix(p posture.Posture, resource string, change plan.GrantAccess) map[tool]string {
	members := change.Members
	list, service, command := `"`+strings.Join(members, `", "`)+`"`, p.Target.Service, p.Target.AccessCommand()
	kind, name := "google_iap_web_cloud_run_service_iam_member", fmt.Sprintf("  location               = %q\n  cloud_run_service_name = %q\n", p.Target.Location, p.Target.Service)
	for _, b := range p.Backends {
		if b.AccessResource(p.ProjectNumber) != resource {
			continue
		}
		kind, name = "google_iap_web_backend_service_iam_member", fmt.Sprintf("  web_backend_service = %q\n", b.Name)
		service, command = b.Name, b.AccessCommand()
		if b.Location != posture.Global {
			kind, name = "google_iap_web_region_backend_service_iam_member", fmt.Sprintf("  region                     = %q\n  web_region_backend_service = %q\n", b.Location, b.Name)
		}
	}
	var lines []string
	for _, member := range members {
		lines = append(lines, command+" --member="+member)
	}
	return map[tool]string{
		terraform: fmt.Sprintf("# in place of the iam_policy and iam_binding of the same resource, which are authoritative:\nresource %q %q {\n  project = %q\n%s  role    = %q\n  member  = each.value\n  for_each = toset([%s])\n}",
			kind, label(service)+"_access", p.Target.Project, name, change.Role, list),
		gcloud: strings.Join(lines, "\n"),
	}
}

// label is a name as Terraform's resources may be called.
func label(name string) string { return strings.ReplaceAll(name, "-", "_") }
