package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

const us = "iapguard@demo-project.iam.gserviceaccount.com"

// ourselves is who we are, "" for somebody who does not know.
func ourselves(account string) event.Self {
	if account == "" {
		return event.Self{}
	}
	return event.Self{Principals: []string{account}}
}

// fought is a service behind a global backend service.
func fought() posture.Posture {
	return posture.Posture{
		Target: hello, ProjectNumber: "123456789012",
		Backends: []posture.Backend{{Project: "demo-project", Location: posture.Global, Name: "hello-backend", ID: "77"}},
	}
}

var (
	enable = plan.Step{Op: plan.EnableIAP, Resource: "projects/demo-project/global/backendServices/hello-backend", Field: "iap.enabled", From: "false", To: "true"}
	narrow = plan.Step{Op: plan.RestrictIngress, Resource: hello.Name(), Field: "ingress", From: "all", To: "internal-and-cloud-load-balancing"}
	grant  = plan.Step{Op: plan.GrantInvoker, Resource: hello.Name(), Field: posture.RoleInvoker, To: "serviceAccount:agent"}
	revoke = plan.Step{Op: plan.RevokePublic, Resource: hello.Name(), Field: posture.RoleInvoker, From: "allUsers"}
)

// at is a minute of the story.
func at(minute int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(minute) * time.Minute) }

// by makes a write ours, or Terraform's.
func by(minute int, ours bool, w event.Write) event.Write {
	w.At, w.Principal, w.UserAgent, w.Project = at(minute), "dev@example.com", "Terraform/1.13", "demo-project"
	if ours {
		w.Principal, w.UserAgent = us, "iapguard/0.1.0,gzip(gfe)"
	}
	return w
}

func iap(minute int, ours bool, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.BackendServiceChanged, Location: posture.Global, BackendService: "hello-backend"}}
	switch value {
	case "?": // the entry does not say
	case "-":
		w.Complete = true
	case "anew":
		w.Recreated = true
	default:
		w.Complete, w.Settings = true, map[string]string{"iap.enabled": value}
	}
	return by(minute, ours, w)
}

func service(minute int, ours bool, field, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.RunServiceChanged, Location: "us-central1", Service: "hello"}, Complete: true}
	w.Settings = map[string]string{field: value}
	return by(minute, ours, w)
}

func invokers(minute int, ours bool, members ...string) event.Write {
	return by(minute, ours, event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Location: "us-central1", Service: "hello"},
		Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}})
}

