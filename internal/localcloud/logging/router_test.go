package logging_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)

func clock() time.Time { return start }

// published records what a router publishes.
type published struct {
	mu   sync.Mutex
	got  []string // topic and the entry's methodName
	raw  []byte
	with map[string]string
	fail error
}

func (p *published) publish(_ context.Context, topic string, data []byte, attributes map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	var entry struct{ ProtoPayload struct{ MethodName string } }
	if err := json.Unmarshal(data, &entry); err != nil {
		return err
	}
	p.got, p.raw, p.with = append(p.got, topic+" "+entry.ProtoPayload.MethodName), data, attributes
	return nil
}

func runRecord(method string) apiserver.AuditRecord {
	return apiserver.AuditRecord{
		Log: apiserver.Activity, Service: "run.googleapis.com", Method: "google.cloud.run.v1.Services." + method,
		ResourceName: "namespaces/demo-project/services/hello", ResourceType: "cloud_run_revision",
		Labels: map[string]string{"project_id": "demo-project", "service_name": "hello"}, Location: "us-central1",
		Principal: "user:alice@example.com", CallerIP: "203.0.113.1", UserAgent: "gcloud/1",
		Authorization: []apiserver.Authorization{{Permission: "run.services.update", Resource: "r", Granted: true}},
		Request:       map[string]any{"service": map[string]any{"kind": "Service"}},
		Response:      map[string]any{"@type": "type.googleapis.com/google.cloud.run.v1.Service", "kind": "Service"},
		Time:          start, Severity: "NOTICE",
	}
}

func entries(t *testing.T, router *logging.Router, filter string) []map[string]any {
	t.Helper()
	parsed, err := logging.ParseFilter(filter)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for _, raw := range router.Entries(parsed) {
		var each map[string]any
		if err := json.Unmarshal(raw, &each); err != nil {
			t.Fatal(err)
		}
		all = append(all, each)
	}
	return all
}

