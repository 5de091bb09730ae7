// Package change compares what two policies say about one service, and says how risky the
// step from the one to the other is.
package change

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
)

// Risk says what a service gives up by another policy.
type Risk string

// The risks, the worst first.
const (
	Loses     Risk = "loses-protection" // it was guarded without a person's doing, and is so no more
	Unknown   Risk = "not-known"        // what one of the policies says of it is not known
	Loosened  Risk = "loosened"         // somebody gets in, or it stays open, where this was not so
	Tightened Risk = "tightened"        // it is stricter in a key, and looser in none
	Otherwise Risk = "otherwise"        // it is neither
	None      Risk = "none"             // both say the same
)

// Risks are all risks, the worst first.
func Risks() []Risk { return []Risk{Loses, Unknown, Loosened, Tightened, Otherwise, None} }

// Said is what a policy says about a service.
type Said struct {
	policy.Settings
	InScope bool
	Known   bool // false = nobody asked the policy
}

// Change is the step from one policy to another for one service. The keys are those of a
// rule, and exemptions.
type Change struct {
	Risk Risk
	Why  string // why it loses its protection, or is not known; "" = the keys say it
	// Looser and Tighter are the keys in which the service is less strict and more strict;
	// in those of Other neither is as strict as the other.
	Looser, Tighter, Other []string
}

// newcomers are the keys of lists in which an entry lets somebody do something: another list is
// looser, even where an entry is missing from it.
var newcomers = []string{"access.members", "access.domains, access.trusted", "breakGlass", "accept"}

// Of compares what two policies say about one service at a time.
func Of(was, now Said, at time.Time) Change {
	if why := unknown(was, now); why != "" {
		return Change{Risk: Unknown, Why: why}
	}
	var c Change
	switch {
	case !was.InScope && !now.InScope:
	case !was.InScope:
		c.Tighter = []string{"rules"}
	case !now.InScope:
		c.Looser = []string{"rules"}
	default:
		c.compare(was, now)
		if exemptLonger(now, was, at) {
			c.Looser = append(c.Looser, "exemptions")
		} else if exemptLonger(was, now, at) {
			c.Tighter = append(c.Tighter, "exemptions")
		}
	}
	c.Why = lost(was, now, at)
	switch {
	case c.Why != "":
		c.Risk = Loses
	case len(c.Looser) > 0:
		c.Risk = Loosened
	case len(c.Tighter) > 0:
		c.Risk = Tightened
	case len(c.Other) > 0:
		c.Risk = Otherwise
	default:
		c.Risk = None
	}
	return c
}

// compare sorts the keys of a rule that differ.
func (c *Change) compare(was, now Said) {
	looser, tighter := policy.LessStrict(now.Settings, was.Settings), policy.LessStrict(was.Settings, now.Settings)
	for _, key := range looser {
		switch {
		case key == "approvers" && len(was.Approvers) == 0: // nobody could approve anything
			c.Other = append(c.Other, key)
		case slices.Contains(tighter, key) && !slices.Contains(newcomers, key):
			c.Other = append(c.Other, key)
		default:
			c.Looser = append(c.Looser, key)
		}
	}
	for _, key := range tighter {
		if !slices.Contains(looser, key) {
			c.Tighter = append(c.Tighter, key)
		}
	}
}

func unknown(was, now Said) string {
	switch {
	case !was.Known || !now.Known:
		return "the service could not be read"
	case was.Undecided != "":
		return "under the old policy: " + was.Undecided
	case now.Undecided != "":
		return "under the new policy: " + now.Undecided
	}
	return ""
}

// guards reports whether a policy has a service guarded without a person's doing.
func (s Said) guards(at time.Time) bool {
	return s.InScope && s.Mode == policy.Enforce && !s.ExemptAt(at)
}

// lost is why a service that one policy guards is not guarded by another; "" = it is, or was
// not before.
func lost(was, now Said, at time.Time) string {
	switch {
	case !was.guards(at) || now.guards(at):
		return ""
	case !now.InScope && now.Recipe == policy.RecipeOff:
		return fmt.Sprintf("rule %s says recipe: off", now.Rule)
	case !now.InScope:
		return "no rule covers it"
	case now.ExemptAt(at):
		return "it " + now.Exemption.Describe()
	default:
		return fmt.Sprintf("rule %s says mode: %s", now.Rule, now.Mode)
	}
}

// exemptLonger reports whether a service, or a door of it, is exempt for longer by one policy
// than by another.
func exemptLonger(one, other Said, at time.Time) bool {
	if one.ExemptAt(at) && !one.Exemption.BuiltIn() &&
		(!other.ExemptAt(at) || other.Exemption.Expires.Before(one.Exemption.Expires)) {
		return true
	}
	for _, door := range one.Doors {
		longer := door.In(at)
		for _, same := range other.Doors {
			if door.Frontend == same.Frontend && door.Backend == same.Backend && door.Host == same.Host && door.Path == same.Path &&
				!same.Expires.Before(door.Expires) {
				longer = false
			}
		}
		if longer {
			return true
		}
	}
	return false
}
