package deploy

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/report"
)

type hclAttribute = hclsyntax.Attribute

// lines collects the function's log lines, with the keys of the binary's own handler
// (tested in function/cmd/iapguard).
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) handler() slog.Handler {
	return slog.NewJSONHandler(l, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, err.Error())
		}
		switch {
		case len(groups) == 0 && a.Key == slog.MessageKey:
			a.Key = "message"
		case len(groups) == 0 && a.Key == slog.LevelKey:
			a.Key = "severity"
		}
		return a
	}})
}

// read returns every line as Cloud Logging stores it: the severity is moved out of the
// payload. Source: logging/docs/structured-logging.
func (l *lines) read(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var entries []map[string]any
	for line := range bytes.Lines(l.text.Bytes()) {
		payload := map[string]any{}
		if err := json.Unmarshal(line, &payload); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		severity := payload["severity"]
		delete(payload, "severity")
		entries = append(entries, entry("iapguard", "run.googleapis.com%2Fstderr", severity, payload))
	}
	return entries
}

func entry(service, log string, severity any, payload map[string]any) map[string]any {
	return map[string]any{
		"logName": "projects/my-project/logs/" + log, "severity": severity, "jsonPayload": payload,
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{
			"project_id": "my-project", "service_name": service, "location": "europe-west1", "revision_name": service +
				"-00001-abc",
		}},
	}
}

// noise is the rest of the log: Cloud Run's entries about an answer "not yet", and
// another service's lines that look like ours.
func noise() []map[string]any {
	return []map[string]any{
		entry("iapguard", "run.googleapis.com%2Frequests", "ERROR", map[string]any{}),
		entry("shop", "run.googleapis.com%2Fstderr", "ERROR",
			map[string]any{"message": "report", "outcome": "blocked", "exposed": "yes", "exposed_minutes": 90.0,
				"waiting_minutes": 2000.0}),
		entry("shop", "run.googleapis.com%2Fstderr", "INFO", map[string]any{"message": "heartbeat", "lag_seconds": 1.0}),
	}
}

// expected returns for each metric, in Go, which lines of the week it counts.
func expected(published map[string]report.Report) map[string]func(line map[string]any) bool {
	reported := func(right func(r report.Report) bool) func(map[string]any) bool {
		return func(line map[string]any) bool {
			id, _ := line["id"].(string)
			r, ok := published[id]
			return ok && line["message"] == "report" && right(r)
		}
	}
	outcome := func(wanted report.Outcome) func(map[string]any) bool {
		return reported(func(r report.Report) bool { return r.Outcome == wanted && r.Mode != "report-only" })
	}
	heartbeat := func(line map[string]any) bool { return line["message"] == "heartbeat" }
	return map[string]func(map[string]any) bool{
		"reports": reported(func(report.Report) bool { return true }),
		"exposed": reported(func(r report.Report) bool {
			return r.Exposed == door.Yes && r.Outcome != report.Exempt && r.Outcome != report.Uncovered && r.ObservedAt.Sub(*r.ExposedSince).Minutes() >= 60
		}),
		"unknown": reported(func(r report.Report) bool {
			return r.Exposed == door.Unknown && r.Outcome != report.Exempt && r.Outcome != report.Uncovered && r.Mode != "report-only"
		}),
		"waiting": reported(func(r report.Report) bool {
			return r.Outcome == report.Waiting && r.WaitingFor.Since != nil &&
				r.ObservedAt.Sub(*r.WaitingFor.Since).Hours() >= 24
		}),
		"blocked": outcome(report.Blocked), "contested": outcome(report.Contested), "held": outcome(report.Held),
		"errors": func(line map[string]any) bool {
			return strings.HasPrefix(line["message"].(string), "message will be delivered again")
		},
		"closed-after": reported(func(r report.Report) bool { return r.ExposedUntil != nil }),
		"heartbeats":   heartbeat, "heartbeat-lag": heartbeat,
	}
}

