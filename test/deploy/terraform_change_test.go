package deploy

import (
	"flag"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

var everyVariable = flag.Bool("every", false, "change every variable of the module under the provider, which takes minutes")

// oneByOne are changes of one variable each: another value, after which the first one is taken
// again. Those in the first place are changed without -every, too.
var oneByOne = []setting{
	{"mode", `"report-only"`},
	{"labels", `{ owner = "platform" }`},
	{"alert_waiting_minutes", `120`},
	{"digest_schedule", `"0 6 * * *"`},
	{"eventarc_delivery", `"gcloud"`},

	{"organization_id", `"987654321098"`},
	{"sweep_schedule", `"30 * * * *"`},
	{"preventive", `["invoker"]`},
	{"creation_wait", `"1s"`},
	{"operators", `{ approver = ["group:owners@example.com"], second = [] }`},
	{"commanders", `["user:commander@example.com"]`},
	{"policy_writers", `["user:writer@example.com"]`},
	{"deployers", `["user:deployer@example.com"]`},
	{"hold_members", `["group:on-call@example.com"]`},
	{"runtime_accounts", `["shop-run@demo-project.iam.gserviceaccount.com"]`},
	{"runtime_projects", `["demo-project"]`},
	{"optional_roles", `["inherited"]`},
	{"enable_api", `true`},
	{"iap_api_projects", `["demo-project"]`},
	{"oauth_client_secrets", `["projects/demo-project/secrets/client"]`},
	{"image", `"us-docker.pkg.dev/cloudrun/container/hello@sha256:` + ones + `"`},
	{"min_instances", `1`},
	{"max_instances", `3`},
	{"concurrency", `10`},
	{"cpu", `"2"`},
	{"memory", `"1Gi"`},
	{"ingress", `"INGRESS_TRAFFIC_ALL"`},
	{"deletion_protection", `true`},
	{"memory_key", `"projects/demo-project/secrets/client"`},
	{"signing_key_version", `2`},
	{"environment", `{ LOG_LEVEL = "DEBUG" }`},
	{"policy", `"version: 1\nrules:\n  - {name: all, mode: report-only}\n# Newer.\n"`},
	{"policy_checker", `"true"`},
	{"notification_channels", `["CHANNEL"]`},
	{"notification_routes", `{ shop = { projects = ["shop-prod"], channels = ["CHANNEL"] } }`},
	{"digest_channels", `["CHANNEL"]`},
	{"alert_report_only", `true`},
	{"alert_exposed_minutes", `90`},
	{"alert_lag_seconds", `700`},
	{"alert_heartbeat_minutes", `20`},
	{"reports_days", `300`},
	{"report_readers", `["group:readers@example.com"]`},
	{"evidence_days", `500`},
	{"protect_minutes", `null`},
	{"protect_goal", `0.9`},
	{"watch", `{ channels = ["CHANNEL"] }`},
	{"exports", `{ ocsf = true, scc_source = "organizations/987654321098/sources/1" }`},
}

// inExamples are variables for folders and organisations, which examples change.
var inExamples = []string{"writers", "sweep_projects"}

// The module's README lists what is never changed or applied.
func TestWhatWasNotAppliedIsListed(t *testing.T) {
	tried, missing := map[string]bool{}, map[string]bool{}
	for _, each := range oneByOne {
		tried[each.variable] = true
	}
	for _, name := range inExamples {
		tried[name] = true
	}
	for name := range variablesOf(t, module) {
		if !tried[name] {
			missing[name] = true
		}
	}
	applied := map[string]bool{}
	for _, file := range glob(t, filepath.Join("testdata", "terraform", "*.json*")) {
		for of := range readRecording(t, file).Did {
			applied[of] = true
		}
	}
	folders, err := blueprint.Folders(module)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		for _, address := range resourcesIn(t, folder) {
			of, _, _ := strings.Cut(address, ".")
			if strings.HasPrefix(of, "google_") && !applied[of] {
				missing[of] = true
			}
		}
	}
	listed := map[string]bool{}
	for _, name := range listing(t, filepath.Join(module, "README.md"), "not-applied") {
		listed[name] = true
	}
	if diff := cmp.Diff(missing, listed); diff != "" {
		t.Errorf("variables and types of resources (-not applied +listed):\n%s", diff)
	}
}

// A platform team changes one variable after the other. Somebody deploys and is refused all the
// time, and every sink and every trigger delivers to the function.
func TestNoVariableLosesAnEventWhileItChanges(t *testing.T) {
	t.Parallel()
	e := newStage(t, "changes")
	fewTriggers(t, e.dir)
	e.CallAs(e.Owner(), http.MethodPost, "/v1/"+project+"/serviceAccounts", map[string]any{"accountId": "shop-run"})
	e.CallAs(e.Owner(), http.MethodPost, "/v1/"+project+"/secrets?secretId=client",
		map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
	channel := e.makeChannel()
	changes := oneByOne
	if !*everyVariable {
		changes = changes[:slices.IndexFunc(changes, func(s setting) bool { return s.variable == "organization_id" })]
	}
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Log("skipped: eventarc_delivery needs gcloud, which is not installed")
		changes = slices.DeleteFunc(slices.Clone(changes), func(s setting) bool { return s.variable == "eventarc_delivery" })
	}
	e.writeCall(inItsOwnProject())
	e.begin()
	e.probe = startProbe(e.Env, &probe{guarded: project, name: "guard-tf", function: project + "/locations/us-central1/services/guard-tf",
		wanted: []string{"events", "trigger", "work", "commands", "refused"}})
	e.recorder.step("apply", "-auto-approve")
	for _, each := range changes {
		set := inItsOwnProject()
		maps.Copy(set, map[string]string{each.variable: strings.ReplaceAll(each.value, "CHANNEL", channel)})
		e.writeCall(set)
		e.change(each.variable + " = " + set[each.variable])
		if *everyVariable {
			e.plansNothing()
		}
	}
	e.writeCall(inItsOwnProject())
	e.change("back to what was first")
	e.plansNothing()
	e.probe.arrived(t)
	e.recorder.step("destroy", "-auto-approve")
	e.recorder.finish(keepTypes)
}
