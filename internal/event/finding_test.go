package event

import (
	"encoding/json"
	"testing"
	"time"
)

func TestAnActiveFindingMakesItsResourceBeLookedAt(t *testing.T) {
	const run, compute = "//run.googleapis.com/projects/", "//compute.googleapis.com/projects/"
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, resource, state string
		want                  Cause
		ignored               Reason
	}{
		{"a service", run + "demo-project/locations/us-central1/services/hello", "ACTIVE",
			Cause{Project: "demo-project", Location: "us-central1", Service: "hello"}, ""},
		{"a global backend service", compute + "123456789012/global/backendServices/hello-backend", "ACTIVE",
			Cause{Project: "123456789012", Location: "global", BackendService: "hello-backend"}, ""},
		{"a regional one", compute + "demo-project/regions/us-east1/backendServices/b", "ACTIVE",
			Cause{Project: "demo-project", Location: "us-east1", BackendService: "b"}, ""},
		{"it is over", run + "demo-project/locations/us-central1/services/hello", "INACTIVE", Cause{}, Unrelated},
		{"a job", run + "demo-project/locations/us-central1/jobs/nightly", "ACTIVE", Cause{}, notALogEntry},
		{"a subnetwork", compute + "demo-project/regions/us-east1/subnetworks/1", "ACTIVE", Cause{}, notALogEntry},
		{"without a location", run + "demo-project/services/hello", "ACTIVE", Cause{}, Unreadable},
		{"a name that is not valid", run + "demo-project/locations/us-central1/services/../x", "ACTIVE", Cause{}, Unreadable},
		{"a lookalike", "//run.googleapis.com.evil.io/projects/p/locations/l/services/s", "ACTIVE", Cause{}, notALogEntry},
	} {
		body, err := json.Marshal(map[string]any{"notificationConfigName": "organizations/1/notificationConfigs/n",
			"finding": map[string]any{"name": "organizations/1/sources/2/findings/3", "resourceName": tc.resource,
				"state": tc.state, "eventTime": "2026-11-28T12:00:00Z", "category": "PUBLIC", "sourceProperties": "x"},
			"resource": map[string]any{"name": tc.resource}})
		if err != nil {
			t.Fatal(err)
		}
		r := one(t, body, Self{})
		if tc.ignored != "" {
			if r.Ignored != tc.ignored || r.Why == "" {
				t.Errorf("%s: ignored %q, %q, want %q", tc.name, r.Ignored, r.Why, tc.ignored)
			}
			continue
		}
		if r.Cause == nil || r.Cause.Kind != FindingReported || r.Cause.Project != tc.want.Project ||
			r.Cause.Location != tc.want.Location || r.Cause.Service != tc.want.Service ||
			r.Cause.BackendService != tc.want.BackendService || !r.Cause.At.Equal(at) || r.Cause.Key == "" {
			t.Errorf("%s: %+v, %q, want %+v", tc.name, r.Cause, r.Why, tc.want)
		}
	}
}
