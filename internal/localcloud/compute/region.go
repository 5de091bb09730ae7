package compute

import (
	"maps"
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// autoRanges are Compute Engine's regions that also run Cloud Run (run/docs/locations),
// each with the second number of the range, 10.N.0.0/20, of the subnetwork that auto mode
// networks have there (vpc/docs/subnets#ip-ranges).
var autoRanges = map[string]int{
	"africa-south1": 218, "asia-east1": 140, "asia-east2": 170, "asia-northeast1": 146, "asia-northeast2": 174,
	"asia-northeast3": 178, "asia-south1": 160, "asia-south2": 190, "asia-southeast1": 148,
	"asia-southeast2": 184, "australia-southeast1": 152, "australia-southeast2": 192, "europe-central2": 186,
	"europe-north1": 166, "europe-southwest1": 204, "europe-west1": 132, "europe-west10": 214,
	"europe-west12": 210, "europe-west2": 154, "europe-west3": 156, "europe-west4": 164, "europe-west6": 172,
	"europe-west8": 198, "europe-west9": 200, "me-central1": 212, "me-central2": 216, "me-west1": 208,
	"northamerica-northeast1": 162, "northamerica-northeast2": 188, "southamerica-east1": 158,
	"southamerica-west1": 194, "us-central1": 128, "us-east1": 142, "us-east4": 150, "us-east5": 202,
	"us-south1": 206, "us-west1": 138, "us-west2": 168, "us-west3": 180, "us-west4": 182,
}

// regions are the names of the regions, in order.
var regions = slices.Sorted(maps.Keys(autoRanges))

// regionScopes are the scopes of the regions, in order.
var regionScopes = func() []string {
	var scopes []string
	for _, region := range regions {
		scopes = append(scopes, "regions/"+region)
	}
	return scopes
}()

func (a *API) regionRoutes(version string) []apiserver.Route {
	var routes []apiserver.Route
	for verb, handle := range map[string]handler{
		"list": func(c *apiserver.Call) (any, error) {
			return page(c, everyRegion(c.Project), listing{"RegionList", c.Project.Name() + "/regions", version, ""})
		},
		"get": func(c *apiserver.Call) (any, error) {
			if name := c.Var("name"); slices.Contains(regions, name) {
				return inVersion(regionView(c.Project, name), version), nil
			}
			return nil, notFound(c.Project.Name() + "/regions/" + c.Var("name"))
		},
	} {
		m, _ := document().Method("compute.regions." + verb)
		routes = append(routes, newRoute(version, m, handle))
	}
	return routes
}

func everyRegion(project apiserver.Project) source {
	return func(after string, n int) []item {
		var items []item
		for _, name := range regions {
			if name > after && len(items) < n {
				items = append(items, item{order: name, other: regionView(project, name)})
			}
		}
		return items
	}
}

func regionView(project apiserver.Project, name string) map[string]any {
	return map[string]any{
		"kind": "compute#region", "name": name, "description": name, "status": "UP",
		"selfLink": link(at(project, name).name()),
	}
}
