package event

// routingIdentity finds a part of a load balancer by its name, or the service that
// a domain mapping leads to.
func routingIdentity(e *entry, c *Cause) *problem {
	if firstOf(e.ProtoPayload.ServiceName.s, serviceOf(e.ProtoPayload.MethodName.s)) == runAPI {
		return domainIdentity(e, c)
	}
	return computeIdentity(e, c)
}

// domainIdentity finds the service of a domain mapping. No such entry was recorded.
// The method's name is documented (run/docs/audit-logging); the rest follows
// entries about services and the API's DomainMapping (*unverified*). The host is
// in the place of the service's name, so the labels do not name the service.
func domainIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.ProtoPayload.ResourceName.s)
	request, response := e.ProtoPayload.request(), e.ProtoPayload.response()
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project, projectOfLog(e.LogName.s))
	bad = orElse(bad, locations.pick(&c.Location, firstOf(e.Resource.Labels.Location.s, n.location,
		e.ProtoPayload.ResourceLocation.CurrentLocations.s, response.Metadata.Labels.Location.s)))
	bad = orElse(bad, services.pick(&c.Service,
		firstOf(request.DomainMapping.Spec.RouteName.s, response.Spec.RouteName.s)))
	return orElse(bad, serviceNamed(c))
}
