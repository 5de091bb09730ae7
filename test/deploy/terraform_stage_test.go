package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const project = "projects/" + playground.Project

// stage is a folder of Terraform, and a local cloud to which the provider is pointed as a person
// does it. Beside the copy of deploy/ there is nothing in the folder.
type stage struct {
	*cloudtest.Env
	t        *testing.T
	dir      string // in which Terraform runs
	recorder *recorder
	probe    *probe
	before   map[string]bool // names of what was there
}

// newStage starts a cloud in which nothing is iapguard's. Where Terraform is not installed the
// test is skipped.
func newStage(t *testing.T, name string) *stage {
	t.Helper()
	e := &stage{t: t, dir: t.TempDir()}
	terraform(t, e.dir) // or the test ends here
	if err := os.CopyFS(filepath.Join(e.dir, "deploy"), os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	e.Env = cloudtest.Start(t, playground.Options{InstantOperations: true, Bare: true, Roles: []apiserver.Role{},
		Projects: []apiserver.Project{apiserver.NewProject("my-project"), apiserver.NewProject("shop-prod")}})
	e.recorder = startRecorder(t, name, e.URL())
	return e
}

// begin notes what is in the cloud, and fetches the provider.
func (e *stage) begin() {
	e.t.Helper()
	e.before = e.names()
	run := terraform(e.t, e.dir, e.environment()...)
	initialise(e.t, run, "-backend=true")
	e.recorder.run = run
}

// environment is what iapguard local env prints.
func (e *stage) environment() []string {
	e.t.Helper()
	out, err := exec.CommandContext(e.t.Context(), binary.Command(e.t), "local", "env", "--format", "dotenv",
		"--addr", strings.TrimPrefix(e.recorder.server.URL, "http://")).Output()
	if err != nil {
		e.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), "'", "")), "\n")
}

// change applies what was changed, while the probe goes on.
func (e *stage) change(what string) {
	e.t.Helper()
	e.t.Log("changing ", what)
	e.probe.during(e.t, func() { e.recorder.step("apply", "-auto-approve") })
}

// plansNothing is a plan whose exit status says whether there is something to do.
func (e *stage) plansNothing() {
	e.t.Helper()
	e.recorder.step("plan", "-detailed-exitcode")
}

// names are those of all resources in the cloud. A role that was deleted is shown for a while,
// and a policy that grants nothing is none.
func (e *stage) names() map[string]bool {
	e.t.Helper()
	var state map[string]map[string]any
	if err := json.Unmarshal([]byte(e.Shown("state")), &state); err != nil {
		e.t.Fatal(err)
	}
	names := map[string]bool{}
	for api, resources := range state {
		for name, of := range resources {
			resource, _ := of.(map[string]any)
			if gone := resource["deleted"] == true || api == "iamPolicies" && resource["bindings"] == nil; !gone {
				names[api+" "+name] = true
			}
		}
	}
	return names
}

// leaves fails where something else is left after a destruction.
func (e *stage) leaves(want ...string) {
	e.t.Helper()
	var left []string
	for name := range e.names() {
		if !e.before[name] && (e.probe == nil || !e.probe.owns(name)) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	if diff := cmp.Diff(want, left); diff != "" {
		e.t.Errorf("left after the destruction (-want +got):\n%s", diff)
	}
}
