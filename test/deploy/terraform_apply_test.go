package deploy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// endpoints maps the provider's names of the APIs that the local cloud serves to their
// versions.
var endpoints = map[string]string{
	"cloud_run_v2": "v2", "pubsub": "v1", "secret_manager": "v1", "cloud_scheduler": "v1", "logging": "v2",
	"iam_beta": "v1", "monitoring": "", "big_query": "bigquery/v2",
	"service_usage": "v1", "cloud_resource_manager": "v1", "resource_manager": "v1", "resource_manager3": "v3",
	"storage": "storage/v1", "cloud_billing": "v1", "eventarc": "v1",
}

// The mocked provider accepts everything. Here Google's own provider creates the
// module in the local cloud, changes it, plans no further change each time, and
// destroys everything.
func TestTheProviderAppliesTheModuleAndPlansNoChange(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	run := terraform(t, root)
	if err := os.CopyFS(filepath.Join(root, "deploy"), os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	o := cloudtest.Start(t, playground.Options{InstantOperations: true})
	r := startRecorder(t, "module", o.URL())
	write(t, filepath.Join(root, "main.tf"), caller(r.server.URL))
	initialise(t, run)
	r.run = run
	for _, change := range []string{"one", "two"} {
		r.step("apply", "-auto-approve", "-var=change="+change)
		r.step("plan", "-var=change="+change)
		if diff := cmp.Diff(made, look(o)); diff != "" {
			t.Errorf("made by %s (-want +got):\n%s", change, diff)
		}
	}
	r.step("destroy", "-auto-approve", "-var=change=two")
	r.finish()
}

// made has some of the expected resources, in the words of Google's APIs.
var made = map[string]string{
	"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
	"timeout": "600s",
	"account": "guard-tf@demo-project.iam.gserviceaccount.com",
	"invokers": "[map[members:[serviceAccount:guard-tf-commands@demo-project.iam.gserviceaccount.com " +
		"serviceAccount:guard-tf-events@demo-project.iam.gserviceaccount.com " +
		"serviceAccount:guard-tf-refused@demo-project.iam.gserviceaccount.com " +
		"serviceAccount:guard-tf-work@demo-project.iam.gserviceaccount.com " +
		"serviceAccount:guard-tf-approver@demo-project.iam.gserviceaccount.com] role:roles/run.invoker] " +
		"map[members:[serviceAccount:guard-tf@demo-project.iam.gserviceaccount.com] role:roles/run.viewer]]",
	"push": "https://guard-tf-123456789012.us-central1.run.app/work map[maximumBackoff:120s minimumBackoff:10s] " +
		"map[deadLetterTopic:projects/demo-project/topics/guard-tf-dead-letters maxDeliveryAttempts:30] 600",
	"never":  "map[]",
	"sink":   "pubsub.googleapis.com/projects/demo-project/topics/guard-tf-events",
	"writer": "projects/demo-project/roles/guard_tfWriter",
}

func look(o *cloudtest.Env) map[string]string {
	text := func(value any) string { return fmt.Sprint(value) }
	get := func(path string) map[string]any { return o.CallAs(o.Owner(), http.MethodGet, path, nil) }
	const project, services = "projects/demo-project", "/v2/projects/demo-project/locations/us-central1/services/guard-tf"
	service := get(services)
	template := service["template"].(map[string]any)
	work := get("/v1/" + project + "/subscriptions/guard-tf-work")
	return map[string]string{
		"ingress":  text(service["ingress"]),
		"timeout":  text(template["timeout"]),
		"account":  text(template["serviceAccount"]),
		"invokers": text(get(services + ":getIamPolicy")["bindings"]),
		"push": text(work["pushConfig"].(map[string]any)["pushEndpoint"]) +
			" " + text(work["retryPolicy"]) + " " + text(work["deadLetterPolicy"]) + " " + text(work["ackDeadlineSeconds"]),
		"never":  text(work["expirationPolicy"]),
		"sink":   text(get("/v2/" + project + "/sinks/guard-tf-events")["destination"]),
		"writer": text(get("/v1/" + project + "/roles/guard_tfWriter")["name"]),
	}
}

// caller is a root module whose provider calls the local cloud. The local cloud has a
// function with accounts and roles of its own, so the module's has another name.
func caller(cloud string) string {
	var provider strings.Builder
	for api, version := range endpoints {
		fmt.Fprintf(&provider, "  %s_custom_endpoint = %q\n", api, strings.TrimSuffix(cloud+"/"+version, "/")+"/")
	}
	return fmt.Sprintf(`terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

provider "google" {
  project      = "demo-project"
  access_token = "local"
%s
  batching {
    enable_batching = false
  }
}

module "iapguard" {
  source              = "./deploy/terraform"
  project_id          = "demo-project"
  region              = "us-central1"
  name                = "guard-tf"
  image               = "us-docker.pkg.dev/cloudrun/container/hello@sha256:${join("", [for _ in range(64) : "0"])}"
  mode                = "enforce"

  allow_guard_in_guarded_project = true

  refused_requests    = "off"
  protect_minutes     = null # the local cloud serves no objectives
  creation_wait       = "0s" # the local cloud has every agent at once
  deletion_protection = false

  labels                = { change = var.change }
  sweep_schedule        = var.change == "one" ? "0 * * * *" : "30 * * * *"
  alert_waiting_minutes = var.change == "one" ? 60 : 90
}

variable "change" { type = string }
`, provider.String())
}
