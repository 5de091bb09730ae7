package loadbalancer

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestANEGLeadsToEveryServiceThatItCanPick(t *testing.T) {
	at := func(service string) posture.Target {
		return posture.Target{Project: "demo-project", Location: "us-central1", Service: service}
	}
	region := []posture.Target{at("cart"), at("shop")}
	for _, tc := range []struct {
		name string
		run  *compute.NetworkEndpointGroupCloudRun
		want []posture.Target
	}{
		{"a service", &compute.NetworkEndpointGroupCloudRun{Service: "shop"}, region[1:]},
		{"a service's tag", &compute.NetworkEndpointGroupCloudRun{Service: "shop", Tag: "blue"}, region[1:]},
		{
			"a service, the tag by a mask",
			&compute.NetworkEndpointGroupCloudRun{Service: "shop", UrlMask: "<tag>.example.com"}, region[1:],
		},
		{"a mask for the host", &compute.NetworkEndpointGroupCloudRun{UrlMask: "<service>.example.com"}, region},
		{
			"a mask for the path, with a tag", &compute.NetworkEndpointGroupCloudRun{UrlMask: "example.com/<service>/<tag>"},
			region,
		},
		{"a mask that names no service", &compute.NetworkEndpointGroupCloudRun{UrlMask: "<tag>.example.com"}, nil},
		{"a name that no service can have", &compute.NetworkEndpointGroupCloudRun{Service: "../x"}, nil},
		{"no Cloud Run at all", nil, nil},
	} {
		lists := 0
		c := &Client{services: func(_ context.Context, scope posture.Scope) ([]posture.Target, error) {
			if lists++; scope != (posture.Scope{Project: "demo-project", Location: "us-central1"}) {
				t.Errorf("%s: listed %+v", tc.name, scope)
			}
			return region, nil
		}}
		neg := func(name string) *compute.NetworkEndpointGroup {
			return &compute.NetworkEndpointGroup{SelfLink: "projects/demo-project/regions/us-central1/networkEndpointGroups/" +
				name, CloudRun: tc.run}
		}
		got, err := c.resolve(t.Context(), []*compute.NetworkEndpointGroup{neg("a"), neg("b")})
		want := map[link][]posture.Target{}
		for _, name := range []string{"a", "b"} {
			if tc.want != nil {
				want[link{"demo-project", "us-central1", "networkEndpointGroups", name}] = tc.want
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(link{})); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
		}
		if lists > 1 {
			t.Errorf("%s: the region was listed %d times", tc.name, lists)
		}
	}
}

func TestAFailedListIsNotAnEmptyList(t *testing.T) {
	broken := errors.New("broken")
	c := &Client{services: func(context.Context, posture.Scope) ([]posture.Target, error) { return nil, broken }}
	_, err := c.resolve(t.Context(), []*compute.NetworkEndpointGroup{{
		SelfLink: "projects/demo-project/regions/us-central1/networkEndpointGroups/a",
		CloudRun: &compute.NetworkEndpointGroupCloudRun{UrlMask: "<service>.a"},
	}})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
