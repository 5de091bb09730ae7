package deploy

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
)

// example is a folder of examples/ as a team applies it, with the values of its
// terraform.tfvars.example, and changes of one variable after the other.
type example struct {
	name    string
	guarded string // the project in which the team deploys
	changes []setting
	// anew are variables whose change makes the intake anew, so that they are not changed.
	anew []string
}

// setting is another value of a variable.
type setting struct{ variable, value string }

// zeros and ones are digests of images that nobody runs.
var zeros, ones = strings.Repeat("0", 64), strings.Repeat("1", 64)

// everywhere are changes that every example takes. The last one lets the example be destroyed.
var everywhere = []setting{
	{"hold_members", `["group:on-call@example.com", "group:second@example.com"]`},
	{"approvers", `[]`},
	{"deployers", `[]`},
	{"notification_channels", `[]`},
	{"policy_file", `"newer.yaml"`},
	{"policy_checker", `null`},
	{"image", `"europe-west1-docker.pkg.dev/demo-project/iapguard/iapguard@sha256:` + ones + `"`},
	{"deletion_protection", `false`},
}

var examples = []example{
	{name: "project", guarded: "my-project", anew: []string{"guarded_project_id"}, changes: []setting{
		{"mode", `"enforce"`}, {"runtime_accounts", `["shop-run@my-project.iam.gserviceaccount.com"]`},
	}},
	{name: "folder", guarded: "shop-prod", anew: []string{"folder_id", "organization_id"}, changes: []setting{
		{"sweep_projects", `[]`}, {"bound", `true`}, {"runtime_accounts", `["shop-run@shop-prod.iam.gserviceaccount.com"]`},
	}},
	{name: "organization", guarded: "shop-prod", anew: []string{"organization_id"}, changes: []setting{
		{"sweep_projects", `["my-project", "shop-prod"]`}, {"writers", `{ "folders/FOLDER" = { bound = true } }`},
	}},
}

// A team copies an example, applies it, changes one variable after the other and destroys it,
// while somebody deploys all the time. Every sink delivers every change, up to the function.
func TestExamplesAreAppliedChangedAndDestroyed(t *testing.T) {
	t.Parallel()
	for _, one := range examples {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			e := newStage(t, "example-"+one.name)
			e.dir = filepath.Join(e.dir, "deploy", "terraform", "examples", one.name)
			set, folder := one.fillIn(e)
			one.changesEvery(t, e.dir)
			e.begin()
			e.probe = startProbe(e.Env, &probe{guarded: "projects/" + one.guarded, name: playground.FunctionService,
				function: project + "/locations/europe-west1/services/" + playground.FunctionService,
				wanted:   []string{"events", "work", "commands"}, controls: true})
			e.writeVariables(set)
			e.recorder.step("apply", "-auto-approve")
			e.plansNothing()
			for _, each := range append(one.changes, everywhere...) {
				set[each.variable] = strings.ReplaceAll(each.value, "FOLDER", folder)
				e.writeVariables(set)
				e.change(each.variable + " = " + set[each.variable])
			}
			e.plansNothing()
			e.probe.arrived(t)
			e.recorder.step("destroy", "-auto-approve")
			e.leaves()
			e.recorder.finish(keepTypes)
		})
	}
}

// fillIn makes in the cloud what an example expects, and the copies that a team fills in. It
// returns what terraform.tfvars has, and the number of the folder that has the project shop-prod.
func (x example) fillIn(e *stage) (set map[string]string, folder string) {
	t := e.t
	t.Helper()
	folders := []string{e.makeFolder("shops"), e.makeFolder("labs")}
	e.CallAs(e.Owner(), http.MethodPost, "/v3/projects/shop-prod:move",
		map[string]any{"destinationParent": "folders/" + folders[0]})
	for account, of := range map[string]string{"my-project": "shop-run", "shop-prod": "shop-run",
		playground.Project: "iapguard-build"} {
		e.CallAs(e.Owner(), http.MethodPost, "/v1/projects/"+account+"/serviceAccounts", map[string]any{"accountId": of})
	}
	values := strings.NewReplacer("projects/my-guard/notificationChannels/1234567890", e.makeChannel(),
		"my-guard", playground.Project, "987654321", apiserver.OrganizationID, "111111111111", folders[0],
		"222222222222", folders[1], "/usr/local/bin/iapguard", binary.Command(t))
	filled := func(file string) string {
		text, err := os.ReadFile(filepath.Join(e.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return values.Replace(string(text))
	}
	write(t, filepath.Join(e.dir, "policy.yaml"), filled("policy.yaml"))
	write(t, filepath.Join(e.dir, "newer.yaml"), filled("policy.yaml")+"# Newer.\n")
	// A bucket with the state, and agents that appear late, are what the local cloud does not have.
	write(t, filepath.Join(e.dir, "local_override.tf"),
		"terraform {\n  backend \"local\" {}\n}\n\nmodule \"iapguard\" {\n  creation_wait = \"0s\"\n}\n")
	text := []byte(filled("terraform.tfvars.example"))
	return assignments(text, parseHCL(t, text, "terraform.tfvars")), folders[0]
}

// makeChannel makes a notification channel.
func (e *stage) makeChannel() string {
	e.t.Helper()
	made := e.CallAs(e.Owner(), http.MethodPost, "/v3/"+project+"/notificationChannels", map[string]any{"type": "email",
		"labels": map[string]any{"email_address": "on-call@example.com"}})
	return made["name"].(string)
}

// organization is that of the local cloud.
const organization = "organizations/" + apiserver.OrganizationID

func (e *stage) makeFolder(name string) string { return e.makeFolderIn(organization, name) }

// makeFolderIn makes a folder below a folder or the organization, and returns its number.
func (e *stage) makeFolderIn(parent, name string) string {
	e.t.Helper()
	made := e.CallAs(e.Owner(), http.MethodPost, "/v3/folders", map[string]any{"displayName": name, "parent": parent})
	number, _ := made["response"].(map[string]any)["name"].(string)
	return strings.TrimPrefix(number, "folders/")
}

func (e *stage) writeVariables(set map[string]string) {
	e.t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&text, "%s = %s\n", name, set[name])
	}
	write(e.t, filepath.Join(e.dir, "terraform.tfvars"), text.String())
}

// changesEvery fails where an example has a variable that is neither changed nor excused.
func (x example) changesEvery(t *testing.T, dir string) {
	t.Helper()
	tried := map[string]bool{"project_id": true, "region": true}
	for _, each := range append(x.changes, everywhere...) {
		tried[each.variable] = true
	}
	for _, each := range x.anew {
		tried[each] = true
	}
	if diff := cmp.Diff(variablesOf(t, dir), tried); diff != "" {
		t.Errorf("variables of the example (-declared +changed or excused):\n%s", diff)
	}
}

// variablesOf are the variables of a folder.
func variablesOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range glob(t, filepath.Join(dir, "variables*.tf")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range parseHCL(t, text, file).Blocks {
			names[block.Labels[0]] = true
		}
	}
	return names
}