func TestARoundIsAWriteOfOursThatSomebodyElseUndid(t *testing.T) {
	const ours, theirs = true, false
	withClient := enable
	withClient.To = "true 77.apps.googleusercontent.com projects/p/secrets/s/versions/1"
	anonymous := iap(2, theirs, "false")
	anonymous.Principal, anonymous.UserAgent = "", ""
	elsewhere := iap(2, theirs, "false")
	elsewhere.BackendService = "other-backend"
	byID := iap(2, theirs, "false")
	byID.BackendService, byID.Project = "77", "123456789012"
	borrowed := iap(1, theirs, "true")
	borrowed.Principal = us // and another tool
	for _, tc := range []struct {
		name   string
		step   plan.Step
		writes []event.Write
		want   int
	}{
		{"nothing happened", enable, nil, 0},
		{"never undone", enable, []event.Write{iap(1, ours, "true")}, 0},
		{"with a client of its own", withClient, []event.Write{iap(1, ours, "true"), iap(2, theirs, "true"), iap(3, theirs, "false")}, 1},
		{"once", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false")}, 1},
		{"three times", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, ours, "true"), iap(4, theirs, "false"), iap(5, ours, "true"), iap(6, theirs, "false")}, 3},
		{"two of ours in a row are one", enable, []event.Write{iap(1, ours, "true"), iap(2, ours, "true"), iap(3, theirs, "false")}, 1},
		{"two of theirs in a row are one", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "false")}, 1},
		{"off before we came", enable, []event.Write{iap(1, theirs, "false"), iap(2, theirs, "false")}, 0},
		{"a harmless write", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "-"), iap(3, theirs, "false")}, 1},
		{"harmless writes alone", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "-"), iap(3, theirs, "-")}, 0},
		{"it was set to what it is to be", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "true")}, 0},
		{"the entries do not say", enable, []event.Write{iap(1, ours, "?"), iap(2, theirs, "?"), iap(3, ours, "?"), iap(4, theirs, "?")}, 2},
		{"undone by us, on a person's word", enable, []event.Write{iap(1, ours, "true"), iap(2, ours, "false"), iap(3, theirs, "false")}, 0},
		{"made anew", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "anew"), iap(4, ours, "true"), iap(5, theirs, "false")}, 1},
		{"without a user agent", enable, []event.Write{iap(1, ours, "true"), anonymous}, 1},
		{"another backend service", enable, []event.Write{iap(1, ours, "true"), elsewhere}, 0},
		{"named by number", enable, []event.Write{iap(1, ours, "true"), byID}, 1},
		{"our account with another tool is not us", enable, []event.Write{borrowed, iap(2, theirs, "false")}, 0},
		{"somebody else mended it, and undid that", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "true"), iap(4, theirs, "false")}, 1},
		{"two clocks apart: undone before it was made", enable, []event.Write{iap(1, theirs, "false"), iap(1, ours, "true")}, 0},

		{"the ingress, with IAP and a deploy between", narrow, []event.Write{service(1, ours, "ingress", "internal-and-cloud-load-balancing"), iap(2, theirs, "false"),
			service(3, theirs, "iapEnabled", "false"), service(4, theirs, "ingress", "all")}, 1},
		{"the ingress made stricter", narrow, []event.Write{service(1, ours, "ingress", "internal-and-cloud-load-balancing"), service(2, theirs, "ingress", "internal")}, 0},
		{"our other write to the service", narrow, []event.Write{service(1, ours, "invokerIamDisabled", "false"), service(2, theirs, "ingress", "all")}, 0},

		{"a grant, a harmless write and a revocation of ours", revoke, []event.Write{invokers(1, ours, "allUsers", "serviceAccount:agent"),
			invokers(2, theirs, "allUsers", "serviceAccount:agent", "user:x"), invokers(3, ours, "serviceAccount:agent", "user:x"), invokers(4, theirs, "allUsers", "user:x")}, 1},
		{"an authoritative policy takes the grant", grant, []event.Write{invokers(1, ours, "allUsers", "serviceAccount:agent"), invokers(2, ours, "serviceAccount:agent"),
			invokers(3, theirs, "allUsers"), invokers(4, ours, "allUsers", "serviceAccount:agent"), invokers(5, ours, "serviceAccount:agent"), invokers(6, theirs, "allUsers")}, 2},
		{"somebody else is granted", grant, []event.Write{invokers(1, ours, "serviceAccount:agent"), invokers(2, theirs, "serviceAccount:agent", "user:x")}, 0},
	} {
		r := &run{Engine: &Engine{Self: ourselves(us)}}
		if got := contestOf(fought(), tc.step, tc.writes, r.ours).Rounds; got != tc.want {
			t.Errorf("%s: %d rounds, want %d", tc.name, got, tc.want)
		}
	}
}

