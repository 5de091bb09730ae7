package dataplane

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Authorization is the Network Security API, as far as requests go by it.
type Authorization interface {
	// PoliciesAt are the authorization policies of a forwarding rule.
	PoliciesAt(rule string) []map[string]any
}

// What a load balancer's log says where an authorization policy answered: the first is
// documented (iap/docs/auth-policies), the second is unverified.
const (
	byPolicyIAP = "denied_by_cloud_iap"
	byPolicy    = "denied_by_authz_policy"
)

// authorized is a call that the authorization policies of a frontend let through to a
// backend service, as IAP's agent where a policy delegates to IAP, or the outcome that
// ends it. Source of the order: the discovery document, AuthzPolicy.action.
func (s snapshot) authorized(r request, f frontend, backend object) (call, *outcome) {
	c := call{request: r, token: s.caller(r), from: external, rule: f.rule}
	path := apiserver.Text(f.rule, "selfLink")
	matching := map[string]int{}
	for _, policy := range s.Authorization.PoliciesAt(path[max(0, strings.Index(path, "projects/")):]) {
		action := apiserver.Text(policy, "action")
		if action == "ALLOW" {
			matching["ALLOW or none"]++
		}
		if !applies(policy, r) {
			continue
		}
		if action == "CUSTOM" && apiserver.Object(policy, "customProvider")["cloudIap"] != nil {
			action = "IAP"
		}
		matching[action]++
	}
	if matching["IAP"] > 0 {
		gate := s.gateAtRule(f.rule, backend)
		if s.guardedBehind(r, backend) {
			return c, &outcome{answer: bothIAPs(), details: byBothIAPs}
		}
		passed, refusal := s.admit(r, gate)
		if refusal != nil {
			return c, &outcome{answer: *refusal, details: byPolicyIAP}
		}
		c = asAgent(c, gate, passed)
	}
	unmatched := matching["ALLOW or none"] > 0 && matching["ALLOW"] == 0
	byDefault := matching["DENY_BY_DEFAULT"] > 0 && matching["ALLOW"] == 0 && matching["IAP"] == 0
	if matching["DENY"] > 0 || unmatched || byDefault {
		return c, &outcome{answer: plain(http.StatusNotFound, "RBAC: access denied"), details: byPolicy}
	}
	return c, nil
}

// guardedBehind reports whether IAP is on behind a frontend as well, at the backend service
// or at the service itself.
func (s snapshot) guardedBehind(r request, backend object) bool {
	return apiserver.Object(backend, "iap")["enabled"] == true || s.serviceBehind(backend, r)["iapEnabled"] == true
}

// gateAtRule is IAP at a forwarding rule (iap/docs/managing-access, forwarding rules). The
// audience of its assertion is unverified.
func (s snapshot) gateAtRule(rule, backend object) gate {
	web, place := "forwarding_rule", "global"
	if region := regionOf(rule); region != "" {
		web, place = web+"-"+region, region
	}
	id, project := apiserver.Text(rule, "id"), s.projectOf(rule)
	return s.gate(gate{
		resource: iapRoot(project) + web + "/services/" + id, project: project, agent: s.agentFor(backend, rule),
		audience: "/" + project.Numbered() + "/" + place + "/forwardingRules/" + id, unprovisioned: agentMissing,
	})
}

// applies reports whether a policy is about a request: one of its rules fits, or it has
// none. Rules about what no request here has (certificates, source resources, server
// names, MCP, CEL) fit nothing.
func applies(policy object, r request) bool {
	if len(apiserver.List(policy, "networkRules")) > 0 {
		return false
	}
	rules := apiserver.List(policy, "httpRules")
	return len(rules) == 0 || slices.ContainsFunc(rules, func(each any) bool {
		rule, _ := each.(object)
		from, to := apiserver.Object(rule, "from"), apiserver.Object(rule, "to")
		return rule["when"] == nil &&
			anyFits(from, "sources", r, comesFrom) && noneFits(from, "notSources", r, comesFrom) &&
			anyFits(to, "operations", r, asksFor) && noneFits(to, "notOperations", r, asksFor)
	})
}

func anyFits(in object, key string, r request, fits func(object, request) (bool, bool)) bool {
	return in[key] == nil || slices.ContainsFunc(apiserver.List(in, key), func(each any) bool {
		one, _ := each.(object)
		yes, known := fits(one, r)
		return yes && known
	})
}

func noneFits(in object, key string, r request, fits func(object, request) (bool, bool)) bool {
	return !slices.ContainsFunc(apiserver.List(in, key), func(each any) bool {
		one, _ := each.(object)
		yes, known := fits(one, r)
		return yes || !known
	})
}

// comesFrom reports whether a request comes from a source, and whether that can be said.
func comesFrom(source object, r request) (yes, known bool) {
	address, err := netip.ParseAddr(r.remote)
	known = err == nil && source["principals"] == nil && source["resources"] == nil
	return slices.ContainsFunc(apiserver.List(source, "ipBlocks"), func(each any) bool {
		block, _ := each.(object)
		prefix, err := netip.ParseAddr(apiserver.Text(block, "prefix"))
		return err == nil && netip.PrefixFrom(prefix, int(number(block["length"]))).Contains(address)
	}), known
}

// asksFor reports whether a request is an operation, and whether that can be said.
func asksFor(operation object, r request) (yes, known bool) {
	path := r.path
	if r.query != "" {
		path += "?" + r.query
	}
	methods := apiserver.List(operation, "methods")
	yes = (len(methods) == 0 || slices.Contains(methods, any(r.method))) &&
		fitsText(apiserver.List(operation, "hosts"), r.host) && fitsText(apiserver.List(operation, "paths"), path)
	for _, each := range apiserver.List(apiserver.Object(operation, "headerSet"), "headers") {
		header, _ := each.(object)
		value, _ := header["value"].(object)
		yes = yes && fitsText([]any{value}, r.header.Get(apiserver.Text(header, "name")))
	}
	return yes, operation["snis"] == nil && operation["mcp"] == nil
}

// fitsText reports whether a text fits one of the matches, or there are none.
func fitsText(matches []any, text string) bool {
	return len(matches) == 0 || slices.ContainsFunc(matches, func(each any) bool {
		match, _ := each.(object)
		fold := func(s string) string {
			if match["ignoreCase"] == true {
				return strings.ToLower(s)
			}
			return s
		}
		value := fold(text)
		for key, fits := range map[string]func(s, part string) bool{
			"prefix": strings.HasPrefix, "suffix": strings.HasSuffix, "contains": strings.Contains,
			"exact": func(s, part string) bool { return s == part },
		} {
			if part, ok := match[key].(string); ok {
				return fits(value, fold(part))
			}
		}
		return false
	})
}
