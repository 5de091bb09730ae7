package main

import (
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
	for args, says := range map[string]string{"--since yesterday": "--since", "--from nowhere": "gs://BUCKET",
		"--from gs://nobodys-bucket": "report_readers", os.DevNull + " --format yaml": "--format"} {
		if _, err := reports(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("reports %s: %v, want %q", args, err, says)
		}
	}
}
