package event

import (
	"strings"
	"testing"
)

// setPolicy are the SetIamPolicy methods of services, with the resource names of
// their API versions.
var setPolicy = map[string]string{
	"google.cloud.run.v1.Services.SetIamPolicy": "namespaces/demo-project/services/hello",
	"google.cloud.run.v2.Services.SetIamPolicy": "projects/demo-project/locations/us-central1/services/hello",
}

func TestRefusedPermissionsMakeAFailedCall(t *testing.T) {
	row := func(pairs ...any) map[string]any {
		m := map[string]any{"permission": "run.services.setIamPolicy"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	yes, no, silent := row("granted", true), row("granted", false), row()
	for _, tc := range []struct {
		name   string
		rows   any
		status any // nil: the entry has none
		want   Reason
	}{
		{"one refused", []any{no}, nil, failedCall},
		{"all refused", []any{no, no}, nil, failedCall},
		{"refused, as text", []any{row("granted", "false")}, nil, failedCall},
		{"one refused, one without a value", []any{silent, no}, nil, failedCall},
		{"one granted, one refused", []any{yes, no}, nil, ""},
		{"one refused, one granted, as text", []any{no, row("granted", "true")}, nil, ""},
		{"all granted", []any{yes, yes}, nil, ""},
		{"none with a value", []any{silent}, nil, ""},
		{"no rows", []any{}, nil, ""},
		{"not a list", "...", nil, ""},
		{"rows that are not objects", []any{"...", 7}, nil, ""},
		{"refused, and the status says success", []any{no}, map[string]any{}, ""},
		{"granted, and the status says failure", []any{yes}, map[string]any{"code": 7}, failedCall},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for method, resource := range setPolicy {
				body := with(t, deploy, edits{"protoPayload.methodName": method, "protoPayload.resourceName": resource,
					"protoPayload.authorizationInfo": tc.rows, "protoPayload.status": tc.status})
				if r := one(t, body, Self{}); r.Ignored != tc.want || tc.want == "" && r.Cause.Kind != RunIAMChanged {
					t.Errorf("%s: ignored %q (%s), want %q", method, r.Ignored, r.Why, tc.want)
				}
			}
		})
	}
}

func TestRefusedPermissionsCountForEveryMethod(t *testing.T) {
	refused := edits{"protoPayload.status": nil, "protoPayload.authorizationInfo": []any{map[string]any{"granted": false}}}
	for _, tc := range []struct{ service, method, resource string }{
		{"run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/demo-project/locations/us-central1/services/hello"},
		{"run.googleapis.com", "google.cloud.run.v1.Services.DeleteService", "namespaces/demo-project/services/hello"},
		{"compute.googleapis.com", "v1.compute.backendServices.patch", "projects/demo-project/global/backendServices/web"},
		{"compute.googleapis.com", "v1.compute.urlMaps.update", "projects/demo-project/global/urlMaps/m"},
		{"iap.googleapis.com", "google.cloud.iap.v1.IdentityAwareProxyAdminService.SetIamPolicy",
			"projects/1/iap_web/compute/services/7"},
		{"serviceusage.googleapis.com", "google.api.serviceusage.v1.ServiceUsage.DisableService",
			"projects/1/services/iap.googleapis.com"},
	} {
		r := one(t, audited(t, tc.service, tc.method, tc.resource, refused), Self{})
		if r.Ignored != failedCall || !strings.Contains(r.Why, "permission") {
			t.Errorf("%s: ignored %q (%s), want %q for a permission", tc.method, r.Ignored, r.Why, failedCall)
		}
	}
}
