package event

import (
	"strings"
	"testing"
	"time"
)

func TestRowsOfTablesAreRead(t *testing.T) {
	const call = `"service_name": "run.googleapis.com", "method_name": "google.cloud.run.v1.Services.ReplaceService",
		"resource_name": "namespaces/demo-project/services/shop", "authentication_info": {"principal_email": "u@example.com"}`
	const resource = `"resource": {"type": "cloud_run_revision", "labels": {"project_id": "demo-project",
		"location": "us-central1", "service_name": "shop"}}`
	camel := strings.NewReplacer("service_name\": \"run", "serviceName\": \"run", "method_name", "methodName",
		"resource_name", "resourceName", "authentication_info", "authenticationInfo", "principal_email", "principalEmail")
	for _, tc := range []struct{ name, row string }{
		{"Log Analytics", `{"log_name": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
			"insert_id": "a", "timestamp": "2026-05-23 10:00:00.5 UTC", ` + resource + `,
			"proto_payload": {"type": "type.googleapis.com/google.cloud.audit.AuditLog", "audit_log": {` + call + `}}}`},
		{"a sink to BigQuery", `{"logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
			"insertId": "a", "timestamp": "2026-05-23 10:00:00.5 UTC", ` + resource + `,
			"protopayload_auditlog": {` + camel.Replace(call) + `}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, []byte(tc.row), Self{})
			if got, want := outcome(r), "run-service-changed|demo-project|us-central1|shop||"; got != want {
				t.Errorf("%s (%s), want %s", got, r.Why, want)
			}
			if r.Seen.Principal != "u@example.com" {
				t.Errorf("by %q, want u@example.com", r.Seen.Principal)
			}
			if want := time.Date(2026, 5, 23, 10, 0, 0, 5e8, time.UTC); !r.Seen.At.Equal(want) {
				t.Errorf("at %s, want %s", r.Seen.At, want)
			}
		})
	}
}

func TestACopiedLineNamesTheFormThatIsNeeded(t *testing.T) {
	for name, text := range map[string]string{
		"a line": `NOTICE 2025-06-29T10:32:59.2Z [protoPayload.serviceName: run.googleapis.com] audit_log, method: "x"`,
		"two lines": "INFO 2025-06-29T10:32:59.2Z [resource: a] b: c\n" +
			"INFO 2025-06-29T10:33:59.2Z [resource: a] b: c",
	} {
		t.Run(name, func(t *testing.T) {
			var whys []string
			err := Read(strings.NewReader(text), Self{}, func(_ int, r Result) error {
				whys = append(whys, string(r.Ignored)+" "+r.Why)
				return nil
			})
			if err != nil || len(whys) != 1 || !strings.Contains(whys[0], "copy it as JSON") {
				t.Errorf("%q, error %v, want one result that names the form", whys, err)
			}
		})
	}
}
