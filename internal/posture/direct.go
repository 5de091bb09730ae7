package posture

// AccessResource is the name under which IAP keeps the policy of a service with
// direct IAP. Source: iap/docs/managing-access.
func (t Target) AccessResource(projectNumber string) string {
	return "projects/" + projectNumber + "/iap_web/cloud_run-" + t.Location + "/services/" + t.Service
}

// AccessParents are the names of the resources from which a service with
// direct IAP inherits access, beside the project.
func (t Target) AccessParents(projectNumber string) []string {
	return []string{"projects/" + projectNumber + "/iap_web/cloud_run-" + t.Location, "projects/" + projectNumber + "/iap_web"}
}

// AccessCommand is the gcloud command that grants access through a service's
// own IAP, without the member. Only the beta track takes this type of resource
// (gcloud 583).
func (t Target) AccessCommand() string {
	return "gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=" + t.Service +
		" --region=" + t.Location + " --project=" + t.Project + " --role=" + RoleAccessor
}

// OffCommand is the gcloud command that turns a service's own IAP off. Only the
// beta track takes --no-iap everywhere (the GA track of gcloud 528 refuses it).
func (t Target) OffCommand() string {
	return "gcloud beta run services update " + t.Service + " --region=" + t.Location + " --project=" + t.Project + " --no-iap"
}

// OffCommand is the gcloud command that turns IAP off at a backend service.
func (b Backend) OffCommand() string {
	return "gcloud compute backend-services update " + b.Name + " " + b.Flag() + " --project=" + b.Project + " --iap=disabled"
}

// AccessCommand is the gcloud command that grants access through the IAP of a
// backend service, without the member.
func (b Backend) AccessCommand() string {
	return "gcloud iap web add-iam-policy-binding --resource-type=backend-services --service=" + b.Name +
		b.regionFlag() + " --project=" + b.Project + " --role=" + RoleAccessor
}

// Audiences are what the JWTs of every IAP before the service are made out to,
// which an application that verifies them must expect.
// Source: iap/docs/signed-headers-howto.
func (p Posture) Audiences() []string {
	var audiences []string
	if p.Service.IAPOn {
		audiences = append(audiences, p.DirectAudience())
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
