package cloud_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

// A load balancer before the part of a multi-region service in one region leads to the whole service,
// which is known only if such services can be listed. Nothing is listed where nothing leads to a service.
func TestALoadBalancerLeadsToAWholeMultiRegionService(t *testing.T) {
	const compute = "/compute/v1/projects/demo-project/"
	l := start(t)
	l.owner(http.MethodPost, "/v2/projects/demo-project/locations/global/services?serviceId=shop",
		`{"multiRegionSettings":{"regions":["us-central1","europe-west1"]},"template":{"containers":[{"image":"i"}]}}`)
	l.Cloud.Settle()
	l.owner(http.MethodPost, compute+"regions/us-central1/networkEndpointGroups",
		`{"name":"shop","networkEndpointType":"SERVERLESS","cloudRun":{"service":"shop"}}`)
	l.owner(http.MethodPost, compute+"global/backendServices", `{"name":"to-shop","protocol":"HTTPS",`+
		`"loadBalancingScheme":"EXTERNAL_MANAGED","backends":[{"group":"https://www.googleapis.com`+compute+
		`regions/us-central1/networkEndpointGroups/shop"}]}`)
	l.owner(http.MethodPost, compute+"global/backendServices",
		`{"name":"to-none","loadBalancingScheme":"EXTERNAL_MANAGED"}`)
	l.Cloud.Settle()
	whole := posture.Target{Project: "demo-project", Location: posture.Global, Service: "shop"}
	const list = "run.projects.locations.services.list"
	for _, tc := range []struct {
		name, backend, faults string
		want                  []posture.Target
		fails                 bool
		lists                 int
	}{
		{"it is whole", "to-shop", `[]`, []posture.Target{whole}, false, 1},
		{"the list fails", "to-shop", `[{"action":"status","status":503,"method":"` + list + `"}]`, nil, true, 1},
		{"nothing leads to a service", "to-none", `[]`, nil, false, 0},
	} {
		l.inject(tc.faults)
		before := l.countOf(list)
		got, err := l.clients().Behind(t.Context(), "projects/demo-project/global/backendServices/"+tc.backend)
		if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
		}
		if lists := l.countOf(list) - before; tc.lists == 0 && lists > 0 || lists < tc.lists {
			t.Errorf("%s: %d lists of services, want %d", tc.name, lists, tc.lists)
		}
	}
}
