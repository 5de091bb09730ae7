package event

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/posture"
)

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestEveryEnvelopeGivesTheSameResult(t *testing.T) {
	want := one(t, []byte(deploy), Self{})
	for name, m := range envelopes(t, []byte(deploy)) {
		got := Parse(m, Self{})
		if len(got) != 1 {
			t.Errorf("%s: %d results, want 1: %+v", name, len(got), got)
			continue
		}
		if diff := cmp.Diff(want, fromAnyEnvelope(got[0])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		hasID := !strings.HasPrefix(name, "UTF") && name != "array" && name != "gzip" && name != "push, unwrapped"
		if wantID := map[bool]string{true: "77"}[hasID]; got[0].Seen.EventID != wantID ||
			got[0].Cause != nil && got[0].Cause.EventID != wantID {
			t.Errorf("%s: event id %q, want %q", name, got[0].Seen.EventID, wantID)
		}
	}
}

// protobuf is an entry as a trigger with application/protobuf delivers it.
func protobuf(t testing.TB, entry []byte) []byte {
	t.Helper()
	var data auditdata.LogEntryData
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(entry, &data); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(&data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProtobufBodiesLeadToTheSameCause(t *testing.T) {
	want := one(t, []byte(deploy), Self{})
	body := protobuf(t, []byte(deploy))
	for name, header := range map[string]http.Header{"as declared": {"Content-Type": {"application/protobuf"}},
		"declared as JSON": {"Content-Type": {"application/json"}}, "undeclared": nil} {
		got := Parse(Message{Header: header, Body: body}, Self{})
		if len(got) != 1 {
			t.Fatalf("%s: %d results", name, len(got))
		}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPublishedMessagesInProtobufAreOpened(t *testing.T) {
	field := func(number protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	attribute := string(append(field(1, "ce-id"), field(2, "77")...))
	message := slices.Concat(field(1, deploy), field(2, attribute), field(3, "m1"), field(4, "\x08\x01"))
	body := slices.Concat(field(1, string(message)), field(2, "projects/p/subscriptions/s"),
		protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 2))
	got := Parse(Message{Body: body}, Self{})
	want := one(t, []byte(deploy), Self{})
	if len(got) != 1 || got[0].Seen.EventID != "77" {
		t.Fatalf("%+v, want one result with event id 77", got)
	}
	if diff := cmp.Diff(want, fromAnyEnvelope(got[0])); diff != "" {
		t.Error(diff)
	}
	for cut := range len(field(1, string(message))) { // a cut message is neither a message nor JSON
		if got := Parse(Message{Body: body[:cut]}, Self{}); len(got) != 1 || got[0].Cause != nil {
			t.Fatalf("cut after %d bytes: %+v, want no cause", cut, got)
		}
	}
}

func TestParseLeavesForeignEntriesAtTheServiceName(t *testing.T) {
	const left = `{"protoPayload":{"serviceName":"bigquery.googleapis.com","request":{"a":["}\"]",{"b":"{"}]}},"insertId":"1"}`
	body := left + "\n" + deploy + "\n" + left + deploy
	var got []string
	for _, r := range Parse(Message{Body: []byte(body)}, Self{}) {
		got = append(got, outcome(r))
	}
	whole := one(t, []byte(deploy), Self{})
	want := []string{"other-service", outcome(whole), "other-service", outcome(whole)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one after the other (-want +got):\n%s", diff)
	}
	got = nil
	for _, r := range Parse(Message{Body: []byte("[" + left + "," + deploy + "]")}, Self{}) {
		got = append(got, outcome(r))
	}
	if diff := cmp.Diff(want[:2], got); diff != "" {
		t.Errorf("in a list (-want +got):\n%s", diff)
	}
	for cut := strings.Index(left, "request"); cut < len(left); cut++ {
		if got := Parse(Message{Body: []byte(left[:cut])}, Self{}); len(got) != 1 || got[0].Ignored != otherService {
			t.Fatalf("cut after %d bytes: %+v, want one entry of another service", cut, got)
		}
	}
}

func TestOwnReportsAreIgnored(t *testing.T) {
	const kind = "dev.iapguard.report.v1.protected"
	for name, m := range map[string]Message{
		"binary":     {Header: http.Header{"Ce-Type": {kind}}, Body: []byte(`{"outcome":"protected"}`)},
		"structured": {Body: []byte(`{"specversion":"1.0","type":"` + kind + `","id":"1","data":{}}`)},
		"Pub/Sub attributes": {
			Body: []byte(`{"message":{"attributes":{"ce-type":"` + kind + `"},"data":"e30=","messageId":"1"}}`)},
		"structured in push": {
			Body: []byte(`{"message":{"data":"` +
				base64.StdEncoding.EncodeToString([]byte(`{"specversion":"1.0","type":"`+kind+`","data":{}}`)) +
				`","messageId":"1"}}`)},
	} {
		if got := Parse(m, Self{}); len(got) != 1 || got[0].Ignored != ownReport {
			t.Errorf("%s: %+v, want %s", name, got, ownReport)
		}
	}
}

func TestUnknownShapesAndUnreadableBodies(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	bomb := gzipped(t, bytes.Repeat([]byte(" "), MaxBody+1))
	nested := []byte(`{}`)
	for range maxEnvelopes + 1 {
		nested = fmt.Appendf(nil, `{"specversion":"1.0","type":"t","data":%s}`, nested)
	}
	for _, tc := range []struct {
		name, body string
		want       Reason
		why        string
	}{
		{"nothing", "", Unreadable, "empty"},
		{"white space", " \n", Unreadable, "empty"},
		{"text", "hello \x1b[31m\nworld", Unreadable, `17 bytes, and begins with "hello \x1b["`},
		{"cut JSON", deploy[:len(deploy)/2], Unreadable, "not valid JSON"},
		{"a stray comma", `{"insertId":"1",}`, Unreadable, "(byte 15)"},
		{"a closing brace too many", `}`, Unreadable, "neither JSON"},
		{"random bytes", "\x12\xff\xff\xff", Unreadable, "neither JSON nor"},
		{"nested 201 deep", deep(maxDepth + 1), Unreadable, "nested more than 200"},
		{"a million brackets", strings.Repeat("[", 1<<20), Unreadable, "nested more than 200"},
		{"nested 200 deep", deep(maxDepth), notALogEntry, "unknown shape"},
		{"brackets within a string", `{"a":"` + strings.Repeat("[", 300) + `\"{"}`, notALogEntry, "unknown shape"},
		{"too large", `{"a":"` + strings.Repeat("x", MaxBody) + `"}`, Unreadable, "larger than"},
		{"a compressed bomb", string(bomb), Unreadable, "larger than"},
		{"broken compression", "\x1f\x8b\x08garbage", Unreadable, "decompressing"},
		{"envelopes without end", string(nested), Unreadable, "more than 5 envelopes"},
		{"a string", `"hello"`, notALogEntry, "neither an object nor a list"},
		{"an empty list", `[]`, notALogEntry, "an empty list"},
		{"a list of numbers", `[1]`, notALogEntry, "not an object"},
		{"an empty object", `{}`, notALogEntry, "unknown shape"},
		{"an entry of nothing but a payload", `{"jsonPayload":{"a":1}}`, otherService, ""},
		{"a payload that is not an object", `{"jsonPayload":1}`, notALogEntry, "unknown shape"},
		{"data without a message's id", `{"data":"e30="}`, notALogEntry, "unknown shape"},
		{"a message's id without data", `{"messageId":"1"}`, notALogEntry, "unknown shape"},
		{"a type without a version of CloudEvents", `{"type":"t"}`, notALogEntry, "unknown shape"},
		{"a finding about nothing", `{"finding":{"name":"organizations/1/x"},"resource":{"name":"y"}}`, notALogEntry,
			"Security Command Center"},
		{"an asset of a feed", `{"asset":{"name":"//run.googleapis.com/x"},"window":{}}`, Unrelated, "not part of the protection"},
		{"a message without data", `{"message":{"messageId":"1"}}`, notALogEntry, "without data"},
		{"a message with empty data", `{"message":{"data":"","messageId":"1"}}`, notALogEntry, "without data"},
		{"a message whose data is not a text", `{"message":{"data":{"a":1},"messageId":"1"}}`, notALogEntry, "without data"},
		{"data that is not base64", `{"message":{"data":"%%%","messageId":"1"}}`, Unreadable, "not base64"},
		{"data that is not JSON", `{"message":{"data":"aGVsbG8=","messageId":"1"}}`, Unreadable, "neither JSON nor"},
		{"a CloudEvent without data", `{"specversion":"1.0","type":"t","id":"1"}`, notALogEntry, "without data"},
		{"a command on another path", `{"command":"apply","target":"projects/demo-project"}`, notALogEntry,
			"only on /commands"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, []byte(tc.body), Self{})
			if r.Ignored != tc.want || !strings.Contains(r.Why, tc.why) {
				t.Errorf("%q, %q; want %q with %q", r.Ignored, r.Why, tc.want, tc.why)
			}
		})
	}
}

func TestCompressedBombsAreRefusedInBoundedMemory(t *testing.T) {
	bomb := bytes.Repeat(gzipped(t, make([]byte, MaxBody)), 12) // gzip reads on over its members
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := one(t, bomb, Self{})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; r.Ignored != Unreadable || used > 10*MaxBody {
		t.Errorf("ignored %q after %d bytes, want %q after at most %d", r.Ignored, used, Unreadable, 10*MaxBody)
	}
}

func TestListsOfTooManyEntriesAreBounded(t *testing.T) {
	got := Parse(Message{Body: []byte("[" + strings.Repeat("{},", 50_000) + "{}]")}, Self{})
	if last := got[len(got)-1]; len(got) != maxEntries+1 || last.Ignored != Unreadable || !strings.Contains(last.Why,
		"more than 20000") {
		t.Errorf("%d results, the last %+v", len(got), last)
	}
}

func TestEntriesOfAListAreReadSeparately(t *testing.T) {
	body := fmt.Appendf(nil, `[%s, {"finding":{}}, %s]`, deploy, deploy)
	var got []string
	for _, r := range Parse(Message{Body: body}, Self{}) {
		got = append(got, string(r.Seen.Kind)+"/"+string(r.Ignored))
	}
	if diff := cmp.Diff([]string{"run-service-changed/", "/not-a-log-entry", "run-service-changed/"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextAfterAnEntryIsRead(t *testing.T) {
	for _, tc := range []struct {
		tail string
		want Reason // of the last result
	}{{"}", Unreadable}, {"]", Unreadable}, {",", Unreadable}, {"x", Unreadable}, {"\n{}", notALogEntry},
		{"\n17", notALogEntry}} {
		got := Parse(Message{Body: []byte(deploy + tc.tail)}, Self{})
		if len(got) != 2 || got[0].Cause == nil || got[1].Ignored != tc.want {
			t.Errorf("an entry and %q: %+v, want a cause and %s", tc.tail, got, tc.want)
		}
	}
}

const denied = `{"insertId":"r1","logName":"projects/demo-project/logs/run.googleapis.com%2Frequests",
  "timestamp":"2026-03-01T10:00:00Z","severity":"WARNING",
  "httpRequest":{"status":403,"requestMethod":"GET","requestUrl":"https://hello-x.a.run.app/a?token=secret#f",
  "requestSize":"13","remoteIp":"203.0.113.9","userAgent":"curl/8"},
  "resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1",
  "service_name":"hello","revision_name":"hello-00001-abc"}},
  "textPayload":"The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header."}`

const refused = `{"insertId":"r2","logName":"projects/demo-project/logs/requests","timestamp":"2026-03-01T10:00:00Z",
  "severity":"INFO",
  "httpRequest":{"status":403,"requestUrl":"https://web.example.com/a"},
  "jsonPayload":{"statusDetails":"handled_by_identity_aware_proxy"},
  "resource":{"type":"http_load_balancer","labels":{"project_id":"demo-project","zone":"global",
  "backend_service_name":"web","url_map_name":"m"}}}`

func TestRequestLogs(t *testing.T) {
	for _, tc := range []struct {
		name, base string
		edits      edits
		want       string // of about, or the reason
	}{
		{"Cloud Run refuses", denied, nil, "run-request-denied|demo-project|us-central1|hello||"},
		{"in the newer words", denied,
			edits{"textPayload": "The request was not authenticated. Either allow public access or …"},
			"run-request-denied|demo-project|us-central1|hello||"},
		{"not authorised", denied, edits{"textPayload": "The request was not authorized to invoke this service."},
			"run-request-denied|demo-project|us-central1|hello||"},
		{"status as a string", denied, edits{"httpRequest.status": "403"},
			"run-request-denied|demo-project|us-central1|hello||"},
		{"the application refuses", denied, edits{"textPayload": nil}, "unrelated"},
		{"bad token", denied, edits{"httpRequest.status": 401}, "run-request-denied|demo-project|us-central1|hello||"},
		{"success", denied, edits{"httpRequest.status": 200}, "unrelated"},
		{"forged by a container", denied, edits{"logName": "projects/demo-project/logs/run.googleapis.com%2Fstdout"},
			"other-service"},
		{"a container's line", denied, edits{"httpRequest": nil}, "other-service"},
		{"written in another project", denied, edits{"logName": "projects/evil-project/logs/run.googleapis.com%2Frequests"},
			"unreadable"},
		{"no service", denied, edits{"resource.labels.service_name": ""}, "unreadable"},
		{"of another service", denied, edits{"resource.type": "gae_app"}, "other-service"},
		{"IAP refuses", refused, nil, "lb-request-denied-by-iap|demo-project|global||web|"},
		{"IAP refuses, regional", refused, edits{"resource.type": "http_external_regional_lb_rule",
			"resource.labels.zone": nil, "resource.labels.region": "europe-west1"},
			"lb-request-denied-by-iap|demo-project|europe-west1||web|"},
		{"IAP refuses, regional, in that log's form", refused, edits{
			"logName":       "projects/demo-project/logs/loadbalancing.googleapis.com%2Fexternal_regional_requests",
			"resource.type": "http_external_regional_lb_rule", "resource.labels.zone": nil,
			"resource.labels.region":               "europe-west1",
			"resource.labels.backend_service_name": nil, "resource.labels.backend_target_name": "web",
			"jsonPayload.statusDetails": nil,
			"jsonPayload.proxyStatus":   `error="http_request_denied"; details="handled_by_identity_aware_proxy"`,
		}, "lb-request-denied-by-iap|demo-project|europe-west1||web|"},
		{"another refusal, regional", refused, edits{
			"logName":                   "projects/demo-project/logs/loadbalancing.googleapis.com%2Frequests",
			"resource.type":             "internal_http_lb_rule",
			"jsonPayload.statusDetails": nil,
			"jsonPayload.proxyStatus":   `error="http_request_denied"; details="denied_by_security_policy"`,
		}, "unrelated"},
		{"a log of another writer", refused, edits{"logName": "projects/demo-project/logs/mine%2Frequests"},
			"other-service"},
		{"IAP asks to sign in", refused, edits{"httpRequest.status": 302}, "unrelated"},
		{"IAP asks a program to sign in", refused, edits{"httpRequest.status": 401}, "unrelated"},
		{"IAP fails", refused, edits{"httpRequest.status": 500}, "lb-request-denied-by-iap|demo-project|global||web|"},
		{"the backend fails", refused, edits{"httpRequest.status": 500,
			"jsonPayload.statusDetails": "response_sent_by_backend"}, "unrelated"},
		{"IAP cannot sign anybody in", refused, edits{"httpRequest.status": 502},
			"lb-request-denied-by-iap|demo-project|global||web|"},
		{"two IAPs", refused, edits{"httpRequest.status": 500, "jsonPayload.statusDetails": "multiple_iap_policies"},
			"lb-request-denied-by-iap|demo-project|global||web|"},
		{"an authorization policy's IAP refuses", refused, edits{"jsonPayload.statusDetails": nil,
			"jsonPayload.proxyStatus": `error="http_request_denied"; details="denied_by_cloud_iap"`},
			"lb-request-denied-by-iap|demo-project|global||web|"},
		{"Cloud Armor refuses", refused, edits{"jsonPayload.statusDetails": "denied_by_security_policy"}, "unrelated"},
		{"the backend refuses", refused, edits{"jsonPayload.statusDetails": "response_sent_by_backend"}, "unrelated"},
		{"no backend service", refused, edits{"resource.labels.backend_service_name": ""}, "unreadable"},
		{"hostile backend service", refused, edits{"resource.labels.backend_service_name": "../x"}, "unreadable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, with(t, tc.base, tc.edits), Self{})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s (%s), want %s", got, r.Why, tc.want)
			}
		})
	}
	want := &Symptom{Status: 403,
		Text: "The request was not authenticated. Either allow unauthenticated invocations or set the proper " +
			"Authorization header.",
		URL: "https://hello-x.a.run.app/a", Method: "GET", UserAgent: "curl/8", Revision: "hello-00001-abc"}
	if r := one(t, []byte(denied), Self{}); r.Cause == nil {
		t.Errorf("ignored %q: %s", r.Ignored, r.Why)
	} else if diff := cmp.Diff(want, r.Cause.Symptom); diff != "" || r.Cause.CallerIP != "203.0.113.9" {
		t.Errorf("caller %q, symptom %s", r.Cause.CallerIP, diff)
	}
}

const incidentOpen = `{"version":"1.2","incident":{"incident_id":"0.abc","scoping_project_id":"monitoring-project",
  "scoping_project_number":1,"state":"open",
  "started_at":1772359200,"ended_at":null,"policy_name":"403s","condition_name":"many",
  "url":"https://console.cloud.google.com/x",
  "resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1",
  "service_name":"hello"}}}}`

func TestAlerts(t *testing.T) {
	for _, tc := range []struct {
		name  string
		edits edits
		want  string // of about, or the reason
		key   string
	}{
		{"open", nil, "alert|demo-project|us-central1|hello||", "alert/0.abc/open"},
		{"closed", edits{"incident.state": "closed", "incident.ended_at": 1772359300},
			"alert|demo-project|us-central1|hello||", "alert/0.abc/closed"},
		{"without a resource", edits{"incident.resource": nil}, "alert|monitoring-project||||", "alert/0.abc/open"},
		{"of a zonal resource", edits{"incident.resource.labels": map[string]any{"location": "us-central1-a"}},
			"alert|monitoring-project||||", "alert/0.abc/open"},
		{"of a global load balancer", edits{"incident.resource.labels": map[string]any{"project_id": "demo-project",
			"backend_service_name": "web"}}, "alert|demo-project|||web|", "alert/0.abc/open"},
		{"of a regional load balancer", edits{"incident.resource.labels": map[string]any{"project_id": "demo-project",
			"region": "us-central1", "backend_target_name": "web"}}, "alert|demo-project|us-central1||web|",
			"alert/0.abc/open"},
		{"a test", edits{"version": "test"}, "unrelated", "alert/0.abc/open"},
		{"another version", edits{"version": "2.0"}, "unreadable", "alert/0.abc/open"},
		{"another state", edits{"incident.state": "ajar"}, "unreadable", "alert/0.abc/ajar"},
		{"a hostile service", edits{"incident.resource.labels.service_name": "../x"}, "unreadable", "alert/0.abc/open"},
		{"no project", edits{"incident.resource": nil, "incident.scoping_project_id": nil,
			"incident.scoping_project_number": nil}, "unreadable", "alert/0.abc/open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, with(t, incidentOpen, tc.edits), Self{})
			if got := outcome(r); got != tc.want || r.Seen.Key != tc.key {
				t.Errorf("%s, key %q (%s), want %s, key %q", got, r.Seen.Key, r.Why, tc.want, tc.key)
			}
		})
	}
	want := &Incident{ID: "0.abc", State: "open", Policy: "403s", Condition: "many",
		URL: "https://console.cloud.google.com/x"}
	if r := one(t, []byte(incidentOpen), Self{}); r.Cause == nil {
		t.Errorf("ignored %q: %s", r.Ignored, r.Why)
	} else if diff := cmp.Diff(want, r.Cause.Incident); diff != "" || !r.Cause.At.Equal(time.Unix(1772359200, 0)) {
		t.Errorf("at %v, incident %s", r.Cause.At, diff)
	}
}

func TestCommandsCountOnTheirOwnPath(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       *Command // nil: unreadable
		why        string
	}{
		{"apply",
			`{"command":"apply","target":"projects/demo-project/locations/us-central1/services/hello","planId":"p1","id":"c1"}`,
			&Command{Name: "apply", Target: "projects/demo-project/locations/us-central1/services/hello", PlanID: "p1",
				ID: "c1"}, ""},
		{"plan of a project", `{"command":"plan","target":"projects/demo-project"}`,
			&Command{Name: "plan", Target: "projects/demo-project"}, ""},
		{"sweep of everything", `{"command":"sweep"}`, &Command{Name: "sweep"}, ""},
		{"sweep of a folder", `{"command":"sweep","target":"folders/12"}`, &Command{Name: "sweep", Target: "folders/12"}, ""},
		{"sweep of a folder by name", `{"command":"sweep","target":"folders/shops"}`, nil, "is not a folder"},
		{"apply to an organization", `{"command":"apply","target":"organizations/9"}`, nil, "is not a resource name"},
		{"due", `{"command":"due"}`, &Command{Name: "due"}, ""},
		{"due for a project", `{"command":"due","target":"projects/demo-project"}`, nil, "due takes none"},
		{"doctor", `{"command":"doctor","target":"projects/demo-project/locations/us-central1/services/hello"}`,
			&Command{Name: "doctor", Target: "projects/demo-project/locations/us-central1/services/hello"}, ""},
		{"doctor of a project", `{"command":"doctor","target":"projects/demo-project"}`, nil, "names no service"},
		{"apply to everything", `{"command":"apply"}`, nil, "is not a resource name"},
		{"an unknown command", `{"command":"delete","target":"projects/demo-project"}`, nil, `command "delete" is unknown`},
		{"a hostile target", `{"command":"apply","target":"projects/../x"}`, nil, "is not a resource name"},
		{"an unknown member", `{"command":"apply","target":"projects/demo-project","dryRun":true}`, nil,
			`no member "dryRun"`},
		{"a plan with a plan", `{"command":"plan","target":"projects/demo-project","planId":"p"}`, nil,
			"only apply takes one"},
		{"two commands in one", `{"command":"plan","command":"apply","target":"projects/demo-project"}`, nil, "occurs twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for form, body := range map[string]string{"bare": tc.body,
				"pushed":    `{"message":{"messageId":"9","data":"` + base64.StdEncoding.EncodeToString([]byte(tc.body)) + `"}}`,
				"in a list": "[1, " + tc.body + "]"} {
				got := Parse(Message{Body: []byte(body), Commands: true}, Self{})
				r := got[len(got)-1]
				switch {
				case tc.want == nil && (r.Ignored != Unreadable || !strings.Contains(r.Why, tc.why) ||
					strings.Contains(r.Why, "\n")):
					t.Errorf("%s: %q, %q; want %q with %q", form, r.Ignored, r.Why, Unreadable, tc.why)
				case tc.want != nil && r.Cause == nil:
					t.Errorf("%s: ignored %q: %s", form, r.Ignored, r.Why)
				case tc.want != nil:
					if diff := cmp.Diff(tc.want, r.Cause.Command); diff != "" {
						t.Errorf("%s: %s", form, diff)
					}
					if above := posture.AboveProject(tc.want.Target); above && r.Cause.Resource != tc.want.Target {
						t.Errorf("%s: the resource is %q", form, r.Cause.Resource)
					}
				}
			}
		})
	}
}

