package judge

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/iapguard/iapguard/test/oracle/estate"
)

// scope is where a resource of a load balancer is kept.
func scope(region string) string {
	if region == "" {
		return "/global"
	}
	return "/regions/" + region
}

// link is the name of a resource of the project.
func link(region, collection, name string) string { return linkIn(project, region, collection, name) }

func linkIn(project, region, collection, name string) string {
	return "projects/" + project + scope(region) + "/" + collection + "/" + name
}

func scheme(internal bool) string {
	if internal {
		return "INTERNAL_MANAGED"
	}
	return "EXTERNAL_MANAGED"
}

func (b *builder) backend(e estate.Estate, one estate.Backend) {
	var groups []any
	neg := func(name, region string, to object) {
		b.do(http.MethodPost, computePath+project+"/regions/"+region+"/networkEndpointGroups",
			object{"name": name, "networkEndpointType": "SERVERLESS", "cloudRun": to})
		groups = append(groups, object{"group": link(region, "networkEndpointGroups", name)})
	}
	if one.Mask != "" {
		neg(one.Name+"-mask", one.MaskAt, object{"urlMask": one.Mask})
	}
	for _, s := range one.Regional(e) {
		neg(one.Name+"-"+s.Name+"-"+s.Region, s.Region, object{"service": s.Name})
	}
	if n := len(groups); n > 0 {
		groups = append(groups[one.First%n:n:n], groups[:one.First%n]...)
	}
	b.do(http.MethodPost, computePath+project+scope(one.Region)+"/backendServices", object{
		"name": one.Name, "loadBalancingScheme": scheme(one.Internal), "protocol": "HTTPS", "backends": groups,
		"iap": object{"enabled": one.IAP},
	})
	b.grant(iapPath+one.Resource(), one.Access)
}

// lead sets where a part of a URL map sends requests.
func lead(part object, key, region, backend string) {
	if backend != "" {
		part[key] = link(region, "backendServices", backend)
		return
	}
	redirect := "defaultUrlRedirect"
	if key == "service" {
		redirect = "urlRedirect"
	}
	part[redirect] = object{"hostRedirect": "elsewhere.example.com"}
}

// mirrorTo makes a route action send copies to a backend service, "" = none.
func mirrorTo(action object, region, backend string) {
	if backend != "" {
		action["requestMirrorPolicy"] = object{"backendService": link(region, "backendServices", backend)}
	}
}

func matcher(region, name string, h estate.Host) object {
	made := object{"name": name}
	action := object{}
	mirrorTo(action, region, h.Mirror)
	if len(h.Weighted) > 0 {
		var weighted []any
		for i, backend := range h.Weighted {
			weighted = append(weighted,
				object{"backendService": link(region, "backendServices", backend), "weight": 900 - 800*min(i, 1)})
		}
		action["weightedBackendServices"] = weighted
	} else {
		lead(made, "defaultService", region, h.Default)
	}
	if len(action) > 0 {
		made["defaultRouteAction"] = action
	}
	var rules []any
	for i, path := range h.Paths {
		rule := object{}
		lead(rule, "service", region, path.Backend)
		if path.Mirror != "" {
			action := object{}
			mirrorTo(action, region, path.Mirror)
			rule["routeAction"] = action
		}
		if h.Routed {
			rule["priority"], rule["matchRules"] = i+1, []any{object{"prefixMatch": path.Prefix}}
		} else {
			rule["paths"] = []any{path.Prefix + "*"}
		}
		rules = append(rules, rule)
	}
	switch {
	case len(rules) == 0:
	case h.Routed:
		made["routeRules"] = rules
	default:
		made["pathRules"] = rules
	}
	return made
}

func (b *builder) balancer(e estate.Estate, one estate.Balancer) {
	urlMap := object{"name": one.Name}
	lead(urlMap, "defaultService", one.Region, one.Default)
	var hostRules, matchers []any
	for i, h := range one.Hosts {
		name := "m" + string(rune('a'+i))
		hostRules = append(hostRules, object{"hosts": h.Names, "pathMatcher": name})
		matchers = append(matchers, matcher(one.Region, name, h))
	}
	if hostRules != nil {
		urlMap["hostRules"], urlMap["pathMatchers"] = hostRules, matchers
	}
	in := owner(one.Hosted)
	compute := computePath + in + scope(one.Region)
	b.do(http.MethodPost, compute+"/urlMaps", urlMap)
	front := func(suffix, collection, port string, proxy object) {
		proxy["name"], proxy["urlMap"] = one.Name+"-"+suffix, linkIn(in, one.Region, "urlMaps", one.Name)
		b.do(http.MethodPost, compute+"/"+collection, proxy)
		b.do(http.MethodPost, compute+"/forwardingRules", object{
			"name": one.Name + "-" + suffix, "target": linkIn(in, one.Region, collection, one.Name+"-"+suffix),
			"portRange": port, "loadBalancingScheme": scheme(one.Internal), "IPProtocol": "TCP",
		})
	}
	if one.HTTP {
		front("http", "targetHttpProxies", "80", object{})
	}
	if one.HTTPS {
		certificate, key, err := selfSigned(one.Name, hostsOf(e, one))
		b.err = errors.Join(b.err, err)
		b.do(http.MethodPost, compute+"/sslCertificates",
			object{"name": one.Name, "certificate": certificate, "privateKey": key})
		front("https", "targetHttpsProxies", "443",
			object{"sslCertificates": []any{linkIn(in, one.Region, "sslCertificates", one.Name)}})
	}
	for i, policy := range one.Policies {
		b.authorization(one, fmt.Sprintf("%s-%d", one.Name, i), policy)
	}
}

// authorization makes an authorization policy of a load balancer's forwarding rules.
func (b *builder) authorization(of estate.Balancer, name string, policy estate.Authorization) {
	in := owner(of.Hosted)
	location, web := "global", "iap_web/forwarding_rule"
	if of.Region != "" {
		location, web = of.Region, web+"-"+of.Region
	}
	var rules []any
	for suffix, there := range map[string]bool{"http": of.HTTP, "https": of.HTTPS} {
		if there {
			rules = append(rules, linkIn(in, of.Region, "forwardingRules", of.Name+"-"+suffix))
			b.grant("/v1/projects/"+in+"/"+web+"/services/"+of.Name+"-"+suffix, policy.Access)
		}
	}
	if rules == nil {
		return // there is nothing that it could be about
	}
	body := object{"action": policy.Action, "target": object{"loadBalancingScheme": scheme(of.Internal), "resources": rules}}
	if policy.Action == estate.AskIAP {
		body["action"], body["customProvider"] = "CUSTOM", object{"cloudIap": object{}}
	}
	if policy.Path != "" {
		operations := []any{object{"paths": []any{object{"prefix": policy.Path}}}}
		body["httpRules"] = []any{object{"to": object{"operations": operations}}}
	}
	b.do(http.MethodPost, "/v1/projects/"+in+"/locations/"+location+"/authzPolicies?authzPolicyId="+name, body)
}
