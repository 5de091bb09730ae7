package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/attach"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const deployedFunction = "projects/" + playground.Project + "/locations/" + playground.FunctionRegion + "/services/" +
	playground.FunctionService

// deployedIn is a local cloud with the function behind Cloud Run's own check, as whose operator
// the owner of the project may send commands.
func deployedIn(t *testing.T, policy string) *cloudtest.Env {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{Clock: time.Now})
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	function, err := attach.Function(t.Context(), o.Playground, attach.Options{
		PolicyFile: written(t, "policy.yaml", policy), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	o.Keep(function)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	return o
}

func TestCommandsReachTheDeployedFunction(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy())
	send := func(args ...string) (string, error) {
		return say(t, append(args, "--endpoint", o.URL(), "--url", o.DataURL())...)
	}
	_, err := send("send", "resume", "projects/demo-project")
	if err == nil || !strings.Contains(err.Error(), "context use") {
		t.Errorf("without a context: %v", err)
	}
	if out, err := say(t, "context", "use", deployedFunction); err != nil || !strings.Contains(out, deployedFunction) {
		t.Fatalf("context use: %q, %v", out, err)
	}
	out, err := send("send", "hold", "projects/demo-project", "--for", "1h", "--reason", "an incident")
	if err != nil || !strings.Contains(out, "projects/demo-project is held until ") {
		t.Fatalf("send hold: %q, %v", out, err)
	}
	if out, err = send("send", "resume", "projects/demo-project"); err != nil || !strings.Contains(out, "no longer held") {
		t.Errorf("send resume: %q, %v", out, err)
	}
	_, err = send("send", "resume", "projects/demo-project")
	if err == nil || !strings.Contains(err.Error(), "no command placed") {
		t.Errorf("send resume again: %v", err)
	}
	_, err = send("approve", "0123456789abcdef")
	if err == nil || !strings.Contains(err.Error(), "no plan 0123456789abcdef") {
		t.Errorf("approve what nobody planned: %v", err)
	}
	if _, err = send("send", "resume", "projects/demo-project", "--as", playground.PushAccount); err == nil ||
		!strings.Contains(err.Error(), "OpenIdTokenCreator") {
		t.Errorf("as an account that one may not impersonate: %v", err)
	}
}

func TestTheContextIsTheNearestThatIsNamed(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	name := func(service string) string { return "projects/p-guard/locations/us-central1/services/" + service }
	show := func(want string) {
		t.Helper()
		if out, err := say(t, "context", "show"); err != nil || !strings.Contains(out, want) {
			t.Errorf("%q, %v, want %q", out, err, want)
		}
	}
	if _, err := say(t, "context", "show"); err == nil {
		t.Error("a context where none is named")
	}
	if _, err := say(t, "context", "use", name("kept")); err != nil {
		t.Fatal(err)
	}
	show(name("kept") + " (iapguard context use)")
	if err := os.WriteFile(filepath.Join(".", folderContext), []byte("context: "+name("folder")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	show(name("folder") + " (.iapguard.yaml of this folder)")
	t.Setenv("IAPGUARD_CONTEXT", name("environment"))
	show(name("environment") + " (IAPGUARD_CONTEXT)")
	if _, err := say(t, "context", "use", "iapguard"); err == nil {
		t.Error("a context that is not a service was kept")
	}
	if _, err := say(t, "send", "sweep", "--url", "http://example.com", "--context", name("x")); err == nil {
		t.Error("a token would go over plain http")
	}
}
