package policy

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// letIn are the keys of strictnesses by which a later version of a policy lets somebody in at
// a guarded service, or leaves open what somebody else opens there. The other keys say how fast
// that is undone, or decide about services that were never guarded.
var letIn = []string{
	"mode", "access.condition", "access.domains, access.trusted", "access.publicAccessors", "ingress", "publicInvokers",
	"since", "breakGlass",
}

// Looser returns in what a version of a policy is looser for a guarded service than the
// version before it, as keys of a rule; none = in nothing. Where the rules ask for folders
// and those above the project are not known, it is looser when it would be in some of them.
func (p Policy) Looser(before Policy, s Subject, at time.Time) []string {
	for _, each := range p.assuming(before, s) {
		if keys := p.looser(before, each, at); len(keys) > 0 {
			return keys
		}
	}
	return nil
}

// assuming are what a service may be, as far as the rules of both versions ask.
func (p Policy) assuming(before Policy, s Subject) []Subject {
	var folders []string
	for _, rule := range slices.Concat(p.rules, before.rules) {
		folders = append(folders, rule.match.folders...)
	}
	if s.Ancestors.Known || len(folders) == 0 {
		return []Subject{s}
	}
	cases := [][]string{nil, folders}
	for _, folder := range folders {
		cases = append(cases, []string{folder})
	}
	var all []Subject
	for _, above := range cases {
		s.Ancestors = posture.Ancestors{Known: true, Folders: above}
		all = append(all, s)
	}
	return all
}

func (p Policy) looser(before Policy, s Subject, at time.Time) []string {
	was, covered := before.For(s)
	now, covers := p.For(s)
	switch {
	case !covered:
		return nil
	case !covers:
		return []string{"no rule covers it"}
	}
	var keys []string
	for _, each := range strictnesses {
		if slices.Contains(letIn, each.key) && !each.holds(now, was) {
			keys = append(keys, each.key)
		}
	}
	if !subset(now.Access, was.Access) {
		keys = append(keys, "access.members")
	}
	if len(was.Approvers) > 0 && !subset(now.Approvers, was.Approvers) {
		keys = append(keys, "approvers")
	}
	if now.exemptedLonger(was, at) {
		keys = append(keys, "exemptions")
	}
	return keys
}

// exemptedLonger reports whether the service, or a door of it, is exempt for longer than it
// was.
func (s Settings) exemptedLonger(was Settings, at time.Time) bool {
	if s.ExemptAt(at) && !s.Exemption.BuiltIn() &&
		(was.Exemption == nil || was.Exemption.Expires.Before(s.Exemption.Expires)) {
		return true
	}
	return slices.ContainsFunc(s.Doors, func(door doorExemption) bool {
		same := func(other doorExemption) bool {
			return door.Frontend == other.Frontend && door.Backend == other.Backend && door.Host == other.Host &&
				door.Path == other.Path && !other.Expires.Before(door.Expires)
		}
		return door.In(at) && !slices.ContainsFunc(was.Doors, same)
	})
}

// Unreadable is what is in force while no policy can be read and none is known from before:
// report-only, but that a service is guarded again that was guarded before. why says what
// cannot be read.
func (p Policy) Unreadable(why string) Policy {
	p.unread = why
	return p
}

// Announcing returns the policy with a line that reports add which somebody asked for.
func (p Policy) Announcing(line string) Policy {
	p.notice = line
	return p
}
