package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// deploy is the audit entry of a deploy by gcloud: v1, a name without a region.
const deploy = `{
  "insertId": "1x2y3z", "logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
  "timestamp": "2026-03-01T10:00:00.123456Z", "receiveTimestamp": "2026-03-01T10:00:01Z", "severity": "NOTICE",
  "resource": {"type": "cloud_run_revision", "labels": {"project_id": "demo-project", "location": "us-central1",
    "service_name": "hello", "configuration_name": "", "revision_name": ""}},
  "protoPayload": {
    "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "status": {},
    "serviceName": "run.googleapis.com", "methodName": "google.cloud.run.v1.Services.ReplaceService",
    "resourceName": "namespaces/demo-project/services/hello",
    "authenticationInfo": {"principalEmail": "alice@example.com"},
    "requestMetadata": {"callerIp": "203.0.113.7",
    "callerSuppliedUserAgent": "google-cloud-sdk gcloud/583.0.0,gzip(gfe)"},
    "authorizationInfo": [{"permission": "run.services.update", "granted": true}],
    "request": {}, "response": {}}}`

const deployKey = "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity/1x2y3z@2026-03-01T10:00:00.123456Z"

// edits change an entry: a dotted path to its new value; nil removes it.
type edits map[string]any

// with gives the base entry with edits.
func with(t testing.TB, base string, e edits) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(base), &root); err != nil {
		t.Fatal(err)
	}
	for path, value := range e {
		at := root
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		last := names[len(names)-1]
		if value == nil {
			delete(at, last)
		} else {
			at[last] = value
		}
	}
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one parses a body that holds one entry.
func one(t testing.TB, body []byte, self Self) Result {
	t.Helper()
	results := Parse(Message{Body: body}, self)
	if len(results) != 1 {
		t.Fatalf("Parse gives %d results, want 1: %+v", len(results), results)
	}
	if r := results[0]; (r.Cause == nil) == (r.Ignored == "") {
		t.Fatalf("Parse gives both or neither of cause and reason: %+v", r)
	}
	return results[0]
}

func TestADeployFillsTheCause(t *testing.T) {
	got := one(t, []byte(deploy), Self{})
	want := &Cause{
		Kind: RunServiceChanged, Method: "google.cloud.run.v1.Services.ReplaceService",
		Project: "demo-project", Location: "us-central1", Service: "hello",
		Principal: "alice@example.com", UserAgent: "google-cloud-sdk gcloud/583.0.0,gzip(gfe)", CallerIP: "203.0.113.7",
		At: time.Date(2026, 3, 1, 10, 0, 0, 123456000, time.UTC), Key: deployKey,
	}
	if diff := cmp.Diff(want, got.Cause); diff != "" {
		t.Error(diff)
	}
}

