package dataplane

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

// object is a resource as the state shows it.
type object = map[string]any

// snapshot is what the data plane goes by. Load balancers' settings take effect
// late, what Cloud Run observes of a service is in effect.
type snapshot struct {
	// allowed answers from the IAM policies that are in effect.
	allowed    func(apiserver.Access) bool
	live       object // the state as it is
	propagated object // the state as it was when it had time to propagate
	// stuck names the services that refuse IAP's agent, each with the revision
	// that does so; "" is every revision.
	stuck map[string]string
	// containers are the addresses of programs, by service.
	containers map[string]string
	verify     func(token string) (oidc.Identity, error)
	// withoutOrganization says that the project is in none.
	withoutOrganization bool
}

// compute is the resource of Compute Engine that a link names, nil when there
// is none.
func (s snapshot) compute(link string) object {
	return apiserver.Object(apiserver.Object(s.propagated, "compute"), pathOf(link))
}

// each are the resources of a collection of Compute Engine, by name.
func (s snapshot) each(collection string) []object {
	all := apiserver.Object(s.propagated, "compute")
	var paths []string
	for path := range all {
		if strings.Contains(path, "/"+collection+"/") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	found := make([]object, 0, len(paths))
	for _, path := range paths {
		found = append(found, apiserver.Object(all, path))
	}
	return found
}

// service is a Cloud Run service, nil when there is none. Whether IAP is on at
// the service itself takes effect late, like IAP everywhere.
func (s snapshot) service(name string) object {
	service := apiserver.Object(apiserver.Object(s.live, "run"), name)
	before := apiserver.Object(apiserver.Object(s.propagated, "run"), name)
	if service == nil || before == nil {
		return service
	}
	shown := make(object, len(service))
	for key, value := range service {
		shown[key] = value
	}
	shown["iapEnabled"] = before["iapEnabled"]
	return shown
}

// serviceAt is the service with a default URL at a host.
func (s snapshot) serviceAt(host string) object {
	for name, entry := range apiserver.Object(s.live, "run") {
		service, _ := entry.(object)
		for _, url := range apiserver.List(service, "urls") {
			if url == "https://"+host {
				return s.service(name)
			}
		}
	}
	return nil
}

// serviceMapped is the service that Cloud Run itself leads a host to.
func (s snapshot) serviceMapped(host string) object {
	for name, entry := range apiserver.Object(s.live, "run") {
		mapping, _ := entry.(object)
		parent, mapped, ok := strings.Cut(name, "/domainmappings/")
		if ok && mapped == host {
			return s.service(parent + "/services/" + apiserver.Text(apiserver.Object(mapping, "spec"), "routeName"))
		}
	}
	return nil
}

// agentProvisioned reports whether IAP's service agent exists.
func (s snapshot) agentProvisioned() bool {
	return apiserver.Object(apiserver.Object(s.live, "project"), "serviceAgents")[apiserver.IAPAgent()] == true
}

// oauthClient is the OAuth client that IAP's settings name for a resource, or
// for the nearest above it that has one.
func (s snapshot) oauthClient(resource string) string {
	all := apiserver.Object(s.propagated, "iap")
	for name := resource; strings.Contains(name, "/"); name = name[:strings.LastIndexByte(name, '/')] {
		access := apiserver.Object(apiserver.Object(all, name+":iapSettings"), "accessSettings")
		if client := apiserver.Text(apiserver.Object(access, "oauthSettings"), "clientId"); client != "" {
			return client
		}
	}
	return ""
}

// pathOf is a link from "projects/" on.
func pathOf(link string) string {
	if i := strings.Index(link, "projects/"); i >= 0 {
		return link[i:]
	}
	return link
}

// lastOf is the last segment of a resource's name or link.
func lastOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// regionOf is the region of a resource of Compute Engine, "" of a global one.
func regionOf(resource object) string { return lastOf(apiserver.Text(resource, "region")) }
