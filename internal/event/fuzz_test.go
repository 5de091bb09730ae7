package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/iapguard/iapguard/internal/posture"
)

var reasons = []Reason{otherService, ReadCall, failedCall, FirstHalf, OwnWrite, ownReport, outOfScope, Unrelated,
	notALogEntry, Unreadable}

// sound checks what is true of every result.
func sound(t *testing.T, r Result) {
	t.Helper()
	if (r.Cause == nil) != slices.Contains(reasons, r.Ignored) {
		t.Fatalf("cause %+v, ignored %q", r.Cause, r.Ignored)
	}
	for _, s := range []string{r.Why, r.Seen.Method, r.Seen.Principal, r.Seen.UserAgent, r.Seen.CallerIP, r.Seen.Key,
		r.Seen.EventID} {
		if len(s) > 1500 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Fatalf("text that is not safe to show: %q", s)
		}
	}
	for _, c := range []*Cause{r.Cause, &r.Seen} {
		if c == nil {
			continue
		}
		for _, n := range []struct {
			name  string
			valid func(string) bool
		}{{c.Project, posture.ValidProject}, {c.Location, posture.ValidLocation}, {c.Service, posture.ValidService},
			{c.BackendService, validBackend}} {
			if n.name != "" && !n.valid(n.name) {
				t.Fatalf("the invalid name %q was accepted", n.name)
			}
		}
		if strings.Contains(c.Resource, "..") || strings.ContainsAny(c.Resource, "%?# \\\n") {
			t.Fatalf("the invalid resource name %q was accepted", c.Resource)
		}
	}
	if c := r.Cause; c != nil && (c.Kind == "" || c.Key == "") {
		t.Fatalf("a cause without kind or key: %+v", c)
	}
}

func allSound(t *testing.T, results []Result) {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("no result")
	}
	for _, r := range results {
		sound(t, r)
	}
}

func seeds(f *testing.F) [][]byte {
	f.Helper()
	return [][]byte{
		[]byte(deploy), []byte(denied), []byte(refused), []byte(incidentOpen),
		audited(f, "compute.googleapis.com", "v1.compute.backendServices.patch",
			"projects/demo-project/global/backendServices/web", nil),
		audited(f, "iap.googleapis.com", "google.cloud.iap.v1.IdentityAwareProxyAdminService.SetIamPolicy",
			"projects/1/iap_web/compute/services/7", nil),
		audited(f, "cloudresourcemanager.googleapis.com", "SetIamPolicy", "projects/demo-project",
			edits{
				"protoPayload.serviceData": map[string]any{
					"policyDelta": map[string]any{"bindingDeltas": []any{map[string]any{"role": "roles/run.invoker"}}}}}),
		audited(f, "serviceusage.googleapis.com", "google.api.serviceusage.v1.ServiceUsage.DisableService",
			"projects/1/services/iap.googleapis.com", nil),
		[]byte(`{"command":"apply","target":"projects/demo-project","id":"1"}`), []byte("[1,{}]"),
		[]byte("{\"a\":\"\\ud800\xff\"}"),
	}
}

// FuzzBody posts bodies: unwrapped pushes, Eventarc's binary mode in JSON, and
// anything else.
func FuzzBody(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, body []byte, commands bool) {
		results := Parse(Message{Body: body, Commands: commands}, Self{})
		allSound(t, results)
		if !commands && slices.ContainsFunc(results, func(r Result) bool { return r.Seen.Kind == CommandReceived }) {
			t.Fatal("a command counts on another path")
		}
		sameAsRead(t, body)
	})
}

// sameAsRead compares Parse, which leaves entries of other services early, with
// Read, which reads every entry to its end.
func sameAsRead(t *testing.T, body []byte) {
	var read, parsed []Result
	err := Read(bytes.NewReader(body), Self{}, func(_ int, r Result) error {
		read = append(read, fromAnyEnvelope(r))
		return nil
	})
	unreadable := slices.ContainsFunc(read, func(r Result) bool { return r.Ignored == Unreadable })
	if err != nil || unreadable || !json.Valid(body) || bytes.Contains(body, []byte("specversion")) {
		return // they may stop at different places, or the object is both an entry and an envelope
	}
	for _, r := range Parse(Message{Body: body}, Self{}) {
		parsed = append(parsed, fromAnyEnvelope(r))
	}
	if diff := cmp.Diff(read, parsed); diff != "" && len(read) > 0 {
		t.Fatalf("(-Read +Parse):\n%s", diff)
	}
}