func TestCommandKeysUseTheirIDOrTheMessages(t *testing.T) {
	key := func(messageID, id string) string {
		body, err := json.Marshal(map[string]string{"command": "sweep", "id": id})
		if err != nil {
			t.Fatal(err)
		}
		r := Parse(Message{Header: http.Header{"X-Goog-Pubsub-Message-Id": {messageID}}, Body: body, Commands: true},
			Self{})[0]
		return r.Seen.Key
	}
	if a, b := key("1", "c"), key("2", "c"); a != b || a != "command/c" {
		t.Errorf("one id has the keys %q and %q", a, b)
	}
	if a, b := key("1", ""), key("2", ""); a == b {
		t.Errorf("what Cloud Scheduler sends twice has one key %q", a)
	}
	if a, b := key("1", "a b"), key("1", "a c"); a == b || !strings.HasPrefix(a, "sha256:") {
		t.Errorf("strange ids have the keys %q and %q", a, b)
	}
}

func TestTextFromOutsideIsCutAndEscaped(t *testing.T) {
	hostile := "\x1b[2J\u202eevil\r\n" + strings.Repeat("ä", 1000)
	r := one(t, with(t, denied, edits{"textPayload": "The request was not authenticated " + hostile,
		"httpRequest.userAgent": hostile}), Self{})
	if r.Cause == nil {
		t.Fatalf("ignored %q: %s", r.Ignored, r.Why)
	}
	for _, s := range []string{r.Cause.Symptom.Text, r.Cause.Symptom.UserAgent} {
		if utf8.RuneCountInString(s) > maxText || strings.ContainsAny(s, "\x1b\r\n\u202e") || !json.Valid(fmt.Appendf(nil, "%q", s)) {
			t.Errorf("kept as %q", s)
		}
	}
}
