package console

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

const hello = "projects/demo-project/locations/us-central1/services/hello"

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func quiet() *timeline { return newTimeline(func() time.Time { return start }, func() {}) }

// entry is an audit log entry about a resource, by somebody.
func entry(method, resource, by string, n int) json.RawMessage {
	api := "compute.googleapis.com"
	if strings.Contains(method, ".run.") {
		api = "run.googleapis.com"
	}
	text, err := json.Marshal(map[string]any{
		"logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity", "insertId": fmt.Sprint("id", n),
		"timestamp": start.Format(time.RFC3339),
		"resource":  map[string]any{"type": "audited_resource", "labels": map[string]any{"project_id": "demo-project"}},
		"protoPayload": map[string]any{"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": api,
			"methodName": method, "resourceName": resource,
			"authenticationInfo": map[string]any{"principalEmail": by},
			"requestMetadata":    map[string]any{"callerSuppliedUserAgent": "Terraform/1 <script>"}},
	})
	if err != nil {
		panic(err)
	}
	return text
}

func keyOf(n int) string {
	return fmt.Sprintf("projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity/id%d@2026-01-02T03:04:05Z", n)
}

func reportOf(outcome report.Outcome, run string, n int, change ...func(*report.Report)) report.Report {
	r := report.Report{RunID: run, Outcome: outcome, Cause: report.Cause{Key: keyOf(n)},
		Target: &report.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}}
	for _, each := range change {
		each(&r)
	}
	return r
}

func write(method, resource string) apiserver.CallEntry {
	return apiserver.CallEntry{Principal: "serviceAccount:" + playground.FunctionAccount, API: "run", Method: method,
		Resource: resource, Status: 200, Write: true}
}

// shape is an episode as a line for its title and one for each item.
func shape(t *timeline) []string {
	all, _, _ := t.since(0)
	var lines []string
	for _, each := range all {
		lines = append(lines, strings.TrimSpace("== "+each.Service+" "+each.State))
		for _, one := range each.Items {
			lines = append(lines, string(one.Kind)+": "+one.Text)
		}
	}
	return lines
}

const (
	createService = "google.cloud.run.v2.Services.CreateService"
	insertRule    = "v1.compute.globalForwardingRules.insert"
	rule          = "projects/demo-project/global/forwardingRules/hello-https"
	dev           = "dev@example.com"
)