func TestAContestNamesWhoUndidItAndWhen(t *testing.T) {
	other := iap(4, false, "false")
	other.Principal, other.UserAgent = "ops@example.com", "google-cloud-sdk gcloud/528.0.0"
	r := &run{Engine: &Engine{Self: ourselves(us)}}
	got := contestOf(fought(), enable, []event.Write{
		iap(1, true, "true"), iap(2, false, "?"), iap(3, false, "false"), iap(3, true, "true"), other, iap(5, true, "true"), other,
	}, r.ours)
	first, last := at(3), at(4)
	want := report.Contest{Rounds: 3, FirstAt: &first, LastAt: &last, Actors: []report.Actor{
		{Principal: "dev@example.com", UserAgent: "Terraform/1.13"}, {Principal: "ops@example.com", UserAgent: "google-cloud-sdk gcloud/528.0.0"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contest (-want +got):\n%s", diff)
	}
}

func TestTheFixComesFirstForTheToolThatUndoesIt(t *testing.T) {
	p := fought()
	regional := fought()
	regional.Backends[0].Location, regional.Backends[0].OAuthClient = "europe-west1", "77.apps.googleusercontent.com"
	onRegional := enable
	onRegional.Resource = regional.Backends[0].Resource()
	check := plan.Step{Op: plan.RequireInvoker, Resource: hello.Name(), Field: "invokerIamDisabled", To: "false"}
	direct := plan.Step{Op: plan.EnableDirectIAP, Resource: hello.Name(), Field: "iapEnabled", To: "true"}
	access := plan.Step{Op: plan.GrantAccess, Resource: p.Backends[0].AccessResource(p.ProjectNumber), Field: posture.RoleAccessor, To: "user:alice@example.com group:b@example.com"}
	onRegionalAccess, directAccess := access, access
	onRegionalAccess.Resource, directAccess.Resource = regional.Backends[0].AccessResource(p.ProjectNumber), hello.AccessResource(p.ProjectNumber)
	for _, tc := range []struct {
		agent string
		p     posture.Posture
		step  plan.Step
		want  []string // in this order
	}{
		{"Terraform/1.13", p, enable, []string{"# Terraform\n", `"google_compute_backend_service"`, "iap {\n    enabled = true\n  }", "iap_config = {\n        enable = true\n", "# Config Connector", "# gcloud"}},
		{"kcc/1.120 (+https://github.com/GoogleCloudPlatform/k8s-config-connector) kcc/controller-manager/1.120", p, enable, []string{"# Config Connector\n", "kind: ComputeBackendService", "state-into-spec: absent", "# Terraform"}},
		{"google-cloud-sdk gcloud/528.0.0 command/gcloud.compute", p, enable, []string{"# gcloud\ngcloud compute backend-services update hello-backend --global --iap=enabled --project=demo-project\n"}},
		{"Mozilla/5.0 (X11)", p, enable, []string{"# gcloud\n", "# Terraform\n"}},
		{"", p, enable, []string{"# Terraform\n"}},
		{"Terraform/1.13", regional, onRegional, []string{`"google_compute_region_backend_service"`, `region = "europe-west1"`, `oauth2_client_id     = "77.apps.googleusercontent.com"`, `"GoogleCloudPlatform/regional-lb-http/google//modules/backend"`, "oauth2ClientIdRef", "--region=europe-west1"}},
		{"Terraform/1.13", p, narrow, []string{`"google_cloud_run_v2_service" "hello"`, `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`, "kind: RunService", "ingress: INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "--ingress=internal-and-cloud-load-balancing"}},
		{"Terraform/1.13", p, check, []string{"invoker_iam_disabled = false", "--invoker-iam-check"}},
		{"Terraform/1.13", p, direct, []string{"iap_enabled = true", "--iap"}},
		{"Terraform/1.13", p, revoke, []string{"google_cloud_run_v2_service_iam_policy", `"google_cloud_run_v2_service_iam_member" "hello_iap"`, p.Agent(), "kind: IAMPolicyMember", "remove-iam-policy-binding hello --region=us-central1 --project=demo-project --role=roles/run.invoker --member=allUsers"}},
		{"Terraform/1.13", p, grant, []string{"google_cloud_run_v2_service_iam_member", "add-iam-policy-binding hello"}},
		{"Terraform/1.13", p, access, []string{`"google_iap_web_backend_service_iam_member"`, `web_backend_service = "hello-backend"`, `toset(["user:alice@example.com", "group:b@example.com"])`, "--resource-type=backend-services --service=hello-backend --project=demo-project --role=roles/iap.httpsResourceAccessor --member=user:alice@example.com\n", "--member=group:b@example.com"}},
		{"Terraform/1.13", regional, onRegionalAccess, []string{`"google_iap_web_region_backend_service_iam_member"`, `region                     = "europe-west1"`, "--service=hello-backend --region=europe-west1 --project"}},
		{"Terraform/1.13", p, directAccess, []string{`"google_iap_web_cloud_run_service_iam_member" "hello_access"`, "gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=hello --region=us-central1"}},
	} {
		fix := sourceFix(tc.p, tc.step, []report.Actor{{UserAgent: "Terraform/0.1"}, {UserAgent: tc.agent}})
		rest := fix
		if !contains(&rest, tc.want) {
			t.Errorf("%s by %q: the fix lacks something of %q, or has it in another order:\n%s", tc.step.Op, tc.agent, tc.want, fix)
		}
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
