package compute

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// regions are Compute Engine's regions that also run Cloud Run
// (run/docs/locations).
var regions = []string{
	"africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
	"asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2",
	"europe-central2", "europe-north1", "europe-southwest1", "europe-west1", "europe-west10", "europe-west12",
	"europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9",
	"me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2",
	"southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1",
	"us-west1", "us-west2", "us-west3", "us-west4",
}

// regionScopes are the scopes of the regions, in order.
var regionScopes = func() []string {
	var scopes []string
	for _, region := range slices.Sorted(slices.Values(regions)) {
		scopes = append(scopes, "regions/"+region)
	}
	return scopes
}()

func (a *API) regionRoutes(version string) []apiserver.Route {
	var routes []apiserver.Route
	for verb, handle := range map[string]handler{
		"list": func(c *apiserver.Call) (any, error) {
			return page(c, everyRegion, listing{"compute#regionList", "projects/" + apiserver.ProjectID + "/regions", version})
		},
		"get": func(c *apiserver.Call) (any, error) {
			if name := c.Var("name"); slices.Contains(regions, name) {
				return inVersion(regionView(name), version), nil
			}
			return nil, notFound("projects/" + apiserver.ProjectID + "/regions/" + c.Var("name"))
		},
	} {
		m, _ := document().Method("compute.regions." + verb)
		routes = append(routes, newRoute(version, m, handle))
	}
	return routes
}

func everyRegion(after string, n int) []item {
	var items []item
	for _, scope := range regionScopes {
		if name := strings.TrimPrefix(scope, "regions/"); name > after && len(items) < n {
			items = append(items, item{name, regionView(name)})
		}
	}
	return items
}

func regionView(name string) map[string]any {
	return map[string]any{
		"kind": "compute#region", "name": name, "description": name, "status": "UP",
		"selfLink": link("projects/" + apiserver.ProjectID + "/regions/" + name),
	}
}
