package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestReportsReadsTheEvidenceOfTheDeployment(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy("name: shops", "mode: report-only"))
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	o.Build(playground.Scenario[:1]...)
	name := playground.Scenario[0].Name()
	reports := func(args ...string) (string, error) {
		return say(t, append(append([]string{"reports"}, args...), "--endpoint", o.URL())...)
	}
	if _, err := say(t, "send", "audit", name, "--endpoint", o.URL()); err != nil {
		t.Fatal(err)
	}
	var out string
	var err error
	for range 100 {
		if out, err = reports(); err != nil || strings.Contains(out, "  planned  ") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil || !strings.Contains(out, "  planned    OPEN     "+name) {
		t.Fatalf("reports: %v\n%s", err, out)
	}
	for args, found := range map[string]bool{
		"--service hello": true, "--service " + name: true, "--service other": false, "--outcome blocked": false,
		"--run none": false, "--since 1h": true, "--from gs://iapguard-evidence-123456789012": true,
	} {
		if out, err := reports(strings.Fields(args)...); err != nil || strings.Contains(out, name) != found {
			t.Errorf("reports %s: %v, want the report there: %t\n%s", args, err, found, out)
		}
	}
	text, err := reports("--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.ReadAll(strings.NewReader(text)); err != nil {
		t.Errorf("as JSON: %v", err)
	}
	file := written(t, "reports.json", text)
	if out, err := say(t, "reports", file, "--service", "hello"); err != nil || !strings.Contains(out, name) {
		t.Errorf("of a file: %v\n%s", err, out)
	}
	exports(t, o.URL(), file, name)
	for args, says := range map[string]string{"--since yesterday": "--since", "--from nowhere": "gs://BUCKET",
		"--from gs://nobodys-bucket": "report_readers", os.DevNull + " --format yaml": "--format"} {
		if _, err := reports(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("reports %s: %v, want %q", args, err, says)
		}
	}
}

// exports turns the reports of a file into the documents of security tools, and writes them.
func exports(t *testing.T, cloud, file, name string) {
	t.Helper()
	const source = "organizations/12/sources/34"
	for args, says := range map[string]string{
		"--format ocsf":                    `"class_uid":2003`,
		"--format scc --source " + source:  `"resourceName":"//run.googleapis.com/` + name + `"`,
		"--format scc":                     "organizations/NUMBER/sources/NUMBER",
		"--format scc --source projects/p": "organizations/NUMBER/sources/NUMBER",
		"--format ocsf --source " + source: "--format=scc alone",
		"--write":                          "--format=scc alone",
	} {
		out, err := say(t, append([]string{"reports", file, "--endpoint", cloud}, strings.Fields(args)...)...)
		if err != nil {
			out = err.Error()
		}
		if !strings.Contains(out, says) {
			t.Errorf("reports %s: %q, want %q", args, out, says)
		}
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		_, _ = w.Write([]byte(`{}`)) // the command is gone
	}))
	defer server.Close()
	out, err := say(t, "reports", file, "--format", "scc", "--source", source, "--write", "--endpoint", server.URL)
	if err != nil || out != "" || len(asked) != 1 || !strings.HasPrefix(asked[0], "PATCH /v1/"+source+"/findings/") {
		t.Errorf("writing: %v, calls %v, printed %q", err, asked, out)
	}
}
