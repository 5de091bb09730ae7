package posture

// AccessResource is the name under which IAP keeps the policy of a service with
// direct IAP. That of instances is the region's.
// Sources: iap/docs/managing-access, run/docs/instances.
func (t Target) AccessResource(projectNumber string) string {
	region := "projects/" + projectNumber + "/iap_web/cloud_run-" + t.Location
	if t.Instance {
		return region
	}
	return region + "/services/" + t.Service
}

// AccessParents are the names of the resources from which a service with
// direct IAP inherits access, beside the project.
func (t Target) AccessParents(projectNumber string) []string {
	if t.Instance {
		return []string{"projects/" + projectNumber + "/iap_web"}
	}
	return []string{"projects/" + projectNumber + "/iap_web/cloud_run-" + t.Location,
		"projects/" + projectNumber + "/iap_web"}
}

// Audiences are what the JWTs of every IAP before the service are made out to,
// which an application that verifies them must expect.
// Source: iap/docs/signed-headers-howto.
func (p Posture) Audiences() []string {
	var audiences []string
	for _, part := range p.Parts() {
		if part.Service.IAPOn {
			audiences = append(audiences, part.DirectAudience())
		}
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			audiences = append(audiences, backend.Audience(p.ProjectNumber))
		}
	}
	return audiences
}

func (p Posture) DirectAudience() string {
	return "/projects/" + p.ProjectNumber + "/locations/" + p.Target.Location + "/services/" + p.Target.Service
}

func (b Backend) Audience(projectNumber string) string {
	return "/projects/" + projectNumber + "/" + b.Location + "/backendServices/" + b.ID
}
