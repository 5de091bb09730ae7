package schema

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryDocumentIsWhole(t *testing.T) {
	methods, messages, size := 0, 0, 0
	for _, name := range Documents() {
		text, err := documents.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		size += len(text)
		a := Of(name)
		if a.Name != name || a.Revision == "" {
			t.Errorf("%s calls itself %q, revision %q", name, a.Name, a.Revision)
		}
		for _, m := range a.Methods("") {
			methods++
			if m.ID == "" || m.Verb == "" || m.Path == "" || strings.Contains(m.Path, "{+") {
				t.Errorf("%s: method %+v", name, m)
			}
			for _, message := range []string{m.Request, m.Response} {
				if message != "" && a.Message(message) == nil {
					t.Errorf("%s: %s names message %q, which is not there", name, m.ID, message)
				}
			}
		}
		for _, name := range a.messages.names() {
			m := a.Message(name)
			messages++
			fields := m.Fields
			if m.Values != nil {
				fields = map[string]*Field{"*": m.Values}
			}
			for _, f := range fields {
				if f.Type == "object" && a.Message(f.Ref) == nil || f.Numbers != nil && len(f.Numbers) != len(f.Enum) {
					t.Errorf("%s: %s.%s: %+v", a.Name, m.Name, f.Name, f)
				}
			}
		}
	}
	t.Logf("%d documents, %d methods, %d messages, %d kB", len(Documents()), methods, messages, size/1000)
	if size > 700_000 {
		t.Errorf("the documents are %d bytes, want at most 700 kB: serve less, or compress", size)
	}
}

