package event

// runIdentity finds a Cloud Run service.
//
// Labels come first, because v1 names have no region and readiness events may be
// named after a revision. The labels of SetIamPolicy lack the service.
func runIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.ProtoPayload.ResourceName.s)
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project)
	bad = orElse(bad, locations.pick(&c.Location, e.Resource.Labels.Location.s, n.location))
	bad = orElse(bad, services.pick(&c.Service, e.Resource.Labels.ServiceName.s, n.service))
	if bad == nil && (c.Project == "" || c.Location == "" || c.Service == "") {
		bad = runFallback(e, c)
	}
	return orElse(bad, serviceNamed(c))
}

// serviceNamed reports the missing part of a service's name, nil for none.
func serviceNamed(c *Cause) *problem {
	switch {
	case c.Project == "":
		return unreadable("no project is named")
	case c.Location == "":
		return unreadable("no location is named")
	case c.Service == "":
		return unreadable("no service is named")
	}
	return nil
}

// runFallback searches the request, the response and the rest of the entry for the
// parts that labels and resource name lack.
func runFallback(e *entry, c *Cause) *problem {
	request, response := e.ProtoPayload.request(), e.ProtoPayload.response()
	name := parsePath(firstOf(request.Name.s, request.Resource.s, request.Service.Name.s))
	parent := parsePath(request.Parent.s)
	fill := func(g grammar, into *string, names ...string) *problem {
		if *into != "" {
			return nil
		}
		return g.pick(into, firstOf(names...))
	}
	bad := fill(projects, &c.Project, name.project, parent.project, projectOfLog(e.LogName.s))
	bad = orElse(bad, fill(locations, &c.Location, e.ProtoPayload.ResourceLocation.CurrentLocations.s, name.location,
		parent.location, request.Region.s, response.Metadata.Labels.Location.s))
	return orElse(bad, fill(services, &c.Service, name.service, request.Service.Metadata.Name.s,
		request.ServiceID.s, response.Metadata.Labels.Service.s))
}

func orElse(first, then *problem) *problem {
	if first != nil {
		return first
	}
	return then
}
