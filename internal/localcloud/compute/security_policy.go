package compute

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// lowest is the priority of the rule that every security policy has: what no other rule
// matches, it does.
const lowest = 1<<31 - 1

var ruleMethods = map[string]method{
	"getRule": {answer: getRule}, "addRule": {change: addRule}, "patchRule": {change: patchRule},
	"removeRule": {change: removeRule},
}

// settleSecurityPolicy fills up the rules, adds the default one and orders them by
// priority. What is filled in is recorded; the order is, for priorities with the same
// number of digits.
func settleSecurityPolicy(_ *API, r, _ *resource) error {
	rules := apiserver.List(r.body, "rules")
	if _, err := ruleAt(rules, lowest); err != nil {
		rules = append(rules, defaultRule(r.body["type"]))
	}
	for i, entry := range rules {
		rule := entry.(map[string]any)
		fill(rule, map[string]any{
			"kind": "compute#securityPolicyRule", "description": "", "preview": false, "priority": number("0"),
		})
		field := fmt.Sprintf("resource.rules[%d].", i)
		priority := whole(rule["priority"])
		switch at, _ := ruleAt(rules, priority); {
		case apiserver.Text(rule, "action") == "":
			return required(field + "action")
		case rule["match"] == nil && rule["networkMatch"] == nil:
			return required(field + "match")
		case priority < 0:
			return invalidField(field+"priority", fmt.Sprint(priority), "The value must be between 0 and 2147483647.")
		case at != i:
			return invalidField("resource.priority", fmt.Sprint(priority), "Cannot have rules with the same priorities.")
		}
	}
	slices.SortFunc(rules, func(a, b any) int { return cmp.Compare(priorityOf(a), priorityOf(b)) })
	r.body["rules"] = rules
	return nil
}

// defaultRule allows everything (recorded for Terraform's provider: "a default rule with
// action allow will be added").
func defaultRule(policyType any) map[string]any {
	rule := map[string]any{
		"action": "allow", "priority": number(fmt.Sprint(lowest)), "description": "default rule",
		"match": map[string]any{"versionedExpr": "SRC_IPS_V1", "config": map[string]any{"srcIpRanges": []any{"*"}}},
	}
	if policyType == "CLOUD_ARMOR_NETWORK" {
		delete(rule, "match")
		rule["networkMatch"] = map[string]any{"srcIpRanges": []any{"*"}}
	}
	return rule
}

func priorityOf(rule any) int { return whole(rule.(map[string]any)["priority"]) }

// ruleAt is the index of the first rule with a priority. The text is reported for
// firewall policies.
func ruleAt(rules []any, priority int) (int, error) {
	if i := slices.IndexFunc(rules, func(rule any) bool { return priorityOf(rule) == priority }); i >= 0 {
		return i, nil
	}
	return -1, invalidField("priority", fmt.Sprint(priority),
		fmt.Sprintf("The security policy does not contain a rule at priority %d.", priority))
}

// asked is the index of the rule that a call is about: its priority is a parameter.
func asked(c *apiserver.Call, rules []any) (int, error) {
	text := cmp.Or(c.Query("priority"), "0")
	priority, err := strconv.Atoi(text)
	if err != nil {
		return -1, invalidField("priority", text, "The value must be between 0 and 2147483647.")
	}
	return ruleAt(rules, priority)
}

func getRule(s site, c *apiserver.Call) (any, error) {
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	rules := apiserver.List(r.body, "rules")
	at, err := asked(c, rules)
	if err != nil {
		return nil, err
	}
	return rules[at], nil
}

// changed is the body of a policy with other rules.
func changed(old *resource, rules []any) map[string]any {
	body := apiserver.Clone(old.body)
	body["rules"] = apiserver.Clone(rules)
	return body
}

func addRule(_ site, _ *apiserver.Call, sent map[string]any, old *resource) (map[string]any, error) {
	return changed(old, append(slices.Clone(apiserver.List(old.body, "rules")), sent)), nil
}

func patchRule(s site, c *apiserver.Call, sent map[string]any, old *resource) (map[string]any, error) {
	rules := apiserver.List(old.body, "rules")
	at, err := asked(c, rules)
	if err != nil {
		return nil, err
	}
	body := changed(old, rules)
	rule := apiserver.List(body, "rules")[at].(map[string]any)
	apiserver.Merge(rule, sent)
	return body, s.clear(c, rule, sent)
}

// removeRule leaves the default rule alone; the text is unverified.
func removeRule(_ site, c *apiserver.Call, _ map[string]any, old *resource) (map[string]any, error) {
	rules := apiserver.List(old.body, "rules")
	at, err := asked(c, rules)
	if err != nil {
		return nil, err
	}
	if priorityOf(rules[at]) == lowest {
		return nil, invalidField("priority", fmt.Sprint(lowest), "The default rule cannot be removed.")
	}
	return changed(old, slices.Delete(slices.Clone(rules), at, at+1)), nil
}
