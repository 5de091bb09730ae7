package deploy

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

// refusedApplies are deployments beside one that runs, and what Terraform says of each: a row of the
// module's README has the remedy.
var refusedApplies = map[string]struct {
	says    string
	set     map[string]string
	command string // plan, or apply where Google alone knows
}{
	"no guard's project":   {"does not have permission to access Project", map[string]string{"project_id": `"no-such-guard"`}, "plan"},
	"no guarded project":   {"does not have permission to access Project", map[string]string{"scope": `"projects/no-such-project"`}, "plan"},
	"no folder":            {"Folder Not Found", map[string]string{"scope": `"folders/999"`, "organization_id": `"987654321098"`}, "plan"},
	"a writer's folder":    {"Folder Not Found", map[string]string{"scope": `"organizations/987654321098"`, "writers": `{ "folders/999" = {} }`}, "plan"},
	"no organisation":      {"Organization Not Found", map[string]string{"scope": `"organizations/1234"`}, "plan"},
	"another organisation": {"Organization Not Found", map[string]string{"scope": `"folders/FOLDER"`, "organization_id": `"1234"`}, "plan"},
	"nobody pays":          {"shows no billing account", map[string]string{"project_id": `"my-project"`}, "plan"},
	"half a policy":        {"policy is not a policy file", map[string]string{"policy": `"version: 1\nrules: ["`, "name": `"iapguard"`}, "plan"},
	"the same name":        {"already exists", map[string]string{"name": `"iapguard"`}, "apply"},
}

// What a person gets wrong stops plan where that is possible, names what is wrong, and leaves the
// guard alone that runs already.
func TestARefusedApplyNamesTheRemedyAndDisturbsNothing(t *testing.T) {
	t.Parallel()
	listed, rows := map[string]bool{}, listing(t, filepath.Join(module, "README.md"), "refusals")
	for _, each := range refusedApplies {
		listed[strings.ToLower(each.says)] = true
	}
	read := map[string]bool{}
	for _, row := range rows {
		read[strings.ToLower(row)] = true
	}
	if diff := cmp.Diff(listed, read); diff != "" {
		t.Errorf("errors that README has a remedy for (-tried +listed):\n%s", diff)
	}
	e := newStage(t, "refused")
	folder := e.makeFolder("shops")
	e.CallAs(e.Owner(), http.MethodPut, "/v1/projects/my-project/billingInfo", map[string]any{"billingAccountName": ""})
	running := map[string]string{
		"project_id": `"demo-project"`, "region": `"us-central1"`, "scope": `"projects/shop-prod"`, "name": `"iapguard"`,
		"image":               `"us-docker.pkg.dev/cloudrun/container/hello@sha256:` + zeros + `"`,
		"policy":              `"version: 1\nrules:\n  - {name: all, mode: report-only}\n"`,
		"creation_wait":       `"0s"`,
		"deletion_protection": `false`,
	}
	e.writeCall(running)
	e.begin()
	e.recorder.step("apply", "-auto-approve")
	e.probe = startProbe(e.Env, &probe{guarded: "projects/shop-prod", name: playground.FunctionService, controls: true,
		function: project + "/locations/us-central1/services/iapguard", wanted: []string{"events", "work", "commands"}})
	e.probe.during(t, func() {
		for _, name := range slices.Sorted(maps.Keys(refusedApplies)) {
			each := refusedApplies[name]
			set := maps.Clone(running)
			set["name"] = `"guard-two"`
			maps.Copy(set, each.set)
			set["scope"] = strings.ReplaceAll(set["scope"], "FOLDER", folder)
			arguments := []string{each.command, "-input=false"}
			if each.command == "apply" {
				arguments = append(arguments, "-auto-approve")
			}
			run := e.another(t, name, set)
			out, err := run(arguments...)
			if !strings.Contains(strings.Join(strings.Fields(out), " "), each.says) || (err == nil) != (name == "nobody pays") {
				t.Errorf("%s: %v, want %q:\n%.3000s", name, err, each.says, out)
			}
			if each.command == "apply" { // what was made before it was refused
				if out, err := run("destroy", "-auto-approve", "-input=false"); err != nil {
					t.Errorf("%s: destroying the rest: %v\n%.3000s", name, err, out)
				}
			}
		}
	})
	e.plansNothing()

	// Another name makes room, even one of 20 characters, the most that are taken.
	second := maps.Clone(running)
	second["name"] = `"iapguard-second-room"`
	run := e.another(t, "second", second)
	if out, err := run("apply", "-auto-approve", "-input=false"); err != nil {
		t.Errorf("a second deployment with a name of 20 characters: %v\n%.3000s", err, out)
	}
	if out, err := run("plan", "-detailed-exitcode", "-input=false"); err != nil {
		t.Errorf("its plan: %v\n%.3000s", err, out)
	}
	e.probe.send(t)
	if out, err := run("destroy", "-auto-approve", "-input=false"); err != nil {
		t.Errorf("its destruction: %v\n%.3000s", err, out)
	}
	e.probe.send(t)

	// Google has one identity for the sinks of a scope, so the two share one grant.
	out, err := e.recorder.run("plan", "-json", "-input=false")
	if diff := cmp.Diff([]string{`create module.iapguard.module.intake.google_project_iam_member.controls_arrive["projects/shop-prod"]`},
		plannedChanges(out)); diff != "" || err != nil {
		t.Errorf("missing after the destruction of the other (-want +planned): %v\n%s", err, diff)
	}
	e.change("what the other took along")
	e.plansNothing()
	e.probe.arrived(t)
	e.recorder.step("destroy", "-auto-approve")
	e.leaves()
}

// another is Terraform in a folder of its own, with a state of its own, before the same cloud.
func (e *stage) another(t *testing.T, name string, set map[string]string) func(...string) (string, error) {
	t.Helper()
	beside := *e
	beside.dir = filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "-"))
	beside.writeCall(set)
	if err := os.Symlink(filepath.Join(e.dir, "deploy"), filepath.Join(beside.dir, "deploy")); err != nil {
		t.Fatal(err)
	}
	run := terraform(t, beside.dir, e.environment()...)
	initialise(t, run)
	return run
}

// listing is the first column of a table that stands between comments in a page, without the
// head. A cell is what stands between backquotes.
func listing(t *testing.T, page, name string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "<!-- "+name+" -->\n")
	table, _, ends := strings.Cut(rest, "<!-- /"+name+" -->")
	if !begins || !ends {
		t.Fatalf("%s has no table %s", page, name)
	}
	var found []string
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for i, part := range strings.Split(cell, "`") {
			if i%2 == 1 {
				found = append(found, part)
			}
		}
	}
	return found
}
