package event

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

// backendEntry is an audit entry of a backend service, with more members of the
// entry and of its payload.
func backendEntry(id, verb, more, payload string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity",
		"insertId":%q,"timestamp":"2026-11-23T09:00:00Z","resource":{"type":"gce_backend_service",
		"labels":{"project_id":"demo-project","location":"global","backend_service_id":"77"}},%s
		"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"compute.googleapis.com",
		"methodName":"v1.compute.backendServices.%s",
		"resourceName":"projects/demo-project/global/backendServices/hello-backend",
		"authenticationInfo":{"principalEmail":"dev@example.com"}%s}}`, id, more, verb, payload))
}

func runEntry(method, payload string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity",
		"insertId":"i","timestamp":"2026-11-23T09:00:00Z","resource":{"type":"cloud_run_revision",
		"labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},
		"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"run.googleapis.com",
		"methodName":%q,
		"resourceName":"projects/demo-project/locations/us-central1/services/hello",
		"authenticationInfo":{"principalEmail":"dev@example.com"}%s}}`, method, payload))
}

func TestWritesReadWhatTheEntrySays(t *testing.T) {
	const v1, v2 = "google.cloud.run.v1.Services.", "google.cloud.run.v2.Services."
	type read struct {
		Settings            map[string]string
		Complete, Recreated bool
		Policy              *posture.Policy
	}
	settings := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, tc := range []struct {
		name  string
		entry json.RawMessage
		want  read
	}{
		{"IAP off", backendEntry("a", "patch", "", `,"request":{"@type":"t","iap":{"enabled":false}}`),
			read{Settings: settings("iap.enabled", "false"), Complete: true}},
		{"IAP on, as text", backendEntry("a", "patch", "", `,"request":{"iap":{"enabled":"true"}}`),
			read{Settings: settings("iap.enabled", "true"), Complete: true}},
		{"a patch of something else", backendEntry("a", "patch", "", `,"request":{"@type":"t","description":"d"}`),
			read{Complete: true}},
		{"a patch without fields", backendEntry("a", "patch", "", `,"request":{"@type":"t"}`), read{}},
		{"a patch of iap without its switch", backendEntry("a", "patch", "", `,"request":{"iap":{}}`), read{}},
		{"an update without IAP", backendEntry("a", "update", "", `,"request":{"description":"d"}`), read{}},
		{"a request that is not an object", backendEntry("a", "patch", "", `,"request":"..."`), read{}},
		{"a security policy", backendEntry("a", "setSecurityPolicy", "", ``), read{Complete: true}},
		{"created", backendEntry("a", "insert", "", ``), read{Complete: true, Recreated: true}},
		{"deleted", backendEntry("a", "delete", "", ``), read{Complete: true, Recreated: true}},

		{"v2 with a mask", runEntry(v2+"UpdateService",
			`,"request":{"updateMask":"ingress","service":{"ingress":"INGRESS_TRAFFIC_ALL","iapEnabled":true}}`),
			read{Settings: settings("ingress", "all"), Complete: true}},
		{"v2 with a mask of paths", runEntry(v2+"UpdateService",
			`,"request":{"updateMask":{"paths":["invoker_iam_disabled","template"]},"service":{}}`),
			read{Settings: settings("invokerIamDisabled", "false"), Complete: true}},
		{"v2 without a mask", runEntry(v2+"UpdateService",
			`,"request":{"service":{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}}`),
			read{Settings: settings("ingress", "internal-and-cloud-load-balancing")}},
		{"v2 with a mask of everything", runEntry(v2+"UpdateService",
			`,"request":{"updateMask":"*","service":{"iapEnabled":true}}`),
			read{Settings: settings("ingress", "all", "iapEnabled", "true", "invokerIamDisabled", "false"), Complete: true}},
		{"v1 replaces all", runEntry(v1+"ReplaceService",
			`,"request":{"service":{"metadata":{"annotations":{"run.googleapis.com/ingress":"internal","run.googleapis.com/invoker-iam-disabled":"True"}}}}`),
			read{Settings: settings("ingress", "internal", "iapEnabled", "false", "invokerIamDisabled", "true"),
				Complete: true}},
		{"v1 without the service", runEntry(v1+"ReplaceService", ``), read{}},
		{"a created service", runEntry(v2+"CreateService", ``), read{Recreated: true}},
		{"a service created through v1", runEntry(v1+"CreateService",
			`,"request":{"service":{"metadata":{"annotations":{"run.googleapis.com/ingress":"internal"}}}}`),
			read{Recreated: true}},
		{"a policy", runEntry(v1+"SetIamPolicy",
			`,"request":{"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers",7],"condition":{"expression":"e"}}]}}`),
			read{Policy: &posture.Policy{Bindings: []posture.Binding{{Role: "roles/run.invoker",
				Members: []string{"allUsers", ""}, Condition: "e"}}}}},
		{"an entry without the policy", runEntry(v1+"SetIamPolicy", `,"request":{"@type":"t"}`), read{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			writes := Writes([]json.RawMessage{tc.entry})
			if len(writes) != 1 {
				t.Errorf("%d writes, want 1", len(writes))
				return
			}
			w := writes[0]
			got := read{w.Settings, w.Complete, w.Recreated, w.Policy}
			if len(got.Settings) == 0 {
				got.Settings = nil
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWritesReturnsEachWriteOnce(t *testing.T) {
	const off = `,"request":{"iap":{"enabled":false}}`
	first := backendEntry("a", "patch", `"operation":{"id":"op","first":true},`, off)
	last := backendEntry("b", "patch", `"operation":{"id":"op","last":true},`, `,"request":{"@type":"t"}`)
	failed := backendEntry("b", "patch", `"operation":{"id":"op","last":true},"severity":"ERROR",`, `,"status":{"code":3}`)
	whole := backendEntry("c", "patch", `"operation":{"id":"op2","first":true,"last":true},`, off)
	for _, tc := range []struct {
		name    string
		entries []json.RawMessage
		want    []string // the setting of IAP in each write
	}{
		{"both halves", []json.RawMessage{first, last}, []string{"false"}},
		{"in any order", []json.RawMessage{last, first}, []string{"false"}},
		{"the last half is missing", []json.RawMessage{first}, []string{"false"}},
		{"the first half is missing", []json.RawMessage{last}, []string{""}},
		{"the last half failed", []json.RawMessage{first, failed}, nil},
		{"the same entry twice", []json.RawMessage{whole, whole}, []string{"false"}},
		{"two operations", []json.RawMessage{whole, last, first}, []string{"false", "false"}},
		{"a refused call", []json.RawMessage{backendEntry("a", "patch", `"severity":"ERROR",`, `,"status":{"code":7}`+off)},
			nil},
		{"unreadable entries", []json.RawMessage{json.RawMessage(`{"logName":`), whole, json.RawMessage(`[]`)},
			[]string{"false"}},
		{"an entry nested too deep", []json.RawMessage{backendEntry("a", "patch", "",
			`,"request":`+strings.Repeat(`{"a":`, maxDepth)+"1"+strings.Repeat("}", maxDepth)), whole}, []string{"false"}},
		{"an entry that is too large", []json.RawMessage{backendEntry("a", "patch", "",
			`,"request":{"a":"`+strings.Repeat("x", MaxBody)+`"}`), whole}, []string{"false"}},
		{"a read call", []json.RawMessage{backendEntry("a", "get", "", "")}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, w := range Writes(tc.entries) {
				got = append(got, w.Settings["iap.enabled"])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheRecordedPolicyOfAServiceIsRead(t *testing.T) {
	_, dir := corpus(t)
	text, err := os.ReadFile(filepath.Join(dir, "panther__run.v1.Services.SetIamPolicy__1.json"))
	if err != nil {
		t.Fatal(err)
	}
	writes := Writes([]json.RawMessage{text})
	if len(writes) != 1 || writes[0].Policy == nil || !writes[0].Policy.Holds("roles/run.invoker",
		"user:user-1@example.com") {
		t.Errorf("the recorded entry reads as %+v", writes)
	}
}
