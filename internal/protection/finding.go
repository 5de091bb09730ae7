package protection

import (
	"cmp"
	"slices"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
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

// Effect says what a finding means for a plan.
type Effect string

// The effects.
const (
	Gap    Effect = "gap"    // a step closes it
	Waits  Effect = "waits"  // something outside must come first
	Blocks Effect = "blocks" // a person must change something first
	Tells  Effect = "tells"  // nothing is done about it
)

// Finding is one difference between what is and what is wanted.
type Finding struct {
	Code     Code
	Severity Severity
	Effect   Effect
	Resource string // name of the resource that is not as wanted
	Why      string // one line
	Remedy   string // one line: what a person can do; "" for gaps
	// Subject is what exactly is missing or too much there: a member, a role.
	Subject string
	// Condition is under what the subject is to have what is missing.
	Condition posture.Condition
}

// protections are all comparisons, in the order in which their gaps are
// closed: see package plan for why the order is safe. Obstacles come first,
// since they decide whether anything can be closed at all.
var protections = []func(posture.Posture, policy.Wanted) []Finding{
	loadBalancer,
	frontends,
	capableBackends,
	oauthClient,
	sharedBackends,
	oneIAP,
	recipeKept,
	knownIngress,
	InheritedInvokers,
	publicAccessors,
	serviceAgent,
	invokerGrant,
	accessors,
	accessKnown,
	iapOn,
	directIAPOn,
	oauthClientKept,
	ingressRestricted,
	invokerCheck,
	PublicInvokers,
}

// Assess compares a posture with what is wanted. It gives every difference, in
// the order in which they matter to a plan; none means that the service is
// protected as wanted.
func Assess(p posture.Posture, want policy.Wanted) []Finding {
	if want.Recipe == policy.RecipeOff {
		return nil
	}
	findings := ruleDecided(p, want)
	if len(findings) > 0 {
		return findings // of what is wanted nothing else is known
	}
	for _, protection := range protections {
		findings = append(findings, protection(p, want)...)
	}
	return findings
}

// Closes reports whether the policy wants a service shut for as long as no load
// balancer leads to it, and nothing else is to be waited for.
func Closes(findings []Finding, want policy.Wanted) bool {
	return want.WithoutLoadBalancer == policy.WithoutClose && !slices.ContainsFunc(findings, func(f Finding) bool {
		return f.Effect == Blocks || f.Effect == Waits && f.Code != NoLoadBalancer
	})
}

// Worst is the strongest effect among findings, "" when there are none.
func Worst(findings []Finding) Effect {
	rank := map[Effect]int{Gap: 1, Waits: 2, Blocks: 3}
	var worst Effect
	for _, finding := range findings {
		if cmp.Compare(rank[finding.Effect], rank[worst]) > 0 {
			worst = finding.Effect
		}
	}
	return worst
}

// Codes lists the codes that this package can give, sorted.
func Codes() []Code {
	codes := []Code{
		NoLoadBalancer, NoFrontend, FrontendUnknown, NoHTTPSFrontend, CDNEnabled, BackendNotCapable, SharedBackend, BothIAP,
		IngressNotKnown, AgentNotProvisioned, AgentNotInvoker, AccessorMissing, NoAccessor, IAPOff,
		IngressOpen, InvokerCheckOff, PublicInvoker, InheritedPublicInvoker, PublicAccessor,
		RecipeChange, DirectIAPOff, ProbeOpen, NoOAuthClient, HTTP2Classic, RuleUndecided, CallerBreaks, OAuthClientDiffers, NoWriter, WriterUnknown,
	}
	slices.Sort(codes)
	return codes
}

// ProbeOpen: whatever the configuration says, a request without credentials got
// through to the application.
const ProbeOpen Code = "PROBE_OPEN"
