package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// iapIdentity finds the resource of an IAP policy or of IAP settings. Its name has
// one of the forms of iap/docs/managing-access:
//
//	organizations/N, folders/N, projects/P (settings alone)
//	projects/P/iap_web
//	projects/P/iap_web/compute[-REGION][/services/NAME_OR_ID]
//	projects/P/iap_web/cloud_run-REGION[/services/SERVICE]
//	projects/P/iap_web/forwarding_rule[-REGION][/services/NAME]
//
// Google writes the project's number for P, whatever the caller wrote. A
// collection of services concerns all of them; its cause names none.
func iapIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	name := firstOf(e.ProtoPayload.ResourceName.s, request.Resource.s, request.IAPSettings.Name.s)
	name = strings.TrimPrefix(name, "//iap.googleapis.com/")
	part := strings.Split(name, "/")
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s)
	switch {
	case name == "":
		return orElse(bad, unreadable("no resource is named"))
	case c.Kind == IAPSettingsChanged && posture.AboveProject(name):
		return aboveIdentity(name, c)
	case posture.AboveProject(name):
		return &problem{outOfScope, "of a folder or an organisation, which has no policy of IAP's own"}
	case len(part) == 2 && part[0] == "projects" && c.Kind == IAPSettingsChanged:
		if bad = orElse(bad, projects.pick(&c.Project, part[1])); bad == nil {
			c.Resource = name
		}
		return bad
	case len(part) < 3 || len(part) > 6 || part[0] != "projects":
		return orElse(bad, unreadable("%s is not a valid name of an IAP resource", quote(name)))
	case part[2] != "iap_web":
		return &problem{otherService, "not a web resource: " + quote(name)}
	}
	bad = orElse(bad, projects.pick(&c.Project, part[1]))
	bad = orElse(bad, iapWeb(part[3:], c))
	bad = orElse(bad, locations.pick(&c.Location, e.Resource.Labels.Location.s))
	if bad == nil {
		c.Resource = strings.Join(part, "/")
	}
	return bad
}

// iapWeb reads the part of a name after iap_web.
func iapWeb(part []string, c *Cause) *problem {
	if len(part) == 0 {
		return nil
	}
	family, region, regional := strings.Cut(part[0], "-")
	service := ""
	switch {
	case family == "appengine":
		return &problem{otherService, "App Engine is not protected here"}
	case len(part) == 3 && part[1] == "services":
		service = part[2]
	case len(part) != 1:
		return unreadable("%s is not a valid name of an IAP resource", quote("iap_web/"+strings.Join(part, "/")))
	}
	if !regional {
		region = posture.Global
	}
	if bad := locations.pick(&c.Location, region); bad != nil {
		return bad
	}
	switch family {
	case "compute":
		return backends.pick(&c.BackendService, service)
	case "cloud_run":
		return services.pick(&c.Service, service)
	case "forwarding_rule":
		return resources.pick(new(string), service)
	}
	return unreadable("%s is not a known kind of IAP resource", quote(family))
}