func TestWhatFollowsFromAnEntryIsOneEpisode(t *testing.T) {
	line := quiet()
	line.log(entry(createService, hello, dev, 1))
	line.log(entry(insertRule, rule, dev, 2)) // whose it is, the report says
	line.report(reportOf(report.Deferred, "a", 2))
	line.report(reportOf(report.Started, "b", 1, func(r *report.Report) {
		r.Steps = []report.Step{{Op: "revoke-public", Resource: hello, Why: "anybody may invoke it"}}
	}))
	line.call(write("run.projects.locations.services.setIamPolicy", hello))
	line.call(apiserver.CallEntry{Principal: "user:dev@example.com", Write: true, Resource: hello})
	line.call(apiserver.CallEntry{Principal: "serviceAccount:" + playground.FunctionAccount, Resource: hello})
	line.log(entry("google.cloud.run.v2.Services.SetIamPolicy", hello, playground.FunctionAccount, 3))
	line.report(reportOf(report.Protected, "b", 1))
	line.report(reportOf(report.Compliant, "c", 2))
	line.report(reportOf(report.Compliant, "d", 1))
	line.log(entry(createService, hello, dev, 4))
	want := []string{
		"== " + hello + " protected",
		"log: dev@example.com deployed the service", "log: dev@example.com changed a load balancer",
		"decision: Decided: not yet", "decision: Decided: protect it, in 1 step",
		"call: run.projects.locations.services.setIamPolicy", "report: Protected, and verified by reading again",
		"report: Nothing to do: every door is as the policy wants it",
		"== " + hello, "log: dev@example.com deployed the service",
	}
	got := shape(line)
	// The function's own entry stays: this test's user agent is not the function's.
	got = append(got[:6:6], got[7:]...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A run goes on while the report that it has started is on its way.
func TestAWriteMayBeFasterThanTheReportOfItsRun(t *testing.T) {
	line := quiet()
	line.log(entry(createService, hello, dev, 1))
	line.call(write("run.projects.locations.services.setIamPolicy", hello))
	line.call(write("compute.backendServices.patch", "projects/demo-project/global/backendServices/billing-backend"))
	line.report(reportOf(report.Started, "a", 1, func(r *report.Report) {
		r.Steps = []report.Step{{Op: "revoke-public", Resource: hello, Why: "anybody may invoke it"}}
	}))
	line.report(reportOf(report.Protected, "a", 1))
	want := []string{"== " + hello + " protected", "log: " + dev + " deployed the service",
		"decision: Decided: protect it, in 1 step", "call: run.projects.locations.services.setIamPolicy",
		"report: Protected, and verified by reading again"}
	if diff := cmp.Diff(want, shape(line)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPartsOfALoadBalancerLeadToTheirService(t *testing.T) {
	line := quiet()
	const neg, backend = "projects/demo-project/regions/us-central1/networkEndpointGroups/hello-neg",
		"projects/demo-project/global/backendServices/hello-backend"
	withRequest := func(method, resource, request string, n int) {
		var made map[string]any
		if err := json.Unmarshal(entry(method, resource, dev, n), &made); err != nil {
			t.Fatal(err)
		}
		made["protoPayload"].(map[string]any)["request"] = json.RawMessage(request)
		text, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		line.log(text)
	}
	const insertBackend = "v1.compute.backendServices.insert"
	withRequest("v1.compute.regionNetworkEndpointGroups.insert", neg, `{"cloudRun":{"service":"hello"}}`, 1)
	withRequest(insertBackend, backend, `{"backends":[{"group":"https://www.googleapis.com/compute/v1/`+neg+`"}]}`, 2)
	withRequest(insertBackend, backend+"-2", `{"backends":[{"group":"`+neg+`-2"}]}`, 3)
	withRequest(insertBackend, backend+"-3", `["no object"]`, 4)
	want := []string{
		"== " + hello, "log: dev@example.com changed a load balancer", "log: dev@example.com changed a backend service",
		"==", "log: dev@example.com changed a backend service",
	}
	if diff := cmp.Diff(want, shape(line)[:5]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAContestNamesTheFixAtItsSource(t *testing.T) {
	got := reportItem(reportOf(report.Contested, "a", 1, func(r *report.Report) {
		r.WaitingFor = &report.WaitingFor{What: "a pause"}
		r.Contest = &report.Contest{Rounds: 3, Field: "iap.enabled", Fix: "resource \"x\" {\n  iap {}\n}\n"}
	}))
	if want := "iap.enabled was undone 3 times. The fix at its source:"; got.Detail != want || len(got.Block) != 3 {
		t.Errorf("%q and %q, want %q and three lines", got.Detail, got.Block, want)
	}
}

func TestTheTimelineIsBounded(t *testing.T) {
	line := quiet()
	for n := range 10_000 {
		service := fmt.Sprintf("projects/demo-project/locations/us-central1/services/s%d", n%100)
		line.log(entry(createService, service, dev, n))
	}
	all, kept, version := line.since(0)
	if len(all) != maxEpisodes || len(kept) != maxEpisodes || len(line.claimed) > maxEpisodes*100 {
		t.Errorf("%d episodes, %d ids, %d causes", len(all), len(kept), len(line.claimed))
	}
	for n := range 10_000 {
		line.log(entry(createService, hello, dev, 20_000+n))
	}
	all, _, _ = line.since(version)
	if len(all) != 1 || len(all[0].Items) != maxItems || all[0].LeftOff != 10_000-maxItems {
		t.Fatalf("%d episodes changed, the first with %d items and %d left off", len(all), len(all[0].Items), all[0].LeftOff)
	}
	if len(line.claimed) > (maxEpisodes+1)*maxItems {
		t.Errorf("%d causes are remembered", len(line.claimed))
	}
}

func TestHostileTextsOfTheLogAreEscaped(t *testing.T) {
	line := quiet()
	const script = "<script>alert(1)</script>\u202e\x1b[31m"
	line.log(entry(createService, hello, script+"@example.com", 1))
	line.press(hello, script, script)
	line.report(reportOf(report.Started, script, 1, func(r *report.Report) {
		r.Steps = []report.Step{{Op: script, Resource: hello, Why: script}}
	}))
	line.call(write(script, hello))
	line.report(reportOf(report.Outcome(script), "b", 1, func(r *report.Report) {
		r.WaitingFor = &report.WaitingFor{What: script}
	}))
	line.report(reportOf(report.Contested, "c", 1, func(r *report.Report) {
		r.Contest = &report.Contest{Field: script, Fix: strings.Repeat(script, 1000)}
	}))
	all, _, _ := line.since(0)
	for _, each := range all {
		html := render("episode", each)
		if strings.Contains(html, "<script") || strings.ContainsAny(html, "\u202e\x1b") || len(html) > 10_000 {
			t.Errorf("%d bytes: %.2000s", len(html), html)
		}
	}
}
