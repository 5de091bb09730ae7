package protection

import (
	"cmp"
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// Code names one kind of finding. Codes are part of the published contract.
type Code string

// Severity says how bad a finding is for the service.
type Severity string

// The severities.
const (
	High   Severity = "high"   // somebody who should not get in does
	Medium Severity = "medium" // a part of the protection is missing
	Low    Severity = "low"    // worth knowing
)

// Disposition says what a finding means for a plan.
type Disposition string

// The dispositions.
const (
	Gap     Disposition = "gap"     // a step closes it
	Waits   Disposition = "waits"   // something outside must come first
	Blocks  Disposition = "blocks"  // a person must change something first
	Remarks Disposition = "remarks" // nothing is done about it
)

// Finding is one difference between what is and what is wanted.
type Finding struct {
	Code        Code
	Severity    Severity
	Disposition Disposition
	Resource    string // name of the resource that is not as wanted
	Why         string // one line
	Remedy      string // one line: what a person can do; "" for gaps
	// Change closes a gap, and Version is what was observed of what it writes; nil
	// for everything but gaps.
	Change  plan.Change
	Version string
	// Subject is what exactly stands in the way: another service, a caller.
	Subject string
	// Stops are the steps that an obstacle stops, and with them all that need those.
	Stops []stop
}

// comparison is one protection, one obstacle or one fact: what it finds, and the
// codes that it can give.
type comparison struct {
	position int
	find     func(posture.Posture, policy.Wanted) []Finding
	codes    []Code
}

// The positions of comparisons in a report. Obstacles come first, since they decide
// whether anything can be closed at all; then gaps in the order in which they are
// closed. Comparisons of one position stand in the order of their codes.
const (
	positionLoadBalancer = iota
	positionObstacle
	positionAgent
	positionInvoker
	positionAccess
	positionIAP
	positionClient
	positionIngress
	positionPublic
)

var comparisons []comparison

// register adds a comparison. Every file of a protection or an obstacle does it
// once for each.
func register(position int, find func(posture.Posture, policy.Wanted) []Finding, codes ...Code) struct{} {
	comparisons = append(comparisons, comparison{position, find, codes})
	slices.SortStableFunc(comparisons, func(a, b comparison) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.codes[0], b.codes[0]))
	})
	return struct{}{}
}

// Assess compares a posture with what is wanted. It gives every difference, in
// the order in which they matter to a plan; none means that the service is
// protected as wanted.
func Assess(p posture.Posture, want policy.Wanted) []Finding {
	if want.Recipe == policy.RecipeOff {
		return nil
	}
	if p.Target.Instance {
		return ofInstance(p, want)
	}
	findings := ruleDecided(p, want)
	if len(findings) > 0 {
		return findings // of what is wanted nothing else is known
	}
	if len(p.Regions) > 0 {
		findings = multiRegion(p, want)
	} else {
		findings = compared(p, want)
	}
	if left(p, want) {
		return ofPrivate(p, want, findings)
	}
	return append(findings, letInNewly(p, want)...)
}

func compared(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, each := range comparisons {
		findings = append(findings, each.find(p, want)...)
	}
	return findings
}

// Worst is the strongest disposition among findings, "" when there are none.
func Worst(findings []Finding) Disposition {
	rank := map[Disposition]int{Gap: 1, Waits: 2, Blocks: 3}
	var worst Disposition
	for _, finding := range findings {
		if cmp.Compare(rank[finding.Disposition], rank[worst]) > 0 {
			worst = finding.Disposition
		}
	}
	return worst
}

// Codes lists the codes that findings can have, sorted.
func Codes() []Code {
	codes := []Code{ProbeOpen, OrgPolicy, Harm, BreakGlass, ruleUndecided, CallerBreaks, internalFrontendOnly, NoWriter, WriterUnknown,
		inRegions, privateWithoutIAP, accessorNotNamed, agentInvokesPrivate, accessorNotNeeded} // found outside of Assess
	for _, each := range comparisons {
		codes = append(codes, each.codes...)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// OrgPolicy: an organization policy forbids a step, as its API answered.
const OrgPolicy Code = "ORG_POLICY"

// ForbiddenBy is the finding that a constraint stopped a write of a project's resource.
func ForbiddenBy(constraint, project, why string) Finding {
	return Finding{
		Code: OrgPolicy, Severity: High, Disposition: Blocks,
		Resource: "projects/" + project + "/policies/" + constraint, Why: why,
		Remedy: "an organization policy forbids it; its administrator can exempt the project: " +
			command.DescribeConstraint(constraint, project).String(),
	}
}

// Harm: nobody got in at the load balancers any more after steps that closed the service.
const Harm Code = "HARM"

// BreakGlass: an account that the rule's breakGlass names opened a door on purpose.
const BreakGlass Code = "BREAK_GLASS"

// ProbeOpen: whatever the configuration says, a request without credentials got
// through to the application.
const ProbeOpen Code = "PROBE_OPEN"
