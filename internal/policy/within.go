package policy

import (
	"slices"
	"time"
)

// Within returns the policy as far as another one goes: file, which is read and not in force,
// or nil where none can be read. It is for a policy that is known from the memory alone,
// which others may be able to write: it leaves nothing open that the file would close, lets
// nobody in that the file does not name, and has nothing written by itself but what guards a
// service again.
func (p Policy) Within(file *Policy) Policy {
	if file == nil {
		file = &Policy{digest: p.digest} // covers nothing
	}
	p.within = file
	return p
}

// tightened are the settings of the file, or the defaults where none of its rules covers the service,
// with each key that lets somebody in as strict as the stricter one says.
func (p Policy) tightened(s Subject, was Settings) Settings {
	now, covers := p.within.For(s)
	if !covers || now.Undecided != "" {
		now = DefaultSettings()
		now.KeepIngress, now.KeepInvokers, now.KeepAccessors = was.KeepIngress, was.KeepInvokers, was.KeepAccessors
		now.Since, now.Existing, now.Trust, now.AccessCondition = was.Since, was.Existing, was.Trust, was.AccessCondition
		now.Exemption, now.Doors, now.Undecided = was.Exemption, was.Doors, was.Undecided
	}
	now.Rule = was.Rule
	if now.Mode != was.Mode && inOrder(now.Mode, was.Mode, ReportOnly, Approve, Enforce) {
		now.ModeAgain = was.Mode
	}
	now.KeepIngress = now.KeepIngress && was.KeepIngress
	now.KeepInvokers = now.KeepInvokers && was.KeepInvokers
	now.KeepAccessors = now.KeepAccessors && was.KeepAccessors
	if from(was).Before(from(now)) {
		now.Since, now.Existing = was.Since, was.Existing
	}
	now.Access = common(now.Access, was.Access)
	switch {
	case now.AccessCondition.Always():
		now.AccessCondition = was.AccessCondition
	case !was.AccessCondition.Always() && was.AccessCondition != now.AccessCondition:
		now.Access = nil // nobody has access under both
	}
	if !now.Trust.Known() {
		now.Trust = was.Trust
	} else if was.Trust.Known() {
		now.Trust.Domains = common(now.Trust.Domains, was.Trust.Domains)
		now.Trust.Members = common(now.Trust.Members, was.Trust.Members)
	}
	now.Approvers, now.BreakGlass = common(now.Approvers, was.Approvers), common(now.BreakGlass, was.BreakGlass)
	now.exemptWithin(was)
	return now
}

// exemptWithin leaves the exemptions that end no later than others did.
func (s *Settings) exemptWithin(was Settings) {
	switch {
	case s.Exemption.BuiltIn():
	case was.Exemption == nil:
		s.Exemption = nil
	case s.Exemption != nil && was.Exemption.Expires.Before(s.Exemption.Expires):
		s.Exemption = was.Exemption
	}
	s.Doors = slices.DeleteFunc(slices.Clone(s.Doors), func(door doorExemption) bool {
		longer := Settings{Doors: []doorExemption{door}}
		return longer.exemptedLonger(was, time.Time{})
	})
}

// common are the entries of both lists.
func common(one, other []string) []string {
	return slices.DeleteFunc(slices.Clone(one), func(entry string) bool { return !slices.Contains(other, entry) })
}
