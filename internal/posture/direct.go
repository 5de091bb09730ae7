package posture

import "slices"

// direct reports whether the service is guarded by IAP of its own, or is to be.
// Source: run/docs/securing/identity-aware-proxy-cloud-run.
func (p Posture) direct(want Wanted) bool { return p.Service.IAPOn || p.wantsDirect(want) }

// wantsDirect reports whether the policy wants IAP at the service itself. Where
// it is found there without that, it is left as it is, access included.
func (p Posture) wantsDirect(want Wanted) bool {
	return want.Recipe == RecipeDirect || want.WithoutLoadBalancer == WithoutDirect && len(p.Backends) == 0
}

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

// offCommand is the gcloud command that turns a service's own IAP off. Only the
// beta track takes --no-iap everywhere (the GA track of gcloud 528 refuses it).
func (t Target) offCommand() string {
	return "gcloud beta run services update " + t.Service + " --region=" + t.Location + " --project=" + t.Project + " --no-iap"
}

// offCommand is the gcloud command that turns IAP off at a backend service.
func (b Backend) offCommand() string {
	return "gcloud compute backend-services update " + b.Name + " " + b.flag() + " --project=" + b.Project + " --iap=disabled"
}

// AccessCommand is the gcloud command that grants access through the IAP of a
// backend service, without the member.
func (b Backend) AccessCommand() string {
	return "gcloud iap web add-iam-policy-binding --resource-type=backend-services --service=" + b.Name +
		b.regionFlag() + " --project=" + b.Project + " --role=" + RoleAccessor
}

// gate is a place where IAP is, or is to be, with everything that lets
// somebody through it.
type gate struct {
	resource string // under which IAP keeps its policy
	on       bool
	policies []Policy // its own and those that it inherits
	command  string   // by which a person grants access here, without the member
}

// gates are the places at which the policy wants IAP.
func (p Posture) gates(want Wanted) []gate {
	switch {
	case p.Service.IAPOn && !p.wantsDirect(want):
		return nil
	case p.direct(want):
		return []gate{{
			resource: p.Target.AccessResource(p.ProjectNumber), on: p.Service.IAPOn,
			policies: append([]Policy{p.DirectAccess, p.Project}, p.DirectInherited...),
			command:  p.Target.AccessCommand(),
		}}
	}
	var gates []gate
	for _, backend := range p.guarded() {
		gates = append(gates, gate{
			resource: backend.AccessResource(p.ProjectNumber), on: backend.IAPOn,
			policies: append([]Policy{backend.Access, p.Project}, backend.Inherited...),
			command:  backend.AccessCommand(),
		})
	}
	return gates
}

// lets reports whether a member gets through, at least under the condition.
func (g gate) lets(member string, condition Condition) bool {
	return slices.ContainsFunc(g.policies, func(policy Policy) bool { return policy.HoldsIf(RoleAccessor, member, condition) })
}

// letsAnybody reports whether anybody is known to get through.
func (g gate) letsAnybody() bool {
	return slices.ContainsFunc(g.policies, func(policy Policy) bool { return len(policy.Members(RoleAccessor)) > 0 })
}

// Audiences are what the JWTs of every IAP before the service are made out to,
// which an application that verifies them must expect.
// Source: iap/docs/signed-headers-howto.
func (p Posture) Audiences() []string {
	var audiences []string
	if p.Service.IAPOn {
		audiences = append(audiences, p.directAudience())
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			audiences = append(audiences, backend.audience(p.ProjectNumber))
		}
	}
	return audiences
}

func (p Posture) directAudience() string {
	return "/projects/" + p.ProjectNumber + "/locations/" + p.Target.Location + "/services/" + p.Target.Service
}

func (b Backend) audience(projectNumber string) string {
	return "/projects/" + projectNumber + "/" + b.Location + "/backendServices/" + b.ID
}
