package deploy

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/test/cloudtest"
)

// The mocked provider accepts everything. Here Google's own provider creates the
// module in the local cloud, changes it, plans no further change each time, and
// destroys everything. Cloud KMS deletes neither key rings nor keys.
func TestTheProviderAppliesTheModuleAndPlansNoChange(t *testing.T) {
	t.Parallel()
	e := newStage(t, "module")
	fewTriggers(t, e.dir)
	set := inItsOwnProject()
	e.writeCall(set)
	e.begin()
	for change, other := range []map[string]string{{}, {"labels": `{ change = "two" }`, "sweep_schedule": `"30 * * * *"`,
		"alert_waiting_minutes": `90`, "report_readers": `["group:readers@example.com"]`}} {
		maps.Copy(set, other)
		e.writeCall(set)
		e.recorder.step("apply", "-auto-approve")
		e.plansNothing()
		if diff := cmp.Diff(made, look(e.Env)); diff != "" {
			t.Errorf("made by change %d (-want +got):\n%s", change, diff)
		}
	}
	e.recorder.step("destroy", "-auto-approve")
	const ring = "cloudkms projects/demo-project/locations/us-central1/keyRings/guard-tf"
	e.leaves(ring, ring+"/cryptoKeys/reports", ring+"/cryptoKeys/reports/cryptoKeyVersions/1")
	e.recorder.finish(keepAll)
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
		"serviceAccount:guard-tf-trigger@demo-project.iam.gserviceaccount.com " +
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

// inItsOwnProject are the variables of a guard with both kinds of intake, which only a guard in
// the guarded project can have.
func inItsOwnProject() map[string]string {
	return map[string]string{
		"project_id": `"demo-project"`, "region": `"us-central1"`, "name": `"guard-tf"`, "mode": `"enforce"`,
		"image":                          `"us-docker.pkg.dev/cloudrun/container/hello@sha256:` + zeros + `"`,
		"allow_guard_in_guarded_project": `true`,
		"intake":                         `["sink", "eventarc"]`,
		"eventarc_delivery":              `"by-hand"`,
		"refused_requests":               `"sink"`,
		"signing_key_version":            `1`,
		"creation_wait":                  `"0s"`, // the local cloud has every agent at once
		"deletion_protection":            `false`,
	}
}

// writeCall writes a root module that calls the module.
func (e *stage) writeCall(set map[string]string) {
	e.t.Helper()
	var call strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&call, "  %s = %s\n", name, set[name])
	}
	write(e.t, filepath.Join(e.dir, "main.tf"), fmt.Sprintf(`terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

provider "google" {
  project = "demo-project"
  batching {
    enable_batching = false
  }
}

module "iapguard" {
  source = "./deploy/terraform"
%s}
`, call.String()))
}

// fewTriggers leaves three of the eighty triggers in a copy of deploy/: what holds for one holds
// for all.
func fewTriggers(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "deploy", "intake.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	few := regexp.MustCompile(`(?m)^  - \{serviceName: .*\n`).ReplaceAllStringFunc(string(text), func(line string) string {
		if !regexp.MustCompile(`run\.v2\.Services\.(Update|Create)Service,|UpdateIapSettings`).MatchString(line) {
			return ""
		}
		kept++
		return line
	})
	if kept != 3 {
		t.Fatalf("%d triggers are kept, want 3", kept)
	}
	write(t, file, few)
}
