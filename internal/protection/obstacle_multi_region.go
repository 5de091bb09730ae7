package protection

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// inRegions: IAP is on at a multi-region service itself in some of its regions only, so that
// no IAP elsewhere suits them all.
const inRegions Code = "MULTI_REGION"

// multiRegion finds what is not as wanted in each region of a service. A region without a
// backend service of its own is not without a load balancer as long as another has one.
// Policies are each region's. Settings of the service are written at global, as gcloud does
// (gcloud 528: deploy --regions, multi-region-services update). Where a region has other
// settings than the service at global, Cloud Run took a write there, and one at global might
// loosen it, so that the regions are written.
func multiRegion(p posture.Posture, want policy.Wanted) []Finding {
	balanced := len(p.Backends) > 0
	if balanced && want.WithoutLoadBalancer != policy.WithoutWait {
		want.WithoutLoadBalancer = policy.WithoutWait // of regions without a backend service
	}
	findings, atGlobal := partlyDirect(p, want), serviceGaps(p, want)
	if !alike(p) {
		atGlobal = nil
	}
	for _, part := range p.Parts() {
		earlier := findings
		for _, f := range compared(part, want) {
			if i := slices.IndexFunc(atGlobal, func(g Finding) bool { return g.Code == f.Code }); i >= 0 {
				f = atGlobal[i]
			}
			if f.Code == NoLoadBalancer && f.Resource == part.Target.Name() {
				f.Resource = p.Target.Name()
			}
			known := slices.ContainsFunc(earlier, f.same) || f.Code == NoLoadBalancer && balanced ||
				f.Code == AgentNotProvisioned && len(serviceAgent(p, want)) == 0 // another region names it
			if known {
				continue
			}
			findings = append(findings, f)
		}
	}
	return append(findings, publicInvokers(p, want)...)
}

// alike reports whether the service is set in every region as it is at global.
func alike(p posture.Posture) bool {
	return !slices.ContainsFunc(p.Regions, func(part posture.Posture) bool {
		one, all := part.Service, p.Service
		return one.Ingress != all.Ingress || one.InvokerCheckOff != all.InvokerCheckOff || one.IAPOn != all.IAPOn ||
			one.DefaultURLDisabled != all.DefaultURLDisabled
	})
}

// serviceGaps are the gaps that are closed by a setting of the service.
func serviceGaps(p posture.Posture, want policy.Wanted) []Finding {
	return slices.Concat(directIAPOn(p, want), ingressRestricted(p, want), invokerCheck(p, want))
}

// partlyDirect stops IAP at backend services where IAP is on at the service in some regions
// only: requests that these answer would fail with 500.
func partlyDirect(p posture.Posture, want policy.Wanted) []Finding {
	var on, off []string
	for _, part := range p.Regions {
		if part.Service.IAPOn {
			on = append(on, part.Target.Location)
		} else {
			off = append(off, part.Target.Location)
		}
	}
	if len(on) == 0 || len(off) == 0 || policy.WantsDirect(p, want) {
		return nil
	}
	return []Finding{{
		Code: inRegions, Severity: High, Disposition: Blocks, Resource: p.Target.Name(),
		Stops: anywhere(opIAP),
		Why: "IAP is on at the service itself in " + strings.Join(on, ", ") + " and not in " + strings.Join(off, ", ") +
			", so IAP at its backend services would make requests fail in some regions",
		Remedy: "make all regions alike: " + command.EnableDirectIAP(p.Target).String() + ", or " +
			command.DisableDirectIAP(p.Target).String(),
	}}
}
