package loadbalancer

import (
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

func functionsOf(negs []*compute.NetworkEndpointGroup) map[link]*compute.NetworkEndpointGroupCloudFunction {
	functions := map[link]*compute.NetworkEndpointGroupCloudFunction{}
	for _, neg := range negs {
		if l, ok := parseLink(neg.SelfLink); ok && neg.CloudFunction != nil {
			functions[l] = neg.CloudFunction
		}
	}
	return functions
}

// FunctionBackends are the backend services with a NEG of Cloud Functions that would lead
// to the target if it took functions of the second generation, which are Cloud Run
// services: by name or by a URL mask, in the same region. Such NEGs are documented for the
// first generation only (load-balancing/docs/negs/serverless-neg-concepts).
func (inv *Inventory) FunctionBackends(target posture.Target) []posture.Backend {
	var found []posture.Backend
	for _, one := range inv.uses.functions {
		if !slices.ContainsFunc(one.backend.Backends, func(group *compute.Backend) bool {
			neg, _ := parseLink(group.Group)
			function := inv.functions[neg]
			return function != nil && neg.project == target.Project && neg.location == target.Location &&
				(function.Function == target.Service || strings.Contains(function.UrlMask, "<function>"))
		}) {
			continue
		}
		found = append(found, inv.backend(one.link, one.backend, target))
	}
	return found
}
