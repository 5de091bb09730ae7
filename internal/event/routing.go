package event

// routingIdentity finds what a way to a service is about: a load balancer's
// part by its name, a domain mapping by the service that it leads to.
func routingIdentity(e *entry, c *Cause) *problem {
	if firstOf(e.payload.service.s, serviceOf(e.payload.method.s)) == "run.googleapis.com" {
		return domainIdentity(e, c)
	}
	return computeIdentity(e, c)
}

// domainIdentity finds the service of a domain mapping. No entry of one was
// recorded: the method's name is documented (run/docs/audit-logging), the rest
// follows entries about services and the API's DomainMapping (*unverified*).
// The host stands where a service's name does, so labels are not asked for it.
func domainIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.payload.resource.s)
	request, response := e.payload.request, e.payload.response
	location := ""
	if e.payload.locations == 1 {
		location = e.payload.location.s
	}
	bad := projects.pick(&c.Project, e.resource.project.s, n.project, projectOfLog(e.logName.s))
	bad = orElse(bad, locations.pick(&c.Location, firstOf(e.resource.location.s, n.location, location,
		find(response, "metadata", "labels", "cloud.googleapis.com/location"))))
	bad = orElse(bad, services.pick(&c.Service, firstOf(find(request, "domainMapping", "spec", "routeName"), find(response, "spec", "routeName"))))
	return orElse(bad, serviceNamed(c))
}