func TestAnAuditRecordBecomesAnEntryAsGoogleWritesIt(t *testing.T) {
	router := logging.New(logging.Options{Clock: clock})
	router.Audit(runRecord("ReplaceService"))
	got := entries(t, router, "")[0]
	want := map[string]any{
		"insertId": got["insertId"],
		"logName":  "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
		"severity": "NOTICE", "timestamp": "2026-11-23T09:00:00.123456Z", "receiveTimestamp": "2026-11-23T09:00:00.123456Z",
		"resource": map[string]any{"type": "cloud_run_revision",
			"labels": map[string]any{"project_id": "demo-project", "service_name": "hello"}},
		"protoPayload": map[string]any{
			"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "run.googleapis.com",
			"methodName":   "google.cloud.run.v1.Services.ReplaceService",
			"resourceName": "namespaces/demo-project/services/hello",
			"authenticationInfo": map[string]any{"principalEmail": "alice@example.com",
				"principalSubject": "user:alice@example.com"},
			"requestMetadata": map[string]any{"callerIp": "203.0.113.1", "callerSuppliedUserAgent": "gcloud/1,gzip(gfe)",
				"destinationAttributes": map[string]any{},
				"requestAttributes":     map[string]any{"auth": map[string]any{}, "time": "2026-11-23T09:00:00.123456Z"}},
			"authorizationInfo": []any{map[string]any{"granted": true, "permission": "run.services.update",
				"permissionType": "ADMIN_WRITE", "resource": "r", "resourceAttributes": map[string]any{}}},
			"request": map[string]any{"@type": "type.googleapis.com/google.cloud.run.v1.ReplaceServiceRequest",
				"service": map[string]any{"kind": "Service"}},
			"response":         map[string]any{"@type": "type.googleapis.com/google.cloud.run.v1.Service", "kind": "Service"},
			"resourceLocation": map[string]any{"currentLocations": []any{"us-central1"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if id, _ := got["insertId"].(string); len(id) < 10 || id != strings.ToLower(id) {
		t.Errorf("insertId %q", id)
	}
}

func TestSecondComputeEntrySaysOnlyThatItIsOver(t *testing.T) {
	router := logging.New(logging.Options{Clock: clock})
	record := runRecord("")
	record.Service, record.Method = "compute.googleapis.com", "v1.compute.backendServices.patch"
	record.Request = map[string]any{"timeoutSec": json.Number("30"), "enableCDN": false}
	record.Response = map[string]any{"kind": "compute#operation", "progress": 0, "status": "RUNNING"}
	record.Authorization[0].Permission = "compute.backendServices.update"
	record.Operation = &apiserver.AuditOperation{ID: "operation-1", Producer: "compute.googleapis.com", First: true}
	router.Audit(record)
	record.Operation = &apiserver.AuditOperation{ID: "operation-1", Producer: "compute.googleapis.com", Last: true}
	router.Audit(record)

	both := entries(t, router, "")
	first, last := both[0]["protoPayload"].(map[string]any), both[1]["protoPayload"].(map[string]any)
	got := []any{both[0]["operation"], first["request"], first["response"], first["authorizationInfo"],
		both[1]["operation"], last["request"], last["response"], last["authorizationInfo"]}
	want := []any{
		map[string]any{"id": "operation-1", "producer": "compute.googleapis.com", "first": true},
		map[string]any{"@type": "type.googleapis.com/compute.backendServices.patch", "timeoutSec": "30", "enableCDN": false},
		map[string]any{"@type": "type.googleapis.com/operation", "progress": "0", "status": "RUNNING"},
		[]any{map[string]any{"permission": "compute.backendServices.update", "granted": true,
			"resourceAttributes": map[string]any{"name": "r", "service": "compute", "type": "compute.backendServices"}}},
		map[string]any{"id": "operation-1", "producer": "compute.googleapis.com", "last": true},
		map[string]any{"@type": "type.googleapis.com/compute.backendServices.patch"}, nil, nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pair (-want +got):\n%s", diff)
	}
	if _, ok := record.Response["@type"]; ok {
		t.Error("the record's own response was changed")
	}
}

func TestAFailedCallAndASystemEventHaveAStatus(t *testing.T) {
	router := logging.New(logging.Options{Clock: clock})
	denied := runRecord("SetIamPolicy")
	denied.Status, denied.Severity, denied.Response = &apiserver.Status{Code: 7, Message: "no"}, "ERROR", nil
	denied.Authorization[0].Granted = false
	router.Audit(denied)
	ready := apiserver.AuditRecord{Log: apiserver.SystemEvent, Service: "run.googleapis.com",
		Method: "/Services.CreateService",
		Status: &apiserver.Status{Message: "Ready condition status changed to True for Service hello."}, Severity: "INFO",
		Time: start}
	router.Audit(ready)

	both := entries(t, router, "")
	payload := both[0]["protoPayload"].(map[string]any)
	got := []any{payload["status"], payload["request"].(map[string]any)["@type"],
		payload["request"].(map[string]any)["resource"],
		payload["authorizationInfo"].([]any)[0].(map[string]any)["granted"], payload["response"]}
	want := []any{map[string]any{"code": 7.0, "message": "no"}, "type.googleapis.com/google.iam.v1.SetIamPolicyRequest",
		"namespaces/demo-project/services/hello", nil, nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed call (-want +got):\n%s", diff)
	}
	wantReady := map[string]any{"@type": "type.googleapis.com/google.cloud.audit.AuditLog",
		"serviceName": "run.googleapis.com",
		"methodName":  "/Services.CreateService", "resourceName": "",
		"status": map[string]any{"message": "Ready condition status changed to True for Service hello."}}
	if diff := cmp.Diff(wantReady, both[1]["protoPayload"]); diff != "" {
		t.Errorf("system event (-want +got):\n%s", diff)
	}
	if got := both[1]["logName"]; got != "projects/demo-project/logs/cloudaudit.googleapis.com%2Fsystem_event" {
		t.Errorf("log %v", got)
	}
}

func TestSinksPublishWhatTheirFiltersSelect(t *testing.T) {
	var to published
	router := logging.New(logging.Options{Clock: clock, Publish: to.publish})
	for name, filter := range map[string]string{"writes": `protoPayload.methodName:"Replace"`, "none": `severity>=ERROR`} {
		if err := router.AddSink(logging.Sink{Name: name, Filter: filter, Topic: "projects/demo-project/topics/" +
			name}); err != nil {
			t.Fatal(err)
		}
	}
	router.Audit(runRecord("ReplaceService"))
	router.Audit(runRecord("DeleteService"))

	want := []string{"projects/demo-project/topics/writes google.cloud.run.v1.Services.ReplaceService"}
	if diff := cmp.Diff(want, to.got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"logging.googleapis.com/timestamp": "2026-11-23T09:00:00.123456Z"},
		to.with); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	filter, err := logging.ParseFilter(`protoPayload.methodName:"Replace"`)
	if err != nil {
		t.Fatal(err)
	}
	if kept := router.Entries(filter); string(kept[0]) != string(to.raw) {
		t.Errorf("published %s, kept %s", to.raw, kept[0])
	}
}

func TestUndeliverableEntriesAreDroppedAndReported(t *testing.T) {
	to := published{fail: errors.New("no such topic")}
	router, core, _ := serve(t, &to)
	if err := router.AddSink(logging.Sink{Name: "lost", Topic: "projects/demo-project/topics/none"}); err != nil {
		t.Fatal(err)
	}
	router.Audit(runRecord("ReplaceService"))
	got := core.State()["logging"].(map[string]any)["projects/demo-project/sinks/lost"].(map[string]any)
	if got["delivered"] != 0 || got["failed"] != 1 || got["lastError"] != "no such topic" {
		t.Errorf("sink %v", got)
	}
}

func TestOnlyTheLatestEntriesAreKept(t *testing.T) {
	const bound = 20_000
	router := logging.New(logging.Options{Clock: clock, Keep: bound})
	for i := range 1000 {
		router.Audit(runRecord(fmt.Sprint("Method", i)))
	}
	kept := entries(t, router, "")
	size := 0
	filter, err := logging.ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range router.Entries(filter) {
		size += len(raw)
	}
	if size > bound || size < bound/2 {
		t.Errorf("kept %d entries of %d bytes, want at most %d bytes, and more than half of that", len(kept), size, bound)
	}
	if got := kept[len(kept)-1]["protoPayload"].(map[string]any)["methodName"]; got != "google.cloud.run.v1.Services.Method999" {
		t.Errorf("the last one is %v", got)
	}
}

func TestEntriesAreKeptAsLongAsGoogleDoes(t *testing.T) {
	now := clock()
	router := logging.New(logging.Options{Clock: func() time.Time { return now }})
	for i, log := range []string{"activity", "system_event", "data_access"} {
		record := runRecord(log)
		record.Log, record.Time = log, now.Add(time.Duration(i)*time.Second)
		router.Audit(record)
	}
	const day = 24 * time.Hour
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{
		{29 * day, []string{"activity", "system_event", "data_access"}},
		{2 * day, []string{"activity", "system_event"}},
		{368 * day, []string{"activity", "system_event"}},
		{2 * day, nil},
	} {
		now = now.Add(step.after)
		var got []string
		for _, each := range entries(t, router, "") {
			_, log, _ := strings.Cut(each["logName"].(string), "%2F")
			got = append(got, log)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %v more (-want +got):\n%s", step.after, diff)
		}
	}
}

func TestEventsStreamEntriesAsTheyAreWritten(t *testing.T) {
	router := logging.New(logging.Options{Clock: clock})
	server := httptest.NewServer(http.HandlerFunc(router.Events))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	router.Audit(runRecord("ReplaceService"))
	lines := bufio.NewReader(answer.Body)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var entry map[string]any
	data, found := strings.CutPrefix(line, "data: ")
	if err := json.Unmarshal([]byte(data), &entry); err != nil || !found || entry["severity"] != "NOTICE" {
		t.Errorf("line %q: %v", line, err)
	}
}
