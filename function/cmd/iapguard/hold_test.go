package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHoldsArePlacedListedAndLiftedInTheFileThatTheFunctionReads(t *testing.T) {
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
	run("nothing is written: reading holds", "status")
	if _, err := say(t, "hold", project, "--for", "1h", "--reason", "r"); err == nil {
		t.Error("a file that cannot be read was replaced")
	}
}

func TestStatusTellsDigestAndModes(t *testing.T) {
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
