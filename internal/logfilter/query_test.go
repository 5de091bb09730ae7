package logfilter

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

var (
	hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	noon  = time.Date(2026, 11, 23, 13, 0, 0, 0, time.FixedZone("CET", 3600))
)

// queried finds the services and the methods that Writes asks for.
var queried = regexp.MustCompile(`serviceName="([^"]*)" AND protoPayload\.methodName(=~|:)"([^"]*)"`)

// asks reports whether Writes asks for a method.
func asks(service, method string) bool {
	for _, alternative := range writes {
		part := queried.FindStringSubmatch(alternative)
		pattern := part[3]
		if part[2] == ":" {
			pattern = regexp.QuoteMeta(pattern)
		}
		if part[1] == service && regexp.MustCompile(pattern).MatchString(method) {
			return true
		}
	}
	return false
}

func TestTheQueryForWritesAsksForKnownKindsOnly(t *testing.T) {
	collections, verbs := namesInTable()
	asked := map[event.Kind]bool{}
	for _, service := range append(actingServices(), "other.googleapis.com") {
		for _, collection := range collections {
			for _, verb := range verbs {
				method := "v1." + collection + "." + verb
				if row, known := event.Lookup(service, method); known && asks(service, method) {
					asked[row.Kind] = true
				}
			}
		}
	}
	want := map[event.Kind]bool{}
	for _, kind := range event.WriteKinds() {
		want[kind] = true
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the kinds that event.Writes reads and those that are asked for (-want +got):\n%s", diff)
	}
}

func TestQueriesSelectARequestLog(t *testing.T) {
	const log = `logName="projects/demo-project/logs/run.googleapis.com%2Frequests"
resource.type="cloud_run_revision"
resource.labels.service_name="hello"
resource.labels.location="us-central1"
`
	const denials = log + `httpRequest.status=403
timestamp>="2026-11-23T12:00:00Z"
`
	const text = `textPayload:("request was not authenticated" OR "not authorized to invoke")`
	for _, tc := range []struct{ name, got, want string }{
		{"refusals", Refusals(hello, noon, false), denials + text + "\n-httpRequest.requestUrl:\".run.app/\""},
		{"refusals where IAP guards run.app", Refusals(hello, noon, true), denials + text},
		{"the application's denials", AppDenials(hello, noon), denials + "-" + text},
		{"visits and what gateways send on", Visits(hello, Hosts{[]string{"a.run.app"}, []string{"a.run.app", "b.run.app"}}, noon),
			"((" + log + `httpRequest.status<400
httpRequest.requestUrl:("://a.run.app/")) OR (logName="projects/demo-project/logs/apigateway.googleapis.com%2Frequests"
httpRequest.status<400
jsonPayload.backendRequest.hostname:("a.run.app" OR "b.run.app")))
timestamp>="2026-11-23T12:00:00Z"`},
		{"visits", Visits(hello, Hosts{Asked: []string{"a.run.app", "b.run.app"}}, noon), log + `httpRequest.status<400
httpRequest.requestUrl:("://a.run.app/" OR "://b.run.app/")
timestamp>="2026-11-23T12:00:00Z"`},
		{"successes of a time", Served("demo-project", []string{"a.example.com/shop/", "*.example.com/"}, noon, noon.Add(time.Hour)),
			`(logName="projects/demo-project/logs/run.googleapis.com%2Frequests" OR resource.type=` +
				`("http_external_regional_lb_rule" OR "http_load_balancer" OR "internal_http_lb_rule"))
httpRequest.requestUrl:("://a.example.com/shop/" OR ".example.com/")
(httpRequest.status<300 OR httpRequest.status=304)
timestamp>="2026-11-23T12:00:00Z"
timestamp<"2026-11-23T13:00:00Z"`},
		{"visits of others", VisitsOfOthers(hello, Hosts{}, []string{"10.0.0.7", "10.0.0.8"}, noon),
			log + `httpRequest.status<400
-httpRequest.remoteIp=("10.0.0.7" OR "10.0.0.8")
timestamp>="2026-11-23T12:00:00Z"`},
		{"calls by a gateway", Used(hello, []Calls{{Address: "a.run.app/", Gateway: true}}, noon, noon.Add(time.Hour)),
			`((logName="projects/demo-project/logs/apigateway.googleapis.com%2Frequests"
httpRequest.status<400
jsonPayload.backendRequest.hostname:("a.run.app")))
timestamp>="2026-11-23T12:00:00Z"
timestamp<"2026-11-23T13:00:00Z"
receiveTimestamp<"2026-11-23T13:00:00Z"`},
		{"calls that were logged in time",
			Used(hello, []Calls{{Address: "a.run.app/x", Agents: []string{"A", "B"}}, {}}, noon, noon.Add(time.Millisecond)),
			"((" + log + `httpRequest.status<400
httpRequest.requestUrl:"://a.run.app/x"
httpRequest.userAgent:("A" OR "B")) OR (` + log + `httpRequest.status<400))
timestamp>="2026-11-23T12:00:00Z"
timestamp<"2026-11-23T12:00:00.001Z"
receiveTimestamp<"2026-11-23T12:00:00.001Z"`},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	if got := WritesTo([]string{"a", "b.c"}, noon); !strings.Contains(got, `protoPayload.resourceName=~"/(a|b\\.c)$"`) ||
		!strings.Contains(got, `timestamp>="2026-11-23T12:00:00Z"`) {
		t.Errorf("writes are not bounded in time or to their resources:\n%s", got)
	}
}
