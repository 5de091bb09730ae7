package posture

import (
	"slices"
	"strings"
)

// AccessorMissing: somebody whom the policy names cannot get through IAP.
const AccessorMissing Code = "ACCESSOR_MISSING"

// NoAccessor: nobody is known who could get in once IAP is on.
const NoAccessor Code = "NO_ACCESSOR"

// accessors wants every member that the policy names to have access, on each
// backend service, before IAP is turned on there.
func accessors(p Posture, want Wanted) []Finding {
	if p.Service.IAPOn {
		return nil
	}
	var findings []Finding
	for _, backend := range p.guarded() {
		var missing []string
		for _, member := range want.Access {
			if !p.mayAccess(backend, member) && !slices.Contains(missing, member) {
				missing = append(missing, member)
			}
		}
		if len(missing) > 0 {
			findings = append(findings, Finding{
				Code: AccessorMissing, Severity: Medium, Effect: Gap, Resource: backend.AccessResource(p.ProjectNumber),
				Subject: strings.Join(missing, " "),
				Why:     "the policy names who is to get in, and IAP does not let them in yet",
			})
		}
	}
	return findings
}

// accessKnown keeps IAP off where turning it on would shut everybody out.
func accessKnown(p Posture, want Wanted) []Finding {
	if p.Service.IAPOn || want.NoneFor == NoneEnable || len(want.Access) > 0 {
		return nil
	}
	var findings []Finding
	for _, backend := range p.guarded() {
		if backend.IAPOn || p.anyAccessor(backend) {
			continue
		}
		findings = append(findings, Finding{
			Code: NoAccessor, Severity: Medium, Effect: Waits, Resource: backend.AccessResource(p.ProjectNumber),
			Why: "nobody is known to have access through IAP, so turning it on would shut everybody out",
			Remedy: "name members under access in the policy, or run: gcloud iap web add-iam-policy-binding --resource-type=backend-services" +
				" --service=" + backend.Name + backend.regionFlag() + " --member=MEMBER --role=" + RoleAccessor + " --project=" + backend.Project,
		})
	}
	return findings
}

// guarded are the backends at which IAP is to be on: all that a frontend leads to.
func (p Posture) guarded() []Backend {
	return slices.DeleteFunc(slices.Clone(p.Backends), func(b Backend) bool { return len(b.Frontends) == 0 })
}

func (b Backend) regionFlag() string {
	if b.Location == Global {
		return ""
	}
	return " --region=" + b.Location
}