func TestMethodsOfAResource(t *testing.T) {
	var got []string
	for _, m := range Of("run/v2").Methods("run.projects.locations.services") {
		got = append(got, m.Verb+" "+m.Path[strings.Index(m.Path, "/services"):]+" "+m.Request+" "+m.Response)
	}
	const service, policy = "GoogleCloudRunV2Service", "GoogleIamV1"
	want := []string{
		"POST /services " + service + " GoogleLongrunningOperation",
		"DELETE /services/{servicesId}  GoogleLongrunningOperation",
		"GET /services/{servicesId}  " + service,
		"GET /services/{servicesId}:getIamPolicy  " + policy + "Policy",
		"GET /services  GoogleCloudRunV2ListServicesResponse",
		"PATCH /services/{servicesId} " + service + " GoogleLongrunningOperation",
		"POST /services/{servicesId}:setIamPolicy " + policy + "SetIamPolicyRequest " + policy + "Policy",
		"POST /services/{servicesId}:testIamPermissions " + policy + "TestIamPermissionsRequest " + policy + "TestIamPermissionsResponse",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
}

func TestFieldsAreDescribed(t *testing.T) {
	for _, each := range []struct {
		document, message, field string
		want                     Field
	}{
		{"run/v2", "GoogleCloudRunV2Service", "generation", Field{Type: "string", Format: "int64", ReadOnly: true}},
		{"run/v2", "GoogleCloudRunV2Service", "template", Field{Type: "object", Ref: "GoogleCloudRunV2RevisionTemplate", Required: true}},
		{"run/v2", "GoogleCloudRunV2Service", "labels", Field{Type: "string", Map: true}},
		{"compute/v1", "BackendService", "usedBy", Field{Type: "object", Ref: "BackendServiceUsedBy", Repeated: true, ReadOnly: true}},
		{"compute/v1", "BackendService", "id", Field{Type: "string", Format: "uint64", ReadOnly: true}},
		{"compute/v1", "Operation", "error", Field{Type: "object", Ref: "Operation.error", ReadOnly: true}},
		{"compute/v1", "BackendServiceAggregatedList", "items", Field{Type: "object", Ref: "BackendServicesScopedList", Map: true}},
		{"pubsub/v1", "PubsubMessage", "data", Field{Type: "string", Format: "byte"}},
		{"logging/v2", "LogSink", "writerIdentity", Field{Type: "string", ReadOnly: true}},
	} {
		m := Of(each.document).Message(each.message)
		if m == nil || m.Fields[each.field] == nil {
			t.Errorf("%s: %s.%s is not there", each.document, each.message, each.field)
			continue
		}
		each.want.Name = each.field
		if diff := cmp.Diff(each.want, *m.Fields[each.field]); diff != "" {
			t.Errorf("%s: %s.%s (-want +got):\n%s", each.document, each.message, each.field, diff)
		}
	}
}

func TestAnyNamesItsMessage(t *testing.T) {
	for typeURL, want := range map[string]string{
		"type.googleapis.com/google.cloud.run.v2.Service": "GoogleCloudRunV2Service",
		"type.googleapis.com/google.cloud.run.v2.Nothing": "",
		"type.googleapis.com/google.protobuf.Empty":       "",
	} {
		got := ""
		if m := Of("run/v2").Typed(typeURL); m != nil {
			got = m.Name
		}
		if got != want {
			t.Errorf("%s is message %q, want %q", typeURL, got, want)
		}
	}
	if m := Of("eventarc/v1").Typed("type.googleapis.com/google.cloud.eventarc.v1.Trigger"); m == nil || m.Name != "Trigger" {
		t.Errorf("Eventarc's trigger is %+v", m)
	}
}

// TestEnumsHaveGooglesNumbers compares with what a recorded client sent and
// got (run, 2026-02-05): "launchStage": 4 is GA, "state": 4 CONDITION_SUCCEEDED.
func TestEnumsHaveGooglesNumbers(t *testing.T) {
	for _, each := range []struct {
		document, message, field, value string
		want                            int
		has                             bool
	}{
		{"run/v2", "GoogleCloudRunV2Service", "launchStage", "GA", 4, true},
		{"run/v2", "GoogleCloudRunV2Service", "ingress", "INGRESS_TRAFFIC_ALL", 1, true},
		{"run/v2", "GoogleCloudRunV2Condition", "state", "CONDITION_SUCCEEDED", 4, true},
		{"logging/v2", "LogEntry", "severity", "NOTICE", 300, true},
		{"compute/v1", "BackendService", "protocol", "HTTP", 0, false},
		{"run/v2", "GoogleCloudRunV2Service", "ingress", "OPEN", 0, false},
	} {
		got, has := Of(each.document).Message(each.message).Fields[each.field].Number(each.value)
		if got != each.want || has != each.has {
			t.Errorf("%s.%s %s is %d, %t, want %d, %t", each.message, each.field, each.value, got, has, each.want, each.has)
		}
	}
	answer := decodeJSON(t, `{"ingress":"INGRESS_TRAFFIC_ALL","labels":{"launchStage":"GA"},
		"terminalCondition":{"state":"CONDITION_SUCCEEDED"},"traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}]}`)
	want := decodeJSON(t, `{"ingress":1,"labels":{"launchStage":"GA"},"terminalCondition":{"state":4},"traffic":[{"type":1}]}`)
	if diff := cmp.Diff(any(want), Of("run/v2").WithNumbers("GoogleCloudRunV2Service", answer)); diff != "" {
		t.Errorf("enums by number (-want +got):\n%s", diff)
	}
}

func TestServedAndDocuments(t *testing.T) {
	if !Served("compute/v1") || Served("compute/beta") || !slices.Contains(Documents(), "cloudresourcemanager/v3") {
		t.Errorf("documents are %v", Documents())
	}
}

func BenchmarkDecode(b *testing.B) {
	for document, message := range map[string]string{"compute/v1": "BackendService", "run/v2": "GoogleCloudRunV2Service"} {
		b.Run(file(document), func(b *testing.B) {
			for b.Loop() {
				a, err := decode(document)
				if err != nil {
					b.Fatal(err)
				}
				a.Message(message)
			}
		})
	}
}

func decodeJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}
