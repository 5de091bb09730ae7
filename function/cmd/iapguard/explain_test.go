package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deployed is one entry on one line, as a log sink writes it.
const deployed = `{"insertId":"1x2y3z","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-03-01T10:00:00.5Z",` +
	`"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},` +
	`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService","status":{},` +
	`"resourceName":"projects/demo-project/locations/us-central1/services/hello","authenticationInfo":{"principalEmail":"alice@example.com"},` +
	`"requestMetadata":{"callerSuppliedUserAgent":"iapguard/1.0.0,gzip(gfe)"}}}`

// runExplain runs the command on a standard input.
func runExplain(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newExplainCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err := cmd.Execute()
	return out.String(), err
}

func TestExplainPrintsTheContractsObject(t *testing.T) {
	for _, args := range [][]string{{"--format", "json"}, {"--format=json", "-"}} {
		got, err := runExplain(t, deployed, args...)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"file":"-","line":1,"kind":"run-service-changed","method":"google.cloud.run.v2.Services.UpdateService","project":"demo-project","location":"us-central1","service":"hello",` +
			`"principal":"alice@example.com","at":"2026-03-01T10:00:00.5Z","key":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity/1x2y3z@2026-03-01T10:00:00.5Z"}` + "\n"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", args, diff)
		}
	}
}

func TestWhatIsIgnoredHasAReasonAndNoKind(t *testing.T) {
	got, err := runExplain(t, deployed, "--format", "json", "--self", "alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	var x map[string]any
	if err := json.Unmarshal([]byte(got), &x); err != nil {
		t.Fatal(err)
	}
	if _, hasKind := x["kind"]; hasKind || x["ignored"] != "own-write" || x["why"] == "" || x["service"] != "hello" {
		t.Errorf("explained as %s", got)
	}
}

func TestWeMayBeSeveralAccounts(t *testing.T) {
	for _, flags := range [][]string{
		{"--self", "bob@example.com,alice@example.com"}, {"--self", "bob@example.com", "--self", "alice@example.com"},
	} {
		if got, err := runExplain(t, deployed, append(flags, "--format", "json")...); err != nil ||
			!strings.Contains(got, `"ignored":"own-write"`) {
			t.Errorf("with %q explained as %s, %v", flags, got, err)
		}
	}
}

func TestWhoWeAreComesFromTheEnvironmentToo(t *testing.T) {
	t.Setenv("IAPGUARD_SELF", "alice@example.com")
	if got, err := runExplain(t, deployed, "--format", "json"); err != nil ||
		!strings.Contains(got, `"ignored":"own-write"`) {
		t.Errorf("explained as %s, %v", got, err)
	}
	const writer = "writer@demo-project.iam.gserviceaccount.com"
	t.Setenv("IAPGUARD_WRITERS", "folders/1="+writer)
	if got, err := runExplain(t, strings.Replace(deployed, "alice@example.com", writer, 1), "--format",
		"json"); err != nil || !strings.Contains(got, `"ignored":"own-write"`) {
		t.Errorf("a writer's is explained as %s, %v", got, err)
	}
	if got, err := runExplain(t, deployed, "--format", "json", "--self", "bob@example.com"); err != nil ||
		strings.Contains(got, "own-write") {
		t.Errorf("with a flag explained as %s, %v", got, err)
	}
}

func TestTextIsOneLineAnEntryAndASummary(t *testing.T) {
	got, err := runExplain(t, deployed+"\n\n{\"a\":\x1b}\n")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != 6 || strings.Contains(got, "\x1b") {
		t.Fatalf("%d lines, want 6 without escapes:\n%q", len(lines), got)
	}
	want := "run-service-changed       projects/demo-project/locations/us-central1/services/hello  by " +
		"alice@example.com  at 2026-03-01T10:00:00.5Z  via google.cloud.run.v2.Services.UpdateService  (-:1)"
	if lines[0] != want {
		t.Errorf("got %q, want %q", lines[0], want)
	}
	if !strings.HasPrefix(lines[1], "ignored: unreadable       not valid JSON") || !strings.HasSuffix(lines[1], "(-:3)") {
		t.Errorf("the broken entry is %q", lines[1])
	}
	if diff := cmp.Diff([]string{"", "2 entries; causes: 1, ignored: 1", "        1  run-service-changed",
		"        1  unreadable"}, lines[2:]); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatCannotBeOpenedStopsNoOther(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "entry.json")
	if err := os.WriteFile(file, []byte(deployed), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := runExplain(t, "", "--format", "json", filepath.Join(dir, "missing.json"), file, dir)
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "missing.json") || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("error %v, want a usage error that names the missing file and the folder", err)
	}
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, `"service":"hello"`) {
		t.Errorf("explained %q, want the one entry that can be read", got)
	}
}

func TestExplainRefusesAFormatThatItDoesNotHave(t *testing.T) {
	var usage usageError
	if out, err := runExplain(t, deployed, "--format", "xml"); !errors.As(err, &usage) || out != "" {
		t.Errorf("printed %q, %v; want a usage error", out, err)
	}
}

func TestExplainStopsWhenNobodyReads(t *testing.T) {
	cmd := newExplainCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{"--format", "json"})
	cmd.SetIn(strings.NewReader(strings.Repeat(deployed+"\n", 1000)))
	cmd.SetOut(closedPipe{})
	if err := cmd.Execute(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