// TestOddEntriesAreRead has one case for each oddity that real entries have
// shown. Unless a case says otherwise the deploy is still read as itself.
func TestOddEntriesAreRead(t *testing.T) {
	const payload = "protoPayload."
	for _, tc := range []struct {
		trap    string
		edits   edits
		ignored Reason
		// what may differ from the deploy without the trap
		hashed bool // the key
	}{
		{trap: "no methodName", edits: edits{payload + "methodName": nil}, ignored: Unrelated},
		{trap: "no serviceName", edits: edits{payload + "serviceName": nil}},
		{trap: "no resourceName", edits: edits{payload + "resourceName": nil}},
		{trap: "no severity", edits: edits{"severity": nil}},
		{trap: "no principal", edits: edits{payload + "authenticationInfo": nil}},
		{trap: "an empty authenticationInfo", edits: edits{payload + "authenticationInfo": map[string]any{}}},
		{trap: "no insertId", edits: edits{"insertId": nil}, hashed: true},
		{trap: "no logName", edits: edits{"logName": nil}, hashed: true},
		{trap: "no time at all", edits: edits{"timestamp": nil, "receiveTimestamp": nil}, hashed: true},
		{trap: "timestamp inside protoPayload",
			edits: edits{"timestamp": nil, payload + "timestamp": "2026-03-01T10:00:00.123456Z"}},
		{trap: "a time without T and zone", edits: edits{"timestamp": "2026-03-01 10:00:00.123456000"}},
		{trap: "a time with an offset", edits: edits{"timestamp": "2026-03-01T11:00:00.123456+01:00"}},
		{trap: "granted absent",
			edits: edits{payload + "authorizationInfo": []any{map[string]any{"permission": "run.services.update"}}}},
		{trap: "granted false in one row of two",
			edits: edits{payload + "authorizationInfo": []any{map[string]any{"granted": false},
				map[string]any{"granted": true}}}},
		{trap: "no status", edits: edits{payload + "status": nil}},
		{trap: "status with a message only", edits: edits{payload + "status": map[string]any{"message": "done"}}},
		{trap: "status with code 0", edits: edits{payload + "status": map[string]any{"code": 0}}},
		{trap: "status with a response beside it",
			edits: edits{payload + "status": map[string]any{},
				payload + "response": map[string]any{"status": map[string]any{"code": 7}}}},
		{trap: "status code as a string", edits: edits{payload + "status": map[string]any{"code": "7"}}, ignored: failedCall},
		{trap: "a failed call with a response",
			edits: edits{payload + "status": map[string]any{"code": 10},
				payload + "response": map[string]any{"metadata": map[string]any{}}}, ignored: failedCall},
		{trap: "severity ERROR without a status", edits: edits{"severity": "ERROR", payload + "status": nil},
			ignored: failedCall},
		{trap: "severity ERROR of a success", edits: edits{"severity": "ERROR"}},
		{trap: "unknown @type", edits: edits{payload + "@type": "type.googleapis.com/google.cloud.audit.v9.AuditLog"}},
		{trap: "no @type, as Eventarc delivers", edits: edits{payload + "@type": nil}},
		{trap: "strings where objects belong", edits: edits{payload + "requestMetadata": "...",
			payload + "resourceLocation": "...", payload + "request": "...", payload + "response": "..."}},
		{trap: "the resource is a string", edits: edits{"resource": "...",
			payload + "resourceName": "projects/demo-project/locations/us-central1/services/hello"}},
		{trap: "objects where strings belong", edits: edits{"severity": map[string]any{"a": 1}, payload + "@type": []any{1}}},
		{trap: "null where objects belong", edits: edits{"operation": json.RawMessage("null"),
			payload + "status": json.RawMessage("null")}},
		{trap: "a garbled fingerprint",
			edits: edits{payload + "request": map[string]any{"fingerprint": "\u0001\u007f\ufffd\ufffd\u0000"}}},
		{trap: "the service's label is empty", edits: edits{"resource.labels.service_name": ""}},
		{trap: "all labels are empty", edits: edits{"resource.labels": map[string]any{"project_id": "", "location": "",
			"service_name": ""}, payload + "resourceName": "projects/demo-project/locations/us-central1/services/hello"}},
		{trap: "only resourceLocation has the region",
			edits: edits{"resource.labels.location": nil,
				payload + "resourceLocation": map[string]any{"currentLocations": []any{"us-central1"}}}},
		{trap: "the console's request has the region",
			edits: edits{"resource.labels.location": nil, payload + "request": map[string]any{"region": "us-central1"}}},
		{trap: "the v2 request has parent and service id",
			edits: edits{"resource.labels": nil, payload + "resourceName": "projects/demo-project/locations/us-central1",
				payload + "request": map[string]any{"parent": "projects/demo-project/locations/us-central1",
					"serviceId": "hello"}}},
		{trap: "only the v1 body has the service",
			edits: edits{"resource.labels.service_name": nil, payload + "resourceName": nil,
				payload + "request": map[string]any{"service": map[string]any{"metadata": map[string]any{"name": "hello"}}}}},
		{trap: "the name says the number, the label the id",
			edits: edits{payload + "resourceName": "projects/123456789012/locations/us-central1/services/hello"}},
		{trap: "the name of a revision",
			edits: edits{payload + "resourceName": "namespaces/demo-project/revisions/hello-00001-abc"}},
		{trap: "a full resource name",
			edits: edits{payload +
				"resourceName": "//run.googleapis.com/projects/demo-project/locations/us-central1/services/hello"}},
		{trap: "a resource name of no known form", edits: edits{payload + "resourceName": "hello"}},
		{trap: "an operation without first and last", edits: edits{"operation": map[string]any{"id": "o", "producer": "p"}}},
		{trap: "an empty operation", edits: edits{"operation": map[string]any{}}},
		{trap: "first and last in one entry", edits: edits{"operation": map[string]any{"first": true, "last": true}}},
		{trap: "first as a string", edits: edits{"operation": map[string]any{"first": "true"}}, ignored: FirstHalf},
		{trap: "the first half of a pair", edits: edits{"operation": map[string]any{"first": true}}, ignored: FirstHalf},
		{trap: "the second half of a pair", edits: edits{"operation": map[string]any{"last": true}}},
		{trap: "a log name without /logs",
			edits: edits{"logName": "projects/demo-project/cloudaudit.googleapis.com%2Factivity"}, hashed: true},
		{trap: "enrichment beside the entry", edits: edits{"p_log_type": "GCP.AuditLog",
			"p_any_ip_addresses": []any{"203.0.113.7"}}},
	} {
		t.Run(tc.trap, func(t *testing.T) {
			r := one(t, with(t, deploy, tc.edits), Self{})
			if r.Ignored != tc.ignored {
				t.Fatalf("ignored %q (%s), want %q", r.Ignored, r.Why, tc.ignored)
			}
			if tc.ignored != "" {
				return
			}
			want := [...]string{"run-service-changed", "demo-project", "us-central1", "hello"}
			if got := [...]string{string(r.Cause.Kind), r.Cause.Project, r.Cause.Location, r.Cause.Service}; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if got := r.Cause.Key == deployKey; got == tc.hashed || r.Cause.Key == "" {
				t.Errorf("key %q, want one other than the deploy's: %t", r.Cause.Key, tc.hashed)
			}
		})
	}
}

