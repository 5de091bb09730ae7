package compute_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

func TestAWriteLeavesTwoRecordsAndAnInstantOneOne(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	id := c.must("GET", "global/backendServices/be", "")["id"].(string)
	operation := c.must("PATCH", "/compute/beta/projects/demo-project/global/backendServices/be",
		`{"iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`)
	records := c.audit()
	const path = "projects/demo-project/global/backendServices/be"
	first := apiserver.AuditRecord{
		Log: "activity", Service: "compute.googleapis.com", Method: "beta.compute.backendServices.patch",
		ResourceName: path, ResourceType: "gce_backend_service", Location: "global",
		Labels:    map[string]string{"project_id": "demo-project", "location": "global", "backend_service_id": id},
		Principal: apiserver.Owner,
		Authorization: []apiserver.Authorization{{Permission: "compute.backendServices.update", Resource: path,
			Granted: true}},
		Request: map[string]any{
			"@type": "type.googleapis.com/compute.backendServices.patch",
			"iap":   map[string]any{"enabled": true, "oauth2ClientId": "c"},
		},
		Operation: &apiserver.AuditOperation{ID: operation["name"].(string), Producer: "compute.googleapis.com", First: true},
		Severity:  "NOTICE",
	}
	last := first
	last.Request, last.Authorization = map[string]any{"@type": "type.googleapis.com/compute.backendServices.patch"}, nil
	last.Operation = &apiserver.AuditOperation{ID: operation["name"].(string),
		Producer: "compute.googleapis.com", Last: true}
	if len(records) != 4 {
		t.Fatalf("%d records, want two per write", len(records))
	}
	pair := records[2:]
	if pair[0].Operation.Last { // either half may come first
		pair[0], pair[1] = pair[1], pair[0]
	}
	ignore := cmpopts.IgnoreFields(apiserver.AuditRecord{}, "Time", "CallerIP", "UserAgent", "Response")
	if diff := cmp.Diff([]apiserver.AuditRecord{first, last}, pair, ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if pair[0].Response["status"] != "RUNNING" || pair[0].Response["@type"] != "type.googleapis.com/operation" ||
		pair[1].Response != nil {
		t.Errorf("responses: %v and %v", pair[0].Response, pair[1].Response)
	}

	c.must("POST", "global/addresses", `{"name":"ip"}`)
	before := len(c.audit())
	c.must("POST", "global/addresses/ip/setLabels", `{"labels":{"a":"b"},"labelFingerprint":"42WmSpB8rSM="}`)
	if after := c.audit(); len(after) != before+1 || !after[before].Operation.First || !after[before].Operation.Last {
		t.Errorf("setLabels left %d records, want one for both ends", len(after)-before)
	}
}

func TestAFailedWriteLeavesOneRecord(t *testing.T) {
	c := newCloud(t)
	c.refused("PATCH", "regions/us-central1/backendServices/none", `{"description":"x"}`)
	records := c.audit()
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	got := records[0]
	want := &apiserver.Status{Code: 5, Message: "The resource 'projects/demo-project/regions/us-central1/backendServices/none' was not found"}
	if diff := cmp.Diff(want, got.Status); diff != "" || got.Severity != "ERROR" || got.Operation != nil ||
		got.Method != "v1.compute.regionBackendServices.patch" ||
		got.ResourceType != "gce_backend_service" || got.Labels["location"] != "us-central1" {
		t.Errorf("%+v\n%s", got, diff)
	}
}

func TestPrivateKeysAreInNoRecord(t *testing.T) {
	c := newCloud(t)
	c.refused("POST", "global/sslCertificates", `{"name":"x","certificate":"nonsense","privateKey":"s3cret"}`)
	c.refused("POST", "global/sslCertificates", `{"name":"y","selfManaged":{"certificate":"nonsense","privateKey":"s3cret"}}`)
	for _, record := range c.audit() {
		if text := fmt.Sprint(record); strings.Contains(text, "s3cret") || !strings.Contains(text, "nonsense") {
			t.Errorf("the record shows the key or lacks the certificate: %s", text)
		}
	}
	if n := len(c.audit()); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}
