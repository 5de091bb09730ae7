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
)

// Policy is a valid policy. The zero value is no policy: everything is in
// scope, report-only.
type Policy struct {
	digest     string
	rules      []rule
	exemptions exemptions
	own        own
}

// Digest identifies the text that was read: the first 12 hex digits of its
// SHA-256, or "none".
func (p Policy) Digest() string {
	if p.digest == "" {
		return "none"
	}
	return p.digest
}

// Rules gives the settings of each rule, in the order in which they are asked.
func (p Policy) Rules() []Settings {
	var list []Settings
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
			if rule.settings.Recipe != RecipeOff && !strings.Contains(string(named), "*") {
				projects = append(projects, string(named))
			}
		}
	}
	slices.Sort(projects)
	return slices.Compact(projects)
}

// ByFolder lists the rules in force that choose their projects by folder alone:
// which those are shows only at a service of theirs.
func (p Policy) ByFolder() []string {
	var names []string
	for _, rule := range p.rules {
		named := slices.ContainsFunc(rule.match.projects, func(name pattern) bool { return !strings.Contains(string(name), "*") })
		if len(rule.match.folders) > 0 && !named && rule.settings.Recipe != RecipeOff {
			names = append(names, rule.name)
		}
	}
	return names
}

// rule is one validated rule.
type rule struct {
	name     string
	match    match
	settings Settings
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:12]
}

// Bounds of the times in a rule. That of settle and quiet is our own choice: a longer
// one leaves services open without need. IAM's propagation is "7 minutes or more" (iam/docs/access-change-propagation).
const (
	maxSettle      = 10 * time.Minute
	maxPropagation = 30 * time.Minute
	// mostServices is more than anybody wants written within an hour.
	mostServices = 1000
)
