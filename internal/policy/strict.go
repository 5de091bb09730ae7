package policy

import (
	"slices"
	"time"
)

// strictness compares one setting: it reports whether what labels select is at
// least as strict as what holds without them. Settings that are merely another
// way of guarding a service are not: going from one to the other is for a
// person, and blocks what would else be done.
type strictness struct {
	key   string   // in a rule
	field []string // of posture.Settings
	holds func(labelled, base Settings) bool
}

// strictnesses are all that a rule can set.
var strictnesses = []strictness{
	{"mode", []string{"Mode"}, func(l, b Settings) bool {
		return inOrder(b.Mode, l.Mode, ReportOnly, Approve, Enforce)
	}},
	{"recipe", []string{"Recipe"}, func(l, b Settings) bool { return l.Recipe == b.Recipe }},
	{"withoutLoadBalancer", []string{"WithoutLoadBalancer"}, func(l, b Settings) bool {
		return l.WithoutLoadBalancer == b.WithoutLoadBalancer || inOrder(b.WithoutLoadBalancer, l.WithoutLoadBalancer, WithoutWait, WithoutClose)
	}},
	{"access.members", []string{"Access"}, fewer},
	{"access.condition", []string{"AccessCondition"}, func(l, b Settings) bool { return b.AccessCondition.Always() || l.AccessCondition == b.AccessCondition }},
	{"access.none", []string{"NoneFor"}, func(l, b Settings) bool {
		return inOrder(b.NoneFor, l.NoneFor, NoneWait, NoneEnable)
	}},
	// IAP with another client, or with Google's own, signs in others.
	{"oauthClient", []string{"OAuthClient"}, func(l, b Settings) bool { return l.OAuthClient == b.OAuthClient }},
	{"ingress", []string{"KeepIngress"}, func(l, b Settings) bool { return b.KeepIngress || !l.KeepIngress }},
	{"publicInvokers", []string{"KeepInvokers"}, func(l, b Settings) bool { return b.KeepInvokers || !l.KeepInvokers }},
	{"since", []string{"Since", "Existing"}, func(l, b Settings) bool { return !from(l).After(from(b)) }},
	// Until then a service stays as it is.
	{"settle", []string{"Settle"}, func(l, b Settings) bool { return l.Settle <= b.Settle }},
	{"quiet", []string{"Quiet"}, func(l, b Settings) bool { return l.Quiet <= b.Quiet }},
	{"propagation", []string{"Propagation"}, func(l, b Settings) bool { return l.Propagation <= b.Propagation }},
	{"callers", []string{"Callers"}, func(l, b Settings) bool {
		return inOrder(b.Callers, l.Callers, BreakStopOnRequests, BreakStop, BreakProceed)
	}},
	{"probe", []string{"Probe"}, func(l, b Settings) bool { return inOrder(b.Probe, l.Probe, ProbeOff, ProbeOn) }},
	// What the limits stop stays as it is.
	{"limits", []string{"Limits"}, func(l, b Settings) bool {
		return l.Limits.PerProject >= b.Limits.PerProject && l.Limits.Overall >= b.Limits.Overall
	}},
	// A redeploy is done with rights that whoever deploys may not have.
	{"redeploy", []string{"Redeploy"}, func(l, b Settings) bool {
		return inOrder(b.Redeploy, l.Redeploy, RedeployEnforce, RedeployAdvise, RedeployOff)
	}},
	{"redeployImage", []string{"RedeployImage"}, func(l, b Settings) bool {
		return inOrder(b.RedeployImage, l.RedeployImage, ImageGoOn, ImagePin, ImageRefuse)
	}},
}

// LessStrict names the keys in which the settings of a rule that labels select
// are not at least as strict as the settings without it; none = it may decide.
func LessStrict(labelled, base Settings) []string {
	var keys []string
	for _, each := range strictnesses {
		if !each.holds(labelled, base) {
			keys = append(keys, each.key)
		}
	}
	return keys
}

// inOrder reports whether both are known, and in this order or the same.
func inOrder[T comparable](first, second T, order ...T) bool {
	i, j := slices.Index(order, first), slices.Index(order, second)
	return i >= 0 && j >= i
}

// fewer reports whether nobody gets access whom the base leaves out. Without
// anybody IAP may stay off, unless it is enabled all the same.
func fewer(labelled, base Settings) bool {
	stranger := func(member string) bool { return !slices.Contains(base.Access, member) }
	somebody := len(labelled.Access) > 0 || len(base.Access) == 0 || labelled.NoneFor == NoneEnable
	return somebody && !slices.ContainsFunc(labelled.Access, stranger)
}

// from is the age from which services are changed.
func from(s Settings) time.Time {
	if s.Existing {
		return time.Time{}
	}
	return s.Since
}
