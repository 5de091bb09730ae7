package protection

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// inRegions: a multi-region service is not as wanted, and iapguard does not change it:
// its settings are written at the location global, its policies in each region, and
// whether Cloud Run takes writes to a regional part is not known.
// Source: run/docs/multiple-regions, gcloud 528.
const inRegions Code = "MULTI_REGION"

// multiRegion finds what is not as wanted in each region of a service. A region without a
// backend service of its own is not without a load balancer as long as another has one.
func multiRegion(p posture.Posture, want policy.Wanted) []Finding {
	balanced := slices.ContainsFunc(p.Regions, func(r posture.Posture) bool { return len(r.Backends) > 0 })
	var findings []Finding
	for _, part := range p.Parts() {
		for _, f := range Assess(part, want) {
			if f.Code == NoLoadBalancer && balanced || slices.ContainsFunc(findings, f.same) {
				continue
			}
			findings = append(findings, f)
		}
	}
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Disposition == Gap }) {
		return findings
	}
	var regions, commands []string
	for _, part := range p.Regions {
		regions = append(regions, part.Target.Location)
		commands = append(commands, command.GrantInvoker(part.Target, part.Agent()).String())
	}
	return slices.Insert(findings, 0, Finding{
		Code: inRegions, Severity: High, Disposition: Blocks, Resource: p.Target.Name(),
		Why: "multi-region services are not changed yet: this one is in " + strings.Join(regions, ", "),
		Remedy: "turn IAP on at its backend services, and in each region let IAP's agent invoke it (" +
			strings.Join(commands, "; ") + "), then take public members away there; restrict the ingress at location global",
	})
}
