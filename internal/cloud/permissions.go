package cloud

import "context"

// needed are permissions without which no service of a project can be looked at.
// deploy/roles has all, with their reasons.
var needed = []string{
	"compute.backendServices.list", "compute.networkEndpointGroups.list", "compute.urlMaps.list",
	"resourcemanager.projects.get", "run.services.get", "run.services.getIamPolicy", "run.services.list",
}

// Lacks returns which permissions are missing without which no service of a project can be
// looked at.
func (c *Cloud) Lacks(ctx context.Context, project string) ([]string, error) {
	return c.projects.Lacks(ctx, project, needed)
}
