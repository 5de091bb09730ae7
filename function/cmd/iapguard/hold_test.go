package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestHoldsAreSetListedAndLiftedInTheFile(t *testing.T) {
	t.Setenv("IAPGUARD_HOLDS", filepath.Join(t.TempDir(), "holds.yaml"))
	const project, service = "projects/demo-project", "projects/demo-project/locations/us-central1/services/hello"
	run := func(want string, args ...string) {
		t.Helper()
		out, err := say(t, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("iapguard %s: %q, %v, want %q", strings.Join(args, " "), out, err, want)
		}
	}
	run(service+" is held until ", "hold", service, "--for", "4h", "--reason", "a load test", "--by", "alice")
	run(project+" is held until ", "hold", project, "--for", "1h", "--reason", "a freeze", "--by", "bob")
	run("holds: 2\n", "status")
	run(": a load test (alice)", "status")
	run(`"reason":"a freeze","by":"bob"`, "status", "--format", "json")
	run("it stays held by the hold on "+project, "resume", service)
	run("holds: 1\n", "status")
	if _, err := say(t, "resume", service); err == nil || !strings.Contains(err.Error(), "no hold on exactly "+service) {
		t.Errorf("resuming twice: %v", err)
	}
	run("the hold on "+project+" is lifted", "resume", project)
	run("holds: 0\n", "status")
	if err := os.WriteFile(os.Getenv("IAPGUARD_HOLDS"), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("nothing new is written: "+os.Getenv("IAPGUARD_HOLDS")+":1:1: the holds file must be a mapping", "status")
	if _, err := say(t, "hold", project, "--for", "1h", "--reason", "r"); err == nil {
		t.Error("a file that cannot be read was replaced")
	}
}

func TestStatusShowsDigestAndModes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(name, []byte("version: 1\nrules: [{name: shops, mode: enforce}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "status", "--policy", name)
	if err != nil || !strings.Contains(out, "enforce      auto           shops\n") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := say(t, "status"); err != nil || !strings.Contains(out, "policy none\n  report-only  everything") {
		t.Errorf("without a policy: %q, %v", out, err)
	}
}

// secretFor makes an empty secret for holds and gives its name.
func secretFor(o *cloudtest.Env) string {
	o.CallAs(o.Owner(), http.MethodPost, "/v1/projects/demo-project/secrets?secretId=holds",
		map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
	return "projects/demo-project/secrets/holds"
}

func TestHoldsAreKeptInASecretToo(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	url, name := o.URL(), secretFor(o)
	const service = "projects/demo-project/locations/us-central1/services/hello"
	run := func(want string, args ...string) {
		t.Helper()
		out, err := say(t, append(args, "--holds", name, "--endpoint", url)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("iapguard %s: %q, %v, want %q", strings.Join(args, " "), out, err, want)
		}
	}
	run("nothing new is written: reading secret", "status")
	run(service+" is held until ", "hold", service, "--for", "4h", "--reason", "a load test", "--by", "alice")
	run("projects/demo-project is held until ", "hold", "projects/demo-project", "--for", "1h", "--reason",
		"a freeze", "--by", "bob")
	run("holds: 2\n", "status")
	run(": a load test (alice)", "status")
	run("it stays held by the hold on projects/demo-project", "resume", service)
	run("holds: 1\n", "status")
	if versions := o.CallAs(o.Owner(), http.MethodGet, "/v1/"+name+"/versions",
		nil); len(versions["versions"].([]any)) != 3 {
		t.Errorf("%v: want a version for each change", versions)
	}
	if _, err := say(t, "resume", service, "--holds", name, "--endpoint", url); err == nil ||
		!strings.Contains(err.Error(), "no hold on exactly") {
		t.Errorf("resuming twice: %v", err)
	}
	if _, err := say(t, "hold", service, "--for", "1h", "--reason", "r", "--holds", "projects/demo-project/secrets/none",
		"--endpoint", url); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a secret that is not there: %v", err)
	}
}

func TestAHoldInASecretStopsAnApplyByHand(t *testing.T) {
	o, reports := applied(t)
	holds := secretFor(o)
	if out, err := say(t, "undo", "--account", typist, reports, "--yes", "--holds", holds, "--endpoint",
		o.URL()); err != nil || !strings.Contains(out, "is held until") {
		t.Fatalf("%q, %v", out, err)
	}
	policy := written(t, "policy.yaml", cloudtest.Policy())
	out, _ := say(t, "apply", "--yes", "--policy", policy, "--holds", holds, "--endpoint", o.URL(),
		playground.Scenario[0].Name())
	if !strings.Contains(out, "HELD") || outside(o) != http.StatusOK {
		t.Errorf("%q: want it held, and as public as undo left it", out)
	}
}