// metrics runs every metric's filter over all that was logged in the week.
func (w *week) metrics(t *testing.T, entries []map[string]any) {
	published := map[string]report.Report{}
	for _, one := range w.Reports() {
		published[one.ID()] = one
	}
	wanted := expected(published)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(wanted)), slices.Sorted(maps.Keys(logMetrics(t)))); diff != "" {
		t.Fatalf("metrics (-expected +module):\n%s", diff)
	}
	for name, one := range logMetrics(t) {
		filter, err := logging.ParseFilter(one.filter)
		if err != nil {
			t.Errorf("%s: %v in %s", name, err, one.filter)
			continue
		}
		said := count(t, name, filter, entries, wanted[name])
		if len(said) == 0 {
			t.Errorf("%s counts nothing of the whole week", name)
		}
		for _, field := range one.fields {
			if !said[field] {
				t.Errorf("%s extracts %s, which no line that it counts has", name, field)
			}
		}
	}
	queries(t, entries)
}

// count compares the lines that a metric counts with the expected ones, and returns
// their fields.
func count(t *testing.T, name string, filter *logging.Filter, entries []map[string]any,
	wanted func(map[string]any) bool) map[string]bool {
	t.Helper()
	said := map[string]bool{}
	for _, each := range entries {
		line := each["jsonPayload"].(map[string]any)
		if got, want := filter.Match(each), wanted(line); got != want {
			t.Errorf("%s counts a line: %t, want %t: %v", name, got, want, line)
		} else if got {
			for field := range line {
				said["jsonPayload."+field] = true
			}
		}
	}
	for _, each := range noise() {
		if filter.Match(each) {
			t.Errorf("%s counts what is not the function's: %v", name, each)
		}
	}
	return said
}

// harmful are the reports of the week as they would be with the finding HARM. Nobody is
// harmed in the week: that takes a quarter of an hour of visitors, which the story
// unfooled/harm plays.
func harmful(entries []map[string]any) []map[string]any {
	var list []map[string]any
	for _, each := range entries {
		if line := each["jsonPayload"].(map[string]any); line["message"] == "report" {
			each, line = maps.Clone(each), maps.Clone(line)
			line["codes"], each["jsonPayload"] = []any{"HARM"}, line
			list = append(list, each)
		}
	}
	return list
}

// unplayed are lines that the function logs in no week that is played: the story
// stops/break-glass, TestUnreadableHoldsLeaveTheLastGoodOnes and
// TestABrokenPolicyLeavesTheLastGoodOneInForce have them.
func unplayed(entries []map[string]any) []map[string]any {
	var list []map[string]any
	for _, message := range []string{"break glass: a door was opened on purpose", "the holds cannot be read: nothing is written",
		"the policy cannot be read: the last good one stays in force"} {
		each := maps.Clone(entries[0])
		each["jsonPayload"], each["severity"] = map[string]any{"message": message}, "ERROR"
		list = append(list, each)
	}
	// A run of the watch, which the week does not play either.
	failed := maps.Clone(entries[0])
	failed["resource"], failed["severity"] = map[string]any{"type": "bigquery_dts_config"}, "ERROR"
	return append(list, failed)
}

// queries runs the queries of the playbooks that are about the function's lines.
func queries(t *testing.T, entries []map[string]any) {
	entries = slices.Concat(entries, harmful(entries), unplayed(entries))
	read := regexp.MustCompile(`gcloud logging read '([^']+)'`)
	run := 0
	for _, page := range glob(t, filepath.Join("..", "..", "deploy", "playbooks", "*.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range read.FindAllStringSubmatch(string(text), -1) {
			filter, err := logging.ParseFilter(strings.ReplaceAll(match[1], "NAME", "iapguard"))
			if err != nil {
				t.Errorf("%s: %v in %s", page, err, match[1])
				continue
			}
			if !strings.Contains(match[1], "jsonPayload.message") && !strings.Contains(match[1], "severity") {
				continue
			}
			if run++; !slices.ContainsFunc(entries, filter.Match) {
				t.Errorf("%s: the query finds nothing of the whole week: %s", page, match[1])
			}
		}
	}
	if run < 9 {
		t.Errorf("only %d queries were found", run)
	}
}
