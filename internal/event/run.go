package event

// runIdentity finds a Cloud Run service.
//
// Labels come first: v1 names have no region, readiness events may be named
// after a revision, and the labels of SetIamPolicy lack the service.
func runIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.payload.resource.s)
	bad := projects.pick(&c.Project, e.resource.project.s, n.project)
	bad = orElse(bad, locations.pick(&c.Location, e.resource.location.s, n.location))
	bad = orElse(bad, services.pick(&c.Service, e.resource.service.s, n.service))
	if bad == nil && (c.Project == "" || c.Location == "" || c.Service == "") {
		bad = runFallback(e, c)
	}
	return orElse(bad, serviceNamed(c))
}

// serviceNamed says what of a service's name is missing, nil for nothing.
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

// runFallback looks for what labels and resource name lack in the request, the
// response and the rest of the entry.
func runFallback(e *entry, c *Cause) *problem {
	request, response := e.payload.request, e.payload.response
	name := parsePath(firstOf(find(request, "name"), find(request, "resource"), find(request, "service", "name")))
	parent := parsePath(find(request, "parent"))
	fill := func(g grammar, into *string, names ...string) *problem {
		if *into != "" {
			return nil
		}
		return g.pick(into, firstOf(names...))
	}
	location := ""
	if e.payload.locations == 1 {
		location = e.payload.location.s
	}
	bad := fill(projects, &c.Project, name.project, parent.project, projectOfLog(e.logName.s))
	bad = orElse(bad, fill(locations, &c.Location, location, name.location, parent.location, find(request, "region"),
		find(response, "metadata", "labels", "cloud.googleapis.com/location")))
	return orElse(bad, fill(services, &c.Service, name.service, find(request, "service", "metadata", "name"),
		find(request, "serviceId"), find(request, "service_id"),
		find(response, "metadata", "labels", "serving.knative.dev/service")))
}

func orElse(first, then *problem) *problem {
	if first != nil {
		return first
	}
	return then
}
