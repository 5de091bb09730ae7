package remedy

import (
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}

var (
	enable = plan.Step{Change: plan.EnableIAP{}, Resource: "projects/demo-project/global/backendServices/hello-backend"}
	narrow = plan.Step{Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing},
		Resource: hello.Name()}
	grant = plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: "serviceAccount:agent"},
		Resource: hello.Name()}
	revoke = plan.Step{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}},
		Resource: hello.Name()}
)

// fought is a service behind a global backend service.
func fought() posture.Posture {
	return posture.Posture{
		Target: hello, ProjectNumber: "123456789012",
		Backends: []posture.Backend{{Project: "demo-project", Location: posture.Global, Name: "hello-backend", ID: "77"}},
	}
}

func TestTheFixOfTheLastToolComesFirst(t *testing.T) {
	p := fought()
	regional := fought()
	regional.Backends[0].Location, regional.Backends[0].OAuthClient = "europe-west1", "77.apps.googleusercontent.com"
	onRegional := enable
	onRegional.Resource = regional.Backends[0].Resource()
	check := plan.Step{Change: plan.RequireInvoker{}, Resource: hello.Name()}
	direct := plan.Step{Change: plan.EnableDirectIAP{}, Resource: hello.Name()}
	access := plan.Step{Change: plan.GrantAccess{Role: posture.RoleAccessor,
		Members: []string{"user:alice@example.com", "group:b@example.com"}},
		Resource: p.Backends[0].AccessResource(p.ProjectNumber)}
	onRegionalAccess, directAccess := access, access
	onRegionalAccess.Resource, directAccess.Resource = regional.Backends[0].AccessResource(
		p.ProjectNumber), hello.AccessResource(p.ProjectNumber)
	for _, tc := range []struct {
		agent string
		p     posture.Posture
		step  plan.Step
		want  []string // in this order
	}{
		{"Terraform/1.13", p, enable,
			[]string{"# Terraform\n", `"google_compute_backend_service"`, "iap {\n    enabled = true\n  }",
				"iap_config = {\n        enable = true\n", "# Config Connector", "# gcloud"}},
		{"kcc/1.120 (+https://github.com/GoogleCloudPlatform/k8s-config-connector) kcc/controller-manager/1.120", p, enable,
			[]string{"# Config Connector\n", "kind: ComputeBackendService", "state-into-spec: absent", "# Terraform"}},
		{"google-cloud-sdk gcloud/528.0.0 command/gcloud.compute", p, enable,
			[]string{"# gcloud\ngcloud compute backend-services update hello-backend --global " +
				"--project=demo-project --iap=enabled\n"}},
		{"Mozilla/5.0 (X11)", p, enable, []string{"# gcloud\n", "# Terraform\n"}},
		{"", p, enable, []string{"# Terraform\n"}},
		{"Terraform/1.13", regional, onRegional,
			[]string{`"google_compute_region_backend_service"`, `region = "europe-west1"`,
				`oauth2_client_id     = "77.apps.googleusercontent.com"`,
				`"GoogleCloudPlatform/regional-lb-http/google//modules/backend"`, "oauth2ClientIdRef", "--region=europe-west1"}},
		{"Terraform/1.13", p, narrow,
			[]string{`"google_cloud_run_v2_service" "hello"`, `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`,
				"kind: RunService", "ingress: INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
				"--ingress=internal-and-cloud-load-balancing"}},
		{"Terraform/1.13", p, check, []string{"invoker_iam_disabled = false", "--invoker-iam-check"}},
		{"Terraform/1.13", p, direct, []string{"iap_enabled = true", "--iap"}},
		{"Terraform/1.13", p, revoke,
			[]string{"google_cloud_run_v2_service_iam_policy", `"google_cloud_run_v2_service_iam_member" "hello_iap"`, p.Agent(),
				"kind: IAMPolicyMember",
				"remove-iam-policy-binding hello --region=us-central1 --project=demo-project --role=roles/run.invoker " +
					"--member=allUsers"}},
		{"Terraform/1.13", p, grant, []string{"google_cloud_run_v2_service_iam_member", "add-iam-policy-binding hello"}},
		{"Terraform/1.13", p, access,
			[]string{`"google_iap_web_backend_service_iam_member"`, `web_backend_service = "hello-backend"`,
				`toset(["user:alice@example.com", "group:b@example.com"])`,
				"--resource-type=backend-services --service=hello-backend --project=demo-project " +
					"--role=roles/iap.httpsResourceAccessor --member=user:alice@example.com\n", "--member=group:b@example.com"}},
		{"Terraform/1.13", regional, onRegionalAccess,
			[]string{`"google_iap_web_region_backend_service_iam_member"`, `region                     = "europe-west1"`,
				"--service=hello-backend --region=europe-west1 --project"}},
		{"Terraform/1.13", p, directAccess,
			[]string{`"google_iap_web_cloud_run_service_iam_member" "hello_access"`,
				"gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=hello --region=us-central1"}},
	} {
		fix := SourceFix(tc.p, tc.step, tc.agent)
		rest := fix
		if !contains(&rest, tc.want) {
			t.Errorf("%s by %q: the fix lacks something of %q, or has it in another order:\n%s", tc.step.Op(),
				tc.agent, tc.want, fix)
		}
	}
}

