package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// problem is one thing that is wrong with a file, or that it should say and does not: an error or a
// warning, in one form.
type problem struct {
	File    string `json:"file,omitempty"` // absent = the message names it
	Line    int    `json:"line,omitempty"` // absent = the file could not be read at all
	Column  int    `json:"column,omitempty"`
	Key     string `json:"key,omitempty"`  // like rules[0].mode; absent = it is about more than one value
	Rule    string `json:"rule,omitempty"` // absent = it is not about one rule
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"` // what to write; absent = the message says all
}

// Codes of problems.
const (
	codeUnreadable    = "UNREADABLE"       // the file could not be read at all
	codeInvalid       = "INVALID"          // a value, or the file as a whole
	codeNoWhenStuck   = "NO_WHEN_STUCK"    // what becomes of a service that cannot be guarded is not said
	codeNoApprovers   = "NO_APPROVERS"     // nobody can approve what a rule decides
	codePolicyWaits   = "LOOSENING_WAITS"  // nobody can approve a later version of the policy
	codeNameFreeToUse = "NAME_FREE_TO_USE" // others can take the name that a looser rule is for
)

// warning is the line of a warning: FILE:LINE:COL first, for editors and CI that mark the place.
func (p problem) warning() line {
	return line{lead: fmt.Sprintf("%s:%d:%d: warning:", p.File, p.Line, p.Column), style: yellow, hang: 2,
		text: fmt.Sprintf(" %s. %s%s", p.Message, strings.ToUpper(p.Remedy[:1]), p.Remedy[1:])}
}

// remedies are the words with which what to do begins in the text of an error.
var remedies = regexp.MustCompile(`(?s)^(.+): ((?:write|move|leave|take|did you mean) .+)$`)

// problemsIn are the problems of an error of a file.
func problemsIn(file string, err error) []problem {
	var all []problem
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, each := range several.Unwrap() {
			all = append(all, problemsIn(file, each)...)
		}
		return all
	}
	found, is := errors.AsType[*strictyaml.Problem](err)
	if !is {
		return []problem{{File: file, Code: codeUnreadable, Message: err.Error()}}
	}
	one := problem{File: found.File, Line: found.Line, Column: found.Column, Key: found.Key, Code: codeInvalid, Message: found.Text,
		Rule: ruleOf(found.File, found.Key)}
	if parts := remedies.FindStringSubmatch(found.Text); parts != nil {
		one.Message, one.Remedy = parts[1], parts[2]
	}
	return []problem{one}
}

// inRule finds the index of the rule in a key.
var inRule = regexp.MustCompile(`^rules\[([0-9]+)\]`)

// ruleOf is the name of the rule that a key is in, "" where the file does not say it: it is not
// valid.
func ruleOf(file, key string) string {
	parts := inRule.FindStringSubmatch(key)
	if parts == nil {
		return ""
	}
	var written struct {
		Rules []struct {
			Name any `yaml:"name"`
		} `yaml:"rules"`
	}
	text, err := os.ReadFile(file)
	at, _ := strconv.Atoi(parts[1]) // digits
	if err != nil || yaml.Unmarshal(text, &written) != nil || at >= len(written.Rules) {
		return ""
	}
	name, _ := written.Rules[at].Name.(string)
	return name
}

// warningsOf are what a valid policy should say and does not.
func warningsOf(file string, rules policy.Policy) []problem {
	var warnings []problem
	warn := func(rule, code, message, remedy string) {
		line, column := rules.Place(rule)
		if rule == "" {
			line, column = 1, 1
		}
		warnings = append(warnings, problem{File: file, Line: line, Column: column, Rule: rule, Code: code, Message: message,
			Remedy: remedy})
	}
	for _, rule := range rules.Rules() {
		if rule.Mode == policy.Enforce && rule.Recipe != policy.RecipeOff && rule.WhenStuck.Do == "" {
			warn(rule.Rule, codeNoWhenStuck, fmt.Sprintf("rule %s enforces and has no whenStuck: a service that cannot be guarded "+
				"stays open until a person acts", rule.Rule), "write whenStuck: {after: 72h, do: close}, which closes it after three "+
				"days and costs its visitors every way in but an IAP that is on, or do: report, which says that it may stay open")
		}
		if rule.Mode == policy.Approve && rule.Recipe != policy.RecipeOff && len(rule.Approvers) == 0 {
			warn(rule.Rule, codeNoApprovers, fmt.Sprintf("rule %s is in mode approve and names no approvers: nobody can approve, "+
				"and nothing is ever written", rule.Rule), "write approvers: [user:ADDRESS] into the rule or at the top")
		}
	}
	if unapproved := unapprovable(rules); len(unapproved) > 0 {
		warn("", codePolicyWaits, fmt.Sprintf("nobody can approve a later version of the policy that uncovers or loosens what "+
			"%s guards, and it waits", strings.Join(unapproved, ", ")), "write approvers: [user:ADDRESS] at the top")
	}
	rules.NamesToTake(func(rule, why, remedy string) { warn(rule, codeNameFreeToUse, why, remedy) })
	return warnings
}

// unapprovable are the rules in mode enforce that name no approvers.
func unapprovable(rules policy.Policy) []string {
	var names []string
	for _, rule := range rules.Rules() {
		if rule.Mode == policy.Enforce && rule.Recipe != policy.RecipeOff && len(rule.Approvers) == 0 {
			names = append(names, "rule "+rule.Rule)
		}
	}
	return names[:min(len(names), mostNamed)]
}

// mostNamed bounds how many rules one warning names.
const mostNamed = 5
