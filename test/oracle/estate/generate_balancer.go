package estate

import (
	"fmt"
	"slices"
)

// balance adds a load balancer with its backend services.
func (g generator) balance(e *Estate, name string) {
	b := Balancer{Name: name, HTTPS: g.chance(80), HTTP: g.chance(35), Hosted: g.chance(20)}
	if g.chance(35) {
		b.Region, b.Internal = g.of(regions), g.chance(35)
	}
	var own []string
	for i := range 1 + g.IntN(3) {
		backend := g.backend(*e, b, fmt.Sprintf("%s-backend%d", name, i))
		e.Backends, own = append(e.Backends, backend), append(own, backend.Name)
	}
	for _, other := range e.Backends { // another map of the same kind may use it too
		if other.Region == b.Region && other.Internal == b.Internal && g.chance(15) {
			own = append(own, other.Name)
		}
	}
	b.Default = g.to(own)
	for i := range g.IntN(3) {
		b.Hosts = append(b.Hosts, g.rule(own, fmt.Sprintf("h%d.%s.example.com", i, name)))
	}
	if g.chance(8) {
		b.Hosts = append(b.Hosts, g.rule(own, "*"))
	}
	b.Policies = g.policies()
	e.Balancers = append(e.Balancers, b)
}

// policies draws the authorization policies of a load balancer, mostly none.
func (g generator) policies() []Authorization {
	var all []Authorization
	for g.chance(12) && len(all) < 2 {
		one := Authorization{Action: g.of([]string{AskIAP, AskIAP, AskIAP, Allow, Deny, DenyByDefault})}
		if one.Action == Allow || one.Action == Deny || one.Action == AskIAP && g.chance(30) {
			one.Path = g.of([]string{"/open/", "/events/", "/app0"})
		}
		if one.Action == AskIAP {
			one.Access = g.grants(accessRoles, 25)
		}
		all = append(all, one)
	}
	return all
}

// to draws a backend service, or none.
func (g generator) to(own []string) string {
	if g.chance(15) {
		return ""
	}
	return g.of(own)
}

// mirror draws the backend service that gets copies, mostly none.
func (g generator) mirror(own []string) string {
	if g.chance(92) {
		return ""
	}
	return g.of(own)
}

// rule draws a host rule.
func (g generator) rule(own []string, name string) Host {
	h := Host{Names: []string{name}, Default: g.to(own)}
	if name != "*" && g.chance(25) {
		h.Names = append(h.Names, "*."+name)
	}
	if g.chance(15) {
		h.Default, h.Weighted = "", []string{g.of(own), g.of(own)}
	}
	h.Routed, h.Mirror = g.chance(25), g.mirror(own)
	for _, prefix := range []string{"/open/", "/events/"} {
		if g.chance(30) {
			h.Paths = append(h.Paths, Path{Prefix: prefix, Backend: g.of(own), Mirror: g.mirror(own)})
		}
	}
	return h
}

func (g generator) backend(e Estate, before Balancer, name string) Backend {
	b := Backend{Name: name, Region: before.Region, Internal: before.Internal, IAP: g.chance(55)}
	if b.Access = nil; b.IAP || g.chance(10) {
		b.Access = g.grants(accessRoles, 25)
	}
	if g.chance(12) {
		b.MaskAt = before.Region
		if b.MaskAt == "" {
			b.MaskAt = g.of(regions)
		}
		b.Mask = g.of([]string{"/<service>", before.Name + ".example.com/<service>", "<service>." + before.Name + ".example.com"})
		return b
	}
	for _, service := range e.Services {
		there := func(p Place) bool { return before.Region == "" || before.Region == p.Region }
		if slices.ContainsFunc(service.Places(), there) && g.chance(70) && len(b.Leads) < 2 {
			b.Leads = append(b.Leads, service.Name)
		}
	}
	return b
}
