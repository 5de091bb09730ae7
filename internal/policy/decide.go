package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Asks returns which facts about a service the rules need beside its names.
func (p Policy) Asks() Asked {
	var asked Asked
	rules := p.rules
	if p.within != nil {
		rules = slices.Concat(rules, p.within.rules)
	}
	for _, rule := range rules {
		asked.Folders = asked.Folders || len(rule.match.folders) > 0
		asked.Labels = asked.Labels || len(rule.match.labels) > 0
		private := rule.settings.Private
		asked.Roles = asked.Roles || private == PrivateBehindIAP || private == PrivateInclude ||
			private == "" && slices.ContainsFunc(rule.match.services, pattern.exact)
	}
	return asked
}

// For returns the settings for a service, and whether it is in scope. The first
// rule that covers the service decides; it may name the project by id or by
// number. A service that no rule covers is out of scope, and so is one whose rule
// has recipe off.
//
// Anyone who deploys a service chooses its name and sets its labels. A rule that selects
// by labels, or by a pattern of service names, decides only if it is at least as strict as
// the rule that decides without it; otherwise it is skipped, and SkippedRules says so. A
// rule that names the service in full may be looser. Where a rule selects by
// folders that could not be read, the settings have Undecided set, and nothing is
// written.
//
// The service that Sparing names is in scope and exempt, whatever the rules say.
func (p Policy) For(s Subject) (Settings, bool) {
	if p.own.is(s) {
		return p.own.settings(), true
	}
	if p.digest == "" {
		settings := DefaultSettings()
		settings.PolicyUnread, settings.Notice = p.unread, p.notice
		return settings, true
	}
	settings, inScope := p.decide(s)
	if settings.Trust.Known() {
		settings.Trust.Projects = p.Projects()
	}
	settings.Exemption = p.exemptions.of(s.Target, s.ProjectNumber)
	byNumber := s.Target
	byNumber.Project = s.ProjectNumber
	settings.Doors = append(slices.Clone(p.doors[s.Target.Name()]), p.doors[byNumber.Name()]...)
	switch {
	case p.within != nil && inScope:
		settings = p.tightened(s, settings)
	case p.within != nil:
		settings, inScope = p.within.For(s)
	}
	settings.Notice = p.notice
	return settings, inScope
}

func (p Policy) decide(s Subject) (Settings, bool) {
	var skipped []string
	for i, rule := range p.rules {
		settings := rule.on(s)
		switch covers := rule.match.covers(s); {
		case covers == no:
			continue
		case covers == unknown:
			return rule.undecided(s), true
		case rule.match.chosenBy(s.Service) != "":
			base, inScope := Policy{rules: unlabelled(p.rules[i+1:])}.decide(s)
			if base.Undecided != "" {
				return base, true
			}
			if rule.settings.Private == "" {
				settings.Private = cmp.Or(base.Private, PrivateLeave)
			}
			if where := LessStrict(settings, base); inScope && len(where) > 0 {
				skipped = append(skipped, fmt.Sprintf("rule %s, which %s, is not as strict as rule %s in %s",
					rule.name, rule.match.chosenBy(s.Service), base.Rule, strings.Join(where, ", ")))
				continue
			}
		}
		settings.SkippedRules = skipped
		return settings, settings.Recipe != RecipeOff
	}
	return Settings{}, false
}

// on are the rule's settings for a service that it covers.
func (r rule) on(s Subject) Settings {
	settings := r.settings
	switch {
	case settings.Private != "":
	case r.match.names(s.Service):
		settings.Private = PrivateInclude
	default:
		settings.Private = PrivateLeave
	}
	return settings
}

func unlabelled(rules []rule) []rule {
	var plain []rule
	for _, rule := range rules {
		if len(rule.match.labels) == 0 {
			plain = append(plain, rule)
		}
	}
	return plain
}

// undecided returns settings under which nothing is written.
func (r rule) undecided(s Subject) Settings {
	settings := DefaultSettings()
	settings.Rule = r.name
	settings.Undecided = fmt.Sprintf("rule %s asks for folders, and those above projects/%s cannot be read: %s", r.name,
		s.Project, s.Ancestors.Unread)
	return settings
}
