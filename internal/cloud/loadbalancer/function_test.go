package loadbalancer

import (
	"testing"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestFunctionsNEGsMayLeadToServicesOfTheirRegion(t *testing.T) {
	const neg = "projects/demo-project/regions/us-central1/networkEndpointGroups/neg"
	hello := posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	elsewhere := hello
	elsewhere.Location = "europe-west1"
	for _, tc := range []struct {
		name   string
		neg    compute.NetworkEndpointGroup
		target posture.Target
		want   int
	}{
		{"by name", compute.NetworkEndpointGroup{CloudFunction: &compute.NetworkEndpointGroupCloudFunction{Function: "hello"}}, hello, 1},
		{"by a mask", compute.NetworkEndpointGroup{
			CloudFunction: &compute.NetworkEndpointGroupCloudFunction{UrlMask: "/<function>"}}, hello, 1},
		{"of another name", compute.NetworkEndpointGroup{
			CloudFunction: &compute.NetworkEndpointGroupCloudFunction{Function: "other"}}, hello, 0},
		{"of another region", compute.NetworkEndpointGroup{
			CloudFunction: &compute.NetworkEndpointGroupCloudFunction{Function: "hello"}}, elsewhere, 0},
		{"of App Engine", compute.NetworkEndpointGroup{
			AppEngine: &compute.NetworkEndpointGroupAppEngine{Service: "hello"}}, hello, 0},
	} {
		tc.neg.SelfLink = neg
		inv := &Inventory{functions: functionsOf([]*compute.NetworkEndpointGroup{&tc.neg}),
			backends: []*compute.BackendService{{SelfLink: ours, Name: "ours", Backends: []*compute.Backend{{Group: neg}}}}}
		inv.uses = inv.usesOf()
		if got := inv.FunctionBackends(tc.target); len(got) != tc.want {
			t.Errorf("%s: %+v, want %d", tc.name, got, tc.want)
		}
	}
}