func TestOtherSpellingsOfNamesAreRead(t *testing.T) {
	lower := strings.NewReplacer("insertId", "insertid", "logName", "logname", "protoPayload", "protopayload",
		"serviceName", "servicename",
		"methodName", "methodname", "resourceName", "resourcename", "authenticationInfo", "authenticationinfo",
		"principalEmail", "principalemail",
		"requestMetadata", "requestmetadata", `"callerIp"`, `"callerip"`, "callerSuppliedUserAgent",
		"callersupplieduseragent", "@type", "at_sign_type")
	panther := strings.NewReplacer("@type", "at_sign_type", `"callerIp"`, `"callerIP"`, "2026-03-01T10:00:00.123456Z",
		"2026-03-01 10:00:00.123456000")
	snakes := strings.NewReplacer("insertId", "insert_id", "logName", "log_name", "protoPayload", "proto_payload",
		"serviceName", "service_name",
		"methodName", "method_name", "resourceName", "resource_name", "authenticationInfo", "authentication_info",
		"principalEmail", "principal_email",
		"requestMetadata", "request_metadata", `"callerIp"`, `"caller_ip"`, "callerSuppliedUserAgent",
		"caller_supplied_user_agent")
	want := one(t, []byte(deploy), Self{})
	for name, r := range map[string]*strings.Replacer{"in lower case": lower, "as Panther normalises": panther,
		"in snake case": snakes} {
		if diff := cmp.Diff(want, one(t, []byte(r.Replace(deploy)), Self{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestGooglesSpellingWins(t *testing.T) {
	for _, body := range []string{
		strings.Replace(deploy, `"insertId": "1x2y3z"`, `"insertId": "1x2y3z", "insertid": "other"`, 1),
		strings.Replace(deploy, `"insertId": "1x2y3z"`, `"insertid": "other", "insertId": "1x2y3z"`, 1),
	} {
		if r := one(t, []byte(body), Self{}); r.Cause == nil || r.Cause.Key != deployKey {
			t.Errorf("ignored %q (%s), key %q, want the deploy with key %q", r.Ignored, r.Why, r.Seen.Key, deployKey)
		}
	}
}

func TestPiecesOfASplitEntryShareAKey(t *testing.T) {
	first := one(t, with(t, deploy, edits{"insertId": "a", "split.uid": "u", "split.index": 0, "split.totalSplits": 2}),
		Self{})
	second := one(t, with(t, deploy, edits{"insertId": "b", "split.uid": "u", "split.index": 1, "split.totalSplits": 2}),
		Self{})
	other := one(t, with(t, deploy, edits{"insertId": "a", "split.uid": "v"}), Self{})
	if first.Cause == nil || first.Seen.Key != second.Seen.Key || first.Seen.Key == other.Seen.Key {
		t.Errorf("keys %q, %q and of another entry %q", first.Seen.Key, second.Seen.Key, other.Seen.Key)
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		edits edits
		why   string
	}{
		{"a path in the label", edits{"resource.labels.service_name": "../../x"}, "is not a valid service"},
		{"a path in the resource name", edits{"protoPayload.resourceName": "namespaces/../services/hello"},
			"is not a valid project"},
		{"an escaped slash", edits{"resource.labels.service_name": "a%2Fb"}, "is not a valid service"},
		{"a space", edits{"resource.labels.location": "us central1"}, "is not a valid location"},
		{"a line break", edits{"resource.labels.project_id": "demo-project\nx"}, "is not a valid project"},
		{"300 characters", edits{"resource.labels.service_name": strings.Repeat("a", 300)}, "is not a valid service"},
		{"a resource name of 5000 characters", edits{"protoPayload.resourceName": "namespaces/" + strings.Repeat("a",
			5000)}, "is not a valid project"},
		{"another project in the resource name",
			edits{"protoPayload.resourceName": "namespaces/other-project/services/hello"},
			"contradictory names of the project"},
		{"another number than number", edits{"resource.labels.project_id": "123",
			"protoPayload.resourceName": "namespaces/456/services/hello"}, "contradictory names of the project"},
		{"another service in the resource name",
			edits{"protoPayload.resourceName": "namespaces/demo-project/services/other"},
			"contradictory names of the service"},
		{"another region in the resource name",
			edits{"protoPayload.resourceName": "projects/demo-project/locations/europe-west1/services/hello"},
			"contradictory names of the location"},
		{"no service anywhere", edits{"resource.labels.service_name": nil, "protoPayload.resourceName": nil},
			"no service is named"},
		{"no location anywhere", edits{"resource.labels.location": nil}, "no location is named"},
		{"several locations and no label", edits{"resource.labels.location": nil,
			"protoPayload.resourceLocation": map[string]any{"currentLocations": []any{"us-central1", "us-east1"}}},
			"no location is named"},
		{"no project anywhere", edits{"resource.labels.project_id": nil, "protoPayload.resourceName": nil, "logName": nil},
			"no project is named"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, with(t, deploy, tc.edits), Self{})
			if r.Ignored != Unreadable || !strings.Contains(r.Why, tc.why) || strings.ContainsAny(r.Why,
				"\n\r") || len(r.Why) > 300 {
				t.Errorf("ignored %q, %q; want %q, one short line with %q", r.Ignored, r.Why, Unreadable, tc.why)
			}
		})
	}
}

func TestIgnoredEntriesShowValidLabelsOnly(t *testing.T) {
	elsewhere := with(t, deploy, edits{"protoPayload.serviceName": "bigquery.googleapis.com",
		"protoPayload.methodName": "x"})
	for _, tc := range []struct {
		name  string
		edits edits
		want  Cause
	}{
		{"valid ones", nil, Cause{Project: "demo-project", Location: "us-central1", Service: "hello"}},
		{"a path for a project", edits{"resource.labels.project_id": "../x"},
			Cause{Location: "us-central1", Service: "hello"}},
		{"a space in the location", edits{"resource.labels.location": "us central1"},
			Cause{Project: "demo-project", Service: "hello"}},
		{"a line break in the service", edits{"resource.labels.service_name": "a\nb"},
			Cause{Project: "demo-project", Location: "us-central1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got Cause
			if err := Read(bytes.NewReader(with(t, string(elsewhere), tc.edits)), Self{},
				func(_ int, r Result) error { got = r.Seen; return nil }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, Cause{Project: got.Project, Location: got.Location, Service: got.Service}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntriesHaveTheBestTimeAvailable(t *testing.T) {
	e := edits{}
	for _, tc := range []struct{ without, want string }{
		{"", "2026-03-01T10:00:00.123456Z"},
		{"timestamp", "2026-03-01T10:00:00.5Z"},
		{"protoPayload.timestamp", "2026-03-01T10:00:01Z"},
		{"receiveTimestamp", "2026-03-01T09:59:59Z"},
		{"protoPayload.requestMetadata", "0001-01-01T00:00:00Z"},
	} {
		if tc.without != "" {
			e[tc.without] = nil
		}
		full := with(t, deploy, edits{"protoPayload.timestamp": "2026-03-01T10:00:00.5Z",
			"protoPayload.requestMetadata.requestAttributes": map[string]any{"time": "2026-03-01T09:59:59Z",
				"auth": "2020-01-01T00:00:00Z"}})
		if got := one(t, with(t, string(full), e), Self{}).Seen.At.Format(time.RFC3339Nano); got != tc.want {
			t.Errorf("also without %q: %s, want %s", tc.without, got, tc.want)
		}
	}
}

func TestContradictoryMembersAreRefused(t *testing.T) {
	body := strings.Replace(deploy, `"project_id": "demo-project"`,
		`"project_id": "demo-project", "project_id": "other-project"`, 1)
	if r := one(t, []byte(body), Self{}); r.Ignored != Unreadable || !strings.Contains(r.Why, "project_id occurs twice") {
		t.Errorf("ignored %q: %s", r.Ignored, r.Why)
	}
	same := strings.Replace(deploy, `"project_id": "demo-project"`,
		`"project_id": "demo-project", "project_id": "demo-project"`, 1)
	if r := one(t, []byte(same), Self{}); r.Cause == nil {
		t.Errorf("the same value twice is ignored as %q: %s", r.Ignored, r.Why)
	}
}

func TestOnlyGooglesOwnLogsCount(t *testing.T) {
	for _, tc := range []struct {
		log  string
		want Reason
	}{
		{"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity", ""},
		{"projects/demo-project/logs/cloudaudit.googleapis.com%2Fsystem_event", ""},
		{"organizations/1/logs/cloudaudit.googleapis.com/activity", ""},
		{"projects/demo-project/logs/cloudaudit.googleapis.com%2Fpolicy", failedCall},
		{"projects/demo-project/logs/my-app", otherService},
		{"projects/demo-project/logs/run.googleapis.com%2Fstdout", otherService},
		{"projects/demo-project/logs/xcloudaudit.googleapis.com%2Factivity", otherService},
	} {
		if r := one(t, with(t, deploy, edits{"logName": tc.log}), Self{}); r.Ignored != tc.want {
			t.Errorf("%s: ignored %q (%s), want %q", tc.log, r.Ignored, r.Why, tc.want)
		}
	}
}

func TestOwnWritesNeedPrincipalAndProduct(t *testing.T) {
	const guard, writer = "guard@demo-project.iam.gserviceaccount.com", "writer@demo-project.iam.gserviceaccount.com"
	self := Self{Principals: []string{guard, writer}, UserAgent: "iapguard"}
	for _, tc := range []struct {
		name, principal, agent string
		own                    bool
	}{
		{"as Google's client sends it", guard, "google-api-go-client/0.5 iapguard/1.2.3,gzip(gfe)", true},
		{"the product first", guard, "iapguard/dev", true},
		{"in another case of the address", strings.ToUpper(guard), "iapguard/dev", true},
		{"one of those that it writes as", writer, "google-api-go-client/0.5 iapguard/1.2.3,gzip(gfe)", true},
		{"another principal", "alice@example.com", "google-api-go-client/0.5 iapguard/1.2.3,gzip(gfe)", false},
		{"another product", guard, "google-cloud-sdk gcloud/583.0.0", false},
		{"a product that ends alike", guard, "notiapguard/1.2.3", false},
		{"the word without a version", guard, "iapguard", false},
		{"no principal", "", "iapguard/1.2.3", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := with(t, deploy, edits{"protoPayload.authenticationInfo.principalEmail": tc.principal,
				"protoPayload.requestMetadata.callerSuppliedUserAgent": tc.agent})
			if r := one(t, body, self); (r.Ignored == OwnWrite) != tc.own {
				t.Errorf("ignored %q, want own write: %t", r.Ignored, tc.own)
			}
			if r := one(t, body, Self{}); r.Ignored == OwnWrite {
				t.Errorf("an own write without accounts")
			}
		})
	}
}
