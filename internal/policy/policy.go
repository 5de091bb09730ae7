// Package policy reads the one YAML file in which a platform team says what is
// wanted for which service, strictly: what it does not understand it refuses,
// with line, column and what to write instead. It is pure after reading.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Policy is a valid policy. The zero value is no policy: everything is in
// scope, report-only.
type Policy struct {
	digest     string
	rules      []rule
	exemptions exemptions
}

// Digest identifies the text that was read: the first 12 hex digits of its
// SHA-256, or "none".
func (p Policy) Digest() string {
	if p.digest == "" {
		return "none"
	}
	return p.digest
}

// For gives the settings for a service: those of the first rule that matches,
// where a rule may name the project by id or by number ("" = not known). A
// policy without a matching rule leaves the service alone, and so does a recipe
// that is off.
func (p Policy) For(target posture.Target, projectNumber string) (posture.Settings, bool) {
	if p.digest == "" {
		return posture.DefaultSettings(), true
	}
	for _, rule := range p.rules {
		if rule.match.covers(target, projectNumber) {
			settings := rule.settings
			settings.Exemption = p.exemptions.of(target, projectNumber)
			return settings, rule.settings.Recipe != posture.RecipeOff
		}
	}
	return posture.Settings{}, false
}

// Rules gives the settings of each rule, in the order in which they are asked.
func (p Policy) Rules() []posture.Settings {
	var list []posture.Settings
	for _, rule := range p.rules {
		list = append(list, rule.settings)
	}
	return list
}

// Projects lists the projects that rules name in full and do not switch off,
// sorted: those that can be looked through without anyone naming them.
func (p Policy) Projects() []string {
	var projects []string
	for _, rule := range p.rules {
		for _, named := range rule.match.projects {
			if rule.settings.Recipe != posture.RecipeOff && !strings.Contains(string(named), "*") {
				projects = append(projects, string(named))
			}
		}
	}
	slices.Sort(projects)
	return slices.Compact(projects)
}

// rule is one validated rule.
type rule struct {
	name     string
	match    match
	settings posture.Settings
}

// match lists patterns; an empty list matches everything.
type match struct {
	projects, locations, services []pattern
}

func (m match) covers(target posture.Target, projectNumber string) bool {
	return (anyMatches(m.projects, target.Project) || projectNumber != "" && anyMatches(m.projects, projectNumber)) &&
		anyMatches(m.locations, target.Location) &&
		anyMatches(m.services, target.Service)
}

// includes reports whether m surely matches everything that other matches.
func (m match) includes(other match) bool {
	return allIncluded(m.projects, other.projects) &&
		allIncluded(m.locations, other.locations) &&
		allIncluded(m.services, other.services)
}

func allIncluded(wide, narrow []pattern) bool {
	if len(wide) == 0 {
		return true
	}
	for _, one := range narrow {
		if !slices.ContainsFunc(wide, func(p pattern) bool { return p.includes(one) }) {
			return false
		}
	}
	return len(narrow) > 0
}

func anyMatches(patterns []pattern, name string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, pattern := range patterns {
		if pattern.matches(name) {
			return true
		}
	}
	return false
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:12]
}

// Bounds of the times in a rule. Source: CONTRACT's policy paragraph for settle;
// IAM's propagation is "7 minutes or more" (iam/docs/access-change-propagation).
const (
	maxSettle      = 10 * time.Minute
	maxPropagation = 30 * time.Minute
)
