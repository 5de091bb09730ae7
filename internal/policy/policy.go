// Package policy reads the YAML file in which a platform team says how each
// service is to be protected, and the file that holds writes back.
//
// Reading is strict: Parse and ParseHolds refuse what they do not understand, with
// file, line, column and what to write instead. A Policy then gives the Settings of a
// service: those of the first rule that covers it. A rule that selects by labels
// decides only where it is at least as strict as the rule without them, because
// anyone who deploys a service sets its labels. Only Read, ReadHolds and
// ChangeHolds do I/O.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Policy is a valid policy. The zero value stands for a missing policy: every
// service is in scope, in mode report-only.
type Policy struct {
	digest     string
	text       string
	rules      []rule
	exemptions exemptions
	doors      doorExemptions
	own        own
	// longestHold is 0 where the policy says nothing about holds.
	longestHold time.Duration
	unread      string  // see Unreadable
	notice      string  // see Announcing
	within      *Policy // see Within; nil = it holds by itself
}

// Digest returns the first 12 hex digits of the SHA-256 of the policy's text, or
// "none" without a policy.
func (p Policy) Digest() string {
	if p.digest == "" {
		return "none"
	}
	return p.digest
}

// Text returns the text that the policy was read from; "" without a policy.
func (p Policy) Text() string { return p.text }

// Rules returns the settings of each rule, in the order of the file.
func (p Policy) Rules() []Settings {
	var list []Settings
	for _, rule := range p.rules {
		list = append(list, rule.settings)
	}
	return list
}

// Projects returns, sorted, the projects that a rule names without a pattern and
// does not switch off. A sweep can list their services.
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

// ByFolder returns the names of the rules in force that select projects by folder
// alone. Their projects are known only once a service in one of them is read.
func (p Policy) ByFolder() []string {
	var names []string
	for _, rule := range p.rules {
		named := slices.ContainsFunc(rule.match.projects, func(name pattern) bool {
			return !strings.Contains(string(name),
				"*")
		})
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

	line, column int // where its text begins
}

// Place is where the text of a rule begins, 0 and 0 where the policy has no such rule.
func (p Policy) Place(rule string) (line, column int) {
	for _, each := range p.rules {
		if each.name == rule {
			return each.line, each.column
		}
	}
	return 0, 0
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:12]
}

// Bounds of the durations in a rule. That of settle and quiet is our own choice: a
// longer one leaves services open without need. IAM's propagation takes "7 minutes
// or more". Source: iam/docs/access-change-propagation.
const (
	maxSettle      = 10 * time.Minute
	maxPropagation = 30 * time.Minute
	// mostServices bounds a limit: more services in an hour would be no limit.
	mostServices = 1000
)
