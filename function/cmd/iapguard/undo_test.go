package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

const atOnce = `version: 1
rules: [{name: all, mode: enforce, access: {members: ["user:alice@example.com"]}, settle: 0s, propagation: 0s}]
`

// say runs a command line in this process and gives what it printed.
func say(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// applied protects hello on a local cloud and gives the cloud, and the file
// with the reports.
func applied(t *testing.T) (s *stage.Stage, reports string) {
	t.Helper()
	return appliedWith(t, atOnce)
}

func appliedWith(t *testing.T, rules string) (s *stage.Stage, reports string) {
	t.Helper()
	s, err := stage.Start(t.Context(), stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	hello, developer := stage.Scenario[0], stage.Client{URL: s.URL(), Caller: stage.Developer}
	for _, step := range []func(context.Context, stage.Client) error{hello.Deploy, hello.Balance} {
		if err := step(t.Context(), developer); err != nil {
			t.Fatal(err)
		}
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	reports = filepath.Join(t.TempDir(), "reports.json")
	if out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", s.URL(), "-o", reports, hello.Name()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s, reports
}

// outside is what a stranger is answered at hello's default URL.
func outside(t *testing.T, s *stage.Stage) int {
	t.Helper()
	seen, err := stage.Client{URL: s.URL()}.Call(t.Context(), http.MethodGet, "/v2/"+stage.Scenario[0].Name(), nil)
	if err != nil {
		t.Fatal(err)
	}
	address, _ := seen["uri"].(string)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.DataURL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(address, "https://")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestUndoSaysWhatItOpensAndThenRestoresWhatWas(t *testing.T) {
	s, reports := applied(t)
	out, err := say(t, "undo", "--endpoint", s.URL(), reports)
	if err == nil || !strings.Contains(err.Error(), "--yes") || !strings.Contains(out, "! opens    https://hello-") {
		t.Errorf("without --yes: error %v and\n%s", err, out)
	}
	if got := outside(t, s); got != http.StatusNotFound {
		t.Errorf("without --yes the default URL answers %d, want 404 as before", got)
	}
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	if _, err := say(t, "undo", "--yes", "--holds", filepath.Join(holds, "nowhere"), "--endpoint", s.URL(), reports); err == nil || outside(t, s) != http.StatusNotFound {
		t.Errorf("where the hold cannot be placed: error %v, want one and nothing written", err)
	}
	if out, err = say(t, "undo", "--yes", "--holds", holds, "--endpoint", s.URL(), reports); err != nil || !strings.Contains(out, "5 of 5 steps undone") {
		t.Fatalf("error %v and\n%s", err, out)
	}
	if out, err := say(t, "status", "--holds", holds); err != nil || !strings.Contains(out, stage.Scenario[0].Name()) || !strings.Contains(out, "reports.json") {
		t.Errorf("the service is not held afterwards: %v\n%s", err, out)
	}
	if got := outside(t, s); got != http.StatusOK {
		t.Errorf("after undo the default URL answers %d, want 200 as before protection", got)
	}
	out, err = say(t, "plan", "--endpoint", s.URL(), stage.Scenario[0].Name())
	for _, line := range []string{"grant-invoker", "NO_ACCESSOR", "IAP_OFF", "INGRESS_OPEN", "PUBLIC_INVOKER"} {
		if err != nil || !strings.Contains(out, line) {
			t.Errorf("after undo a plan does not say %s: %v\n%s", line, err, out)
		}
	}
}

func TestUndoTurnsOffTheIAPOfTheServiceItself(t *testing.T) {
	s, reports := appliedWith(t, strings.Replace(atOnce, "mode: enforce", "mode: enforce, recipe: direct", 1))
	if got := outside(t, s); got == http.StatusOK {
		t.Fatalf("protected, the default URL answers %d", got)
	}
	out, err := say(t, "undo", "--yes", "--endpoint", s.URL(), reports)
	if err != nil || !strings.Contains(out, "undo enable-direct-iap") || !strings.Contains(out, "! opens    https://hello-") || !strings.Contains(out, "4 of 4 steps undone") {
		t.Fatalf("error %v and\n%s", err, out)
	}
	if got := outside(t, s); got != http.StatusOK {
		t.Errorf("after undo the default URL answers %d, want 200 as before protection", got)
	}
}

func TestUndoWritesNothingWhenSomethingMoved(t *testing.T) {
	s, reports := applied(t)
	owner := stage.Client{URL: s.URL()}
	if _, err := owner.Call(t.Context(), http.MethodPatch, "/v2/"+stage.Scenario[0].Name()+"?updateMask=labels", map[string]any{"labels": map[string]any{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	before, err := owner.Call(t.Context(), http.MethodGet, "/_local/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "undo", "--yes", "--endpoint", s.URL(), reports)
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("error %v, want one that says what was changed\n%s", err, out)
	}
	after, err := owner.Call(t.Context(), http.MethodGet, "/_local/state", nil)
	if err != nil || len(before) == 0 {
		t.Fatalf("no state: %v", err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}
