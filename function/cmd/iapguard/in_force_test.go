package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/attach"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestADeploymentSaysWhatIsInForce(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy("name: shops"))
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	at := []string{"--endpoint", o.URL()}
	type answer struct {
		Context, Version, PolicyDigest string
		Rules                          []ruleStatus
		Holds                          []holdStatus
	}
	status := func() answer {
		t.Helper()
		out, err := say(t, append([]string{"status", "--format", "json"}, at...)...)
		var got answer
		if err != nil || json.Unmarshal([]byte(out), &got) != nil {
			t.Fatalf("status: %q, %v", out, err)
		}
		return got
	}
	before := status()
	if before.Context != deployedFunction || before.Version == "" || len(before.Rules) != 1 || len(before.Holds) != 0 {
		t.Errorf("before a hold: %+v", before)
	}
	hold := append([]string{"hold", "projects/demo-project", "--for", "1h", "--reason", "an incident"}, at...)
	if out, err := say(t, hold...); err != nil || !strings.Contains(out, "projects/demo-project is held until ") {
		t.Fatalf("hold: %q, %v", out, err)
	}
	if after := status(); len(after.Holds) != 1 || after.Holds[0].Reason != "an incident" {
		t.Errorf("after a hold: %+v", after)
	}
	first := "context " + deployedFunction + ", policy " + before.PolicyDigest + ", 1 hold in force\n"
	for _, command := range []string{"status", "plan", "audit"} {
		args := append([]string{command}, at...)
		if command != "status" {
			args = append(args, "projects/demo-project")
		}
		out, err := say(t, args...)
		if _, after, found := strings.Cut(out, "\n"); command == "audit" && found {
			out = after // the first line says whether anything is open
		}
		if err != nil || !strings.HasPrefix(out, first) {
			t.Errorf("%s begins otherwise than %q: %q, %v", command, first, out, err)
		}
	}
	if out, err := say(t, append([]string{"resume", "projects/demo-project"}, at...)...); err != nil {
		t.Errorf("resume: %q, %v", out, err)
	}
}

// The holds of the deployment hold an apply that is typed too, by its policy.
func TestApplyHeedsTheDeploymentsHolds(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy("name: shops"))
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	o.Build(playground.Scenario[:1]...)
	target := playground.Scenario[0].Name()
	if out, err := say(t, "hold", "projects/demo-project", "--for", "1h", "--reason", "an incident", "--endpoint",
		o.URL()); err != nil {
		t.Fatalf("hold: %q, %v", out, err)
	}
	file := written(t, "policy.yaml", cloudtest.Policy("name: shops"))
	for _, flags := range [][]string{nil, {"--policy", file}} {
		out, err := say(t, append([]string{"apply", "--yes", target, "--endpoint", o.URL()}, flags...)...)
		if !strings.Contains(out, "an incident") || strings.Contains(out, "PROTECTED") {
			t.Errorf("apply %v under a hold: %v\n%s", flags, err, out)
		}
	}
	_, err := say(t, "apply", "--yes", target, "--endpoint", o.URL(), "--policy", file, "--context", deployedFunction+"-gone")
	if err == nil || !strings.Contains(err.Error(), "--holds") {
		t.Errorf("where the deployment is gone: %v", err)
	}
}

func TestApplyWantsToKnowThePolicy(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	const elsewhere = "https://run.example.com"
	_, err := say(t, "apply", "--yes", "projects/demo-project", "--endpoint", elsewhere)
	for _, want := range []string{"context use", "--policy FILE", "--no-policy"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without a policy: %v, want %q in it", err, want)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile(filepath.Join(".", folderContext), []byte("context: nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := say(t, "apply", "--yes", "projects/demo-project", "--endpoint", elsewhere); err == nil ||
		!strings.Contains(err.Error(), folderContext) {
		t.Errorf("a broken file of the folder: %v", err)
	}
}

func TestTheDeploymentTakesARunBack(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy("name: shops"))
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	undo := func(args ...string) (string, error) {
		return say(t, append(append([]string{"undo"}, args...), "--endpoint", o.URL())...)
	}
	if _, err := undo("0123-no-run"); err == nil || !strings.Contains(err.Error(), "0123-no-run") {
		t.Errorf("a run that never was: %v", err)
	}
	if _, err := undo("--policy-digest", "0123456789ab", "--since", "1h", "projects/demo-project"); err == nil {
		t.Error("a policy that decided nothing: no error")
	}
}

// When the holds cannot be read is when an operator asks.
func TestStatusIsShownWhereTheHoldsAreUnread(t *testing.T) {
	until := time.Now().Add(time.Hour)
	holds, err := holdsOf(function.Status{HoldsUnread: "the file is broken",
		Holds: []function.HoldInForce{{Target: "projects/demo-project", Until: until, Reason: "an incident"}}})
	if len(holds.At(time.Now())) != 1 || err == nil {
		t.Errorf("the last good holds: %v, %v", holds, err)
	}
	file := written(t, "holds.yaml", "nonsense: [\n")
	o := cloudtest.Start(t, playground.Options{Clock: time.Now})
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	attached, err := attach.Function(t.Context(), o.Playground, attach.Options{HoldsFile: file,
		PolicyFile: written(t, "policy.yaml", cloudtest.Policy()), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o.Keep(attached)
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	out, err := say(t, "status", "--endpoint", o.URL())
	if err != nil || !strings.Contains(out, "nothing new is written: ") {
		t.Errorf("status: %v\n%s", err, out)
	}
}