// FuzzPush wraps a body in a push, which must not change the result.
func FuzzPush(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return // a message without data has another result
		}
		body, err := json.Marshal(map[string]any{"message": map[string]any{"data": base64.StdEncoding.EncodeToString(data)}})
		if err != nil {
			t.Fatal(err)
		}
		inside := Parse(Message{Body: data}, Self{})
		outside := Parse(Message{Body: body}, Self{})
		allSound(t, outside)
		if inner := inside[0]; inner.Ignored == Unreadable || strings.Contains(string(data),
			"specversion") || strings.Contains(string(data), "message") {
			return // the push counts as one more envelope
		}
		for i := range inside {
			inside[i], outside[i] = fromAnyEnvelope(inside[i]), fromAnyEnvelope(outside[i])
		}
		if diff := cmp.Diff(inside, outside); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzPushEnvelope posts broken envelopes.
func FuzzPushEnvelope(f *testing.F) {
	data := base64.StdEncoding.EncodeToString([]byte(deploy))
	f.Add([]byte(`{"message":{"data":"` + data + `","messageId":"1","attributes":{"ce-type":"x"}},"subscription":"s"}`))
	f.Add([]byte(`{"message":{"data":"` + data + `","message_id":1}}`))
	f.Add([]byte(`{"data":"` + data + `","messageId":"1"}`))
	f.Add([]byte(`{"message":{"data":17,"attributes":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) { allSound(t, Parse(Message{Body: body}, Self{})) })
}

// FuzzStructured posts CloudEvents in structured and batch mode.
func FuzzStructured(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","type":"google.cloud.audit.log.v1.written","id":"1","data":` + deploy + `}`))
	f.Add([]byte(`[{"specversion":"1.0","type":"t","data_base64":"e30="},{"specversion":"1.0","type":"t","data":"{}"}]`))
	f.Add([]byte(`{"specversion":"1.0","type":"dev.iapguard.report.v1.protected","data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) { allSound(t, Parse(Message{Body: body}, Self{})) })
}

// FuzzBinary sets the headers of CloudEvents and of unwrapped pushes.
func FuzzBinary(f *testing.F) {
	f.Add("google.cloud.audit.log.v1.written", "1", "application/json", []byte(deploy))
	f.Add("dev.iapguard.report.v1.x", "\x00", "", []byte("{}"))
	f.Fuzz(func(t *testing.T, kind, id, content string, body []byte) {
		h := http.Header{"Ce-Type": {kind}, "Ce-Id": {id}, "Content-Type": {content}}
		allSound(t, Parse(Message{Header: h, Body: body}, Self{}))
	})
}

// FuzzProtobuf posts protobuf bodies.
func FuzzProtobuf(f *testing.F) {
	f.Add(protobuf(f, []byte(deploy)))
	f.Add([]byte("\x12\x00"))
	f.Fuzz(func(t *testing.T, body []byte) { allSound(t, Parse(Message{Body: body}, Self{})) })
}

// FuzzNames puts hostile names into every member that has a name.
func FuzzNames(f *testing.F) {
	for _, resource := range []string{"namespaces/p/services/s",
		"projects/demo-project/locations/us-central1/services/hello", "projects/1/iap_web/compute-us-central1/services/x",
		"projects/demo-project/global/backendServices/web", "//run.googleapis.com/projects/p/../x",
		"projects/%2F/services/a b"} {
		f.Add("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService", resource, "demo-project", "us-central1",
			"hello")
		f.Add("compute.googleapis.com", "v1.compute.regionBackendServices.patch", resource, "", "", "")
		f.Add("iap.googleapis.com", "x.SetIamPolicy", resource, "123", "global", "../..")
	}
	f.Fuzz(func(t *testing.T, service, method, resource, project, location, name string) {
		allSound(t, Parse(Message{Body: audited(t, service, method, resource, edits{
			"resource.labels": map[string]any{"project_id": project, "location": location, "service_name": name,
				"backend_service_id": name, "backend_service_name": name},
			"protoPayload.request": map[string]any{"name": resource, "parent": resource, "serviceId": name,
				"resource": resource, "service": map[string]any{"name": resource}},
		})}, Self{}))
	})
}

// FuzzRead reads files.
func FuzzRead(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
		f.Add(slices.Concat([]byte("["), s, []byte(",\n"), s, []byte("]")))
		f.Add(slices.Concat(s[:len(s)-1], []byte("\n"), s))
	}
	f.Add([]byte("insertId: a\nresource:\n  type: x\n---\n- b: [1, {c: d}]\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		last := 0
		err := Read(bytes.NewReader(file), Self{}, func(line int, r Result) error {
			if line < last || line > bytes.Count(file, []byte("\n"))+1 && !bytes.Contains(file,
				[]byte("\x00")) && !bytes.HasPrefix(file, []byte("\x1f\x8b")) {
				t.Fatalf("line %d after %d", line, last)
			}
			last = line
			sound(t, r)
			return nil
		})
		if err != nil && !bytes.HasPrefix(file, []byte("\x1f\x8b")) {
			t.Fatalf("a file in memory cannot be read: %v", err)
		}
	})
}
