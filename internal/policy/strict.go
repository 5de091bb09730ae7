package policy

import (
	"slices"
	"time"
)

// strictness compares one setting. holds reports whether the setting of a rule that labels,
// or a pattern of service names, select is at least as strict as the one without it. Another way to guard a
// service is not stricter: a person changes from one to the other.
type strictness struct {
	key   string   // in a rule
	field []string // of Settings
	holds func(labelled, base Settings) bool
}

// strictnesses covers every key that a rule can set.
var strictnesses = []strictness{
	{"mode", []string{"Mode"}, func(l, b Settings) bool {
		return inOrder(b.Mode, l.Mode, ReportOnly, Approve, Enforce)
	}},
	{"recipe", []string{"Recipe"}, func(l, b Settings) bool { return l.Recipe == b.Recipe }},
	{"withoutLoadBalancer", []string{"WithoutLoadBalancer"}, func(l, b Settings) bool {
		return l.WithoutLoadBalancer == b.WithoutLoadBalancer || inOrder(b.WithoutLoadBalancer, l.WithoutLoadBalancer,
			WithoutWait, WithoutClose)
	}},
	// What is closed no earlier stays open for longer.
	{"whenStuck", []string{"WhenStuck"}, func(l, b Settings) bool { return l.WhenStuck.AtLeast(b.WhenStuck) }},
	// Who is named there opens a door for hours.
	{"breakGlass", []string{"BreakGlass"}, func(l, b Settings) bool {
		return subset(l.BreakGlass, b.BreakGlass)
	}},
	// Included, others get in; left, its doors stay as they are. Behind IAP its doors stay, and
	// the accessors get in. "" is as the rule without labels.
	{"private", []string{"Private"}, func(l, b Settings) bool {
		return l.Private == "" || b.Private == "" || l.Private == b.Private ||
			inOrder(b.Private, l.Private, PrivateBehindIAP, PrivateLeave)
	}},
	{"access.members", []string{"Access"}, fewer},
	{"access.condition", []string{"AccessCondition"}, func(l, b Settings) bool {
		return b.AccessCondition.Always() ||
			l.AccessCondition == b.AccessCondition
	}},
	{"access.none", []string{"NoneFor"}, func(l, b Settings) bool {
		return inOrder(b.NoneFor, l.NoneFor, NoneWait, NoneEnable)
	}},
	{"access.domains, access.trusted", []string{"Trust"}, func(l, b Settings) bool {
		return !b.Trust.Known() ||
			l.Trust.Known() && subset(l.Trust.Domains, b.Trust.Domains) && subset(l.Trust.Members, b.Trust.Members)
	}},
	{"access.publicAccessors", []string{"KeepAccessors"}, func(l, b Settings) bool {
		return b.KeepAccessors || !l.KeepAccessors
	}},
	{"approvers", []string{"Approvers"}, func(l, b Settings) bool { return subset(l.Approvers, b.Approvers) }},
	{"accept", []string{"Accept"}, func(l, b Settings) bool {
		return !slices.ContainsFunc(l.Accept, func(a Acceptance) bool { return !slices.Contains(b.Accept, a) })
	}},
	// With another client, or with Google's own, other people can sign in.
	{"oauthClient", []string{"OAuthClient"}, func(l, b Settings) bool { return l.OAuthClient == b.OAuthClient }},
	{"ingress", []string{"KeepIngress"}, func(l, b Settings) bool { return b.KeepIngress || !l.KeepIngress }},
	{"publicInvokers", []string{"KeepInvokers"}, func(l, b Settings) bool { return b.KeepInvokers || !l.KeepInvokers }},
	{"since", []string{"Since", "Existing"}, func(l, b Settings) bool { return !from(l).After(from(b)) }},
	// A service stays as it is for that long.
	{"settle", []string{"Settle"}, func(l, b Settings) bool { return l.Settle <= b.Settle }},
	{"quiet", []string{"Quiet"}, func(l, b Settings) bool { return l.Quiet <= b.Quiet }},
	{"propagation", []string{"Propagation"}, func(l, b Settings) bool { return l.Propagation <= b.Propagation }},
	{"callers", []string{"Callers"}, func(l, b Settings) bool {
		return inOrder(b.Callers, l.Callers, BreakStopOnRequests, BreakStop, BreakProceed)
	}},
	{"probe", []string{"Probe"}, func(l, b Settings) bool { return inOrder(b.Probe, l.Probe, ProbeOff, ProbeOn) }},
	// A service that a limit stops stays as it is.
	{"limits", []string{"Limits"}, func(l, b Settings) bool {
		return l.Limits.PerProject >= b.Limits.PerProject && l.Limits.Overall >= b.Limits.Overall
	}},
	// A redeploy uses rights that the person who set the labels may lack.
	{"redeploy", []string{"Redeploy"}, func(l, b Settings) bool {
		return inOrder(b.Redeploy, l.Redeploy, RedeployEnforce, RedeployAdvise, RedeployOff)
	}},
	// It uses a right that they may lack, and a service stays as it is without it.
	{"enableApi", []string{"EnableAPI"}, func(l, b Settings) bool { return l.EnableAPI == b.EnableAPI }},
	{"redeployImage", []string{"RedeployImage"}, func(l, b Settings) bool {
		return inOrder(b.RedeployImage, l.RedeployImage, ImageGoOn, ImagePin, ImageRefuse)
	}},
}

// LessStrict returns the keys in which the settings of a rule that labels or a name select
// are not at least as strict as the settings without it. Without any such key the
// rule may decide.
func LessStrict(labelled, base Settings) []string {
	var keys []string
	for _, each := range strictnesses {
		if !each.holds(labelled, base) {
			keys = append(keys, each.key)
		}
	}
	return keys
}

// subset reports whether everything in less is in more.
func subset(less, more []string) bool {
	return !slices.ContainsFunc(less, func(one string) bool { return !slices.Contains(more, one) })
}

// inOrder reports whether both are known, and in this order or the same.
func inOrder[T comparable](first, second T, order ...T) bool {
	i, j := slices.Index(order, first), slices.Index(order, second)
	return i >= 0 && j >= i
}

// fewer reports whether the labelled settings give access to nobody else than base
// does. A rule without members leaves IAP off unless access.none is enable.
func fewer(labelled, base Settings) bool {
	stranger := func(member string) bool { return !slices.Contains(base.Access, member) }
	somebody := len(labelled.Access) > 0 || len(base.Access) == 0 || labelled.NoneFor == NoneEnable
	return somebody && !slices.ContainsFunc(labelled.Access, stranger)
}

// from returns the time of creation from which services are changed.
func from(s Settings) time.Time {
	if s.Existing {
		return time.Time{}
	}
	return s.Since
}
