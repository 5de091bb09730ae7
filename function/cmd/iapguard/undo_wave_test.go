package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// waved protects both services of the scenario by one version of the policy, in a deployment
// with a memory. It gives the local cloud and the digest of the policy.
func waved(t *testing.T) (o *cloudtest.Env, digest string) {
	t.Helper()
	o = cloudtest.Start(t, playground.Options{})
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IAPGUARD_MEMORY", playground.MemoryBucket)
	args := []string{"apply", "--yes", "--policy", written(t, "policy.yaml", cloudtest.Policy()), "--endpoint", o.URL()}
	for _, target := range playground.Scenario {
		o.Build(target)
		args = append(args, target.Name())
	}
	if out, err := say(t, args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rules, err := policy.Parse([]byte(cloudtest.Policy()), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return o, rules.Digest()
}

func TestAWaveIsTakenBackInAllServices(t *testing.T) {
	o, digest := waved(t)
	wave := func(args ...string) (string, error) {
		return say(t, append([]string{"undo", "--account", typist, "--endpoint", o.URL()}, args...)...)
	}
	for name, args := range map[string][]string{
		"another version": {"--policy-digest", "0123456789ab", "--since", "1h"},
		"another time":    {"--policy-digest", digest, "--since", "3h", "--until", "2h"},
		"another project": {"--policy-digest", digest, "--since", "1h", "projects/other-project"},
	} {
		if out, err := wave(args...); err == nil || !strings.Contains(err.Error(), "does not know such a run") {
			t.Errorf("%s: error %v and\n%s", name, err, out)
		}
	}
	out, err := wave("--policy-digest", digest, "--since", "1h")
	for _, target := range playground.Scenario {
		if err == nil || !strings.Contains(err.Error(), "--yes") || !strings.Contains(out, target.Name()) {
			t.Errorf("without --yes: error %v and\n%s", err, out)
		}
	}
	if got := outside(o); got != http.StatusNotFound {
		t.Errorf("without --yes the default URL answers %d", got)
	}
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	out, err = wave("--policy-digest", digest, "--since", "1h", "--yes", "--holds", holds)
	if err != nil || strings.Count(out, "5 of 5 steps undone") != 2 || strings.Count(out, "is held until") != 2 {
		t.Errorf("error %v and\n%s", err, out)
	}
	for _, target := range playground.Scenario {
		if got := o.Ask(o.DefaultURL(target), ""); got != http.StatusOK {
			t.Errorf("%s answers %d afterwards, want 200 as before protection", target.Service, got)
		}
	}
	out, err = wave("--policy-digest", digest, "--since", "1h")
	if err != nil || !strings.Contains(out, "nothing is left to undo") {
		t.Errorf("once more: error %v and\n%s", err, out)
	}
}

func TestAServiceThatFailsStopsNoOtherOfAWave(t *testing.T) {
	o, digest := waved(t)
	hello, billing := playground.Scenario[0], playground.Scenario[1]
	o.SetFaults(`[{"method":"run.projects.locations.services.setIamPolicy","resource":"` + hello.Name() +
		`","action":"status","status":403}]`)
	out, err := say(t, "undo", "--account", typist, "--endpoint", o.URL(), "--policy-digest", digest, "--since", "1h",
		"--yes")
	if err == nil || !strings.Contains(err.Error(), "not everything was taken back:\n  "+hello.Name()) ||
		strings.Contains(err.Error(), billing.Service) {
		t.Errorf("error %v and\n%s", err, out)
	}
	if got := o.Ask(o.DefaultURL(billing), ""); got != http.StatusOK || !strings.Contains(out, "5 of 5 steps undone") {
		t.Errorf("billing answers %d:\n%s", got, out)
	}
	if got := outside(o); got != http.StatusNotFound {
		t.Errorf("hello answers %d", got)
	}
}

func TestWhatAWaveIsToldIsCheckedFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a digest alone": {[]string{"--policy-digest", "0123456789ab"}, "and --since T"},
		"a time alone":   {[]string{"--since", "2h"}, "write --policy-digest D"},
		"not a digest":   {[]string{"--policy-digest", "latest", "--since", "2h"}, "the twelve digits"},
		"not a time": {[]string{"--policy-digest", "0123456789ab", "--since", "yesterday"},
			`--since "yesterday" is not a time`},
		"a time that lies ahead": {[]string{"--policy-digest", "0123456789ab", "--since", "2126-01-01T00:00:00Z"},
			"lies ahead"},
		"times the wrong way": {[]string{"--policy-digest", "0123456789ab", "--since", "1h", "--until", "2h"},
			"is not before --until"},
		"a project's number": {[]string{"--policy-digest", "0123456789ab", "--since", "1h", "projects/123456789012"},
			"names the project by its number"},
		"no memory":           {[]string{"--policy-digest", "0123456789ab", "--since", "1h"}, "IAPGUARD_MEMORY=gs://BUCKET"},
		"a hold of a century": {[]string{"--hold", "876000h", "run-1"}, "IAPGUARD_MEMORY=gs://BUCKET"},
	} {
		_, err := say(t, append([]string{"undo"}, tc.args...)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in one line", name, err, tc.want)
		}
	}
}

func TestUndoHoldsNoLongerThanAHoldMayLast(t *testing.T) {
	o, reports := applied(t)
	out, err := say(t, "undo", "--account", typist, "--yes", "--hold", "876000h", "--endpoint", o.URL(), reports)
	const want = "lasts at most 168h (7 days), not 876000h0m0s: write --hold 168h"
	if err == nil || !strings.Contains(err.Error(), want) || outside(o) != http.StatusNotFound {
		t.Errorf("error %v and\n%s\nwant %q, and nothing written", err, out, want)
	}
	allowed := written(t, "policy.yaml", cloudtest.Policy()+"holds: {longest: 14d}\n")
	if out, err := say(t, "undo", "--account", typist, "--hold", "200h", "--policy", allowed, "--endpoint", o.URL(),
		reports); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("what the policy allows: error %v and\n%s", err, out)
	}
}

func TestHoldsThatCommandsPlacedHoldHereToo(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IAPGUARD_MEMORY", playground.MemoryBucket)
	hello := playground.Scenario[0]
	o.Build(hello)
	session, err := (&options{format: "text", endpoint: o.URL(), stderr: func() io.Writer { return t.Output() }}).open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.engine.Memory.UpdateDeployment(t.Context(), func(d *memory.Deployment) bool {
		now := time.Now()
		return d.PlaceHold(now, memory.PlacedHold{Scope: hello.Name(), Until: now.Add(time.Hour), Reason: "an incident",
			By: "carol"}) == nil
	}); err != nil {
		t.Fatal(err)
	}
	out, _ := say(t, "apply", "--yes", "--policy", written(t, "policy.yaml", cloudtest.Policy()), "--endpoint", o.URL(),
		hello.Name())
	if !strings.Contains(out, "HELD") || !strings.Contains(out, "an incident") || outside(o) != http.StatusOK {
		t.Errorf("%q: want it held", out)
	}
	if out, err := say(t, "status", "--endpoint", o.URL()); err != nil || !strings.Contains(out, ": an incident (carol)") {
		t.Errorf("status: %v\n%s", err, out)
	}
}