func TestAResourceOfOthersGetsNoFix(t *testing.T) {
	p := fought()
	p.Backends[0].Frontends = []posture.Frontend{{}}
	p.Backends[0].Members = []posture.Member{{Target: hello},
		{Target: posture.Target{Project: "demo-project", Location: "us-central1", Service: "neighbour"}}}
	stranger := hello
	stranger.Service = "stranger"
	other := p.Backends[0]
	other.Name = "other"
	access := plan.GrantAccess{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}}
	for name, step := range map[string]plan.Step{
		"another service's ingress":        {Change: narrow.Change, Resource: stranger.Name()},
		"another service's invokers":       {Change: grant.Change, Resource: stranger.Name()},
		"another backend service":          {Change: enable.Change, Resource: other.Resource()},
		"another backend service's access": {Change: access, Resource: other.AccessResource(p.ProjectNumber)},
		"another service's access":         {Change: access, Resource: stranger.AccessResource(p.ProjectNumber)},
	} {
		t.Run(name, func(t *testing.T) {
			if fix := SourceFix(p, step, ""); fix != "" {
				t.Errorf("the fix is\n%s\nwant none", fix)
			}
		})
	}
	behind := plan.Step{Change: grant.Change, Resource: p.Backends[0].Members[1].Target.Name()}
	if fix := SourceFix(p, behind, ""); !strings.Contains(fix, "add-iam-policy-binding neighbour ") {
		t.Errorf("a service behind the same backend service gets the fix\n%s", fix)
	}
}

func TestAFixKeepsTheConditionOfAGrant(t *testing.T) {
	p := fought()
	step := plan.Step{Resource: p.Backends[0].AccessResource(p.ProjectNumber), Change: plan.GrantAccess{
		Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"},
		Condition: plan.Condition{Title: "till noon", Expression: `f("${x}", 1)`},
	}}
	fix := SourceFix(p, step, "")
	for _, want := range []string{
		"  condition {\n    title      = \"till noon\"\n    expression = \"f(\\\"$${x}\\\", 1)\"\n  }\n}",
		` --condition='^;^expression=f("${x}", 1);title=till noon'`,
	} {
		if !strings.Contains(fix, want) {
			t.Errorf("the fix lacks %s:\n%s", want, fix)
		}
	}
}

func TestAFixSetsTheClientThatThePolicyNames(t *testing.T) {
	step := enable
	step.Change = plan.EnableIAP{Client: plan.OAuthClient{ID: "77.apps.googleusercontent.com"}}
	const want = "--iap=enabled,oauth2-client-id=77.apps.googleusercontent.com,oauth2-client-secret=SECRET"
	if fix := SourceFix(fought(), step, ""); !strings.Contains(fix, want) {
		t.Errorf("the fix lacks %s:\n%s", want, fix)
	}
}

// contains cuts each part in turn off a text.
func contains(text *string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !cutAfter(text, part) })
}

func cutAfter(text *string, part string) bool {
	_, after, found := strings.Cut(*text, part)
	*text = after
	return found
}
