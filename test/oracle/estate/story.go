package estate

import (
	"fmt"
	"slices"
	"strings"
)

// String describes the estate, one part a line.
func (e Estate) String() string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	for _, s := range e.Services {
		line("%s %s%s", s.kind(), s.Name, s.traits())
		for _, place := range s.Places() {
			line("  in %s%s", place.Region, when(!place.Agent, ", IAP's agent may not invoke"))
			list(&text, "  may invoke: ", place.Invokers)
			list(&text, "  passes its own IAP: ", place.Access)
		}
	}
	for _, b := range e.Backends {
		line("backend service %s%s%s before %s", b.Name, place(b.Region, b.Internal), when(b.IAP, ", IAP on,"), b.behind())
		list(&text, "  passes IAP: ", b.Access)
	}
	for _, b := range e.Balancers {
		line("URL map %s%s%s, frontends:%s%s%s", b.Name, when(b.Hosted, " of the host project"), place(b.Region, b.Internal), when(b.HTTPS, " https"),
			when(b.HTTP, " http"), when(!b.HTTP && !b.HTTPS, " none"))
		line("  by default to %s", destination(b.Default))
		for _, h := range b.Hosts {
			line("  %s to %s", strings.Join(h.Names, " and "), h.leads())
		}
		for _, policy := range b.Policies {
			line("  authorization policy: %s%s", policy.Action, when(policy.Path != "", " for "+policy.Path))
			list(&text, "    passes IAP: ", policy.Access)
		}
	}
	for _, policy := range e.Above {
		list(&text, when(policy.Hosted, "the host project's ")+policy.At+": passes IAP: ", policy.Grants)
	}
	for _, policy := range e.Higher {
		list(&text, policy.At+": ", policy.Grants)
	}
	for _, s := range e.Settings {
		line("%sIAP's settings of %q:%s%s%s%s", when(s.Hosted, "in the host project, "), s.At,
			when(s.External, " Identity Platform signs in"),
			when(s.Workforce, " a workforce pool signs in"), when(s.Options != "", " OPTIONS: "+s.Options),
			when(s.Domains != nil, " only accounts of "+strings.Join(s.Domains, ", ")))
	}
	list(&text, "project: ", e.Project)
	list(&text, "host project: ", e.Host)
	return text.String()
}

func (s Service) kind() string {
	if s.Instance {
		return "instance"
	}
	return "service"
}

func (s Service) traits() string {
	return when(s.Ingress != "", ", ingress "+s.Ingress) + when(s.CheckOff, ", invoker check off") +
		when(s.DirectIAP, ", IAP on") + when(s.URLOff, ", default URL off") + when(s.Tag, ", tag blue") +
		when(s.Domain != "", ", domain "+s.Domain)
}

func (b Backend) behind() string {
	if b.Mask != "" {
		return "the services that " + b.Mask + " names in " + b.MaskAt
	}
	if len(b.Leads) == 0 {
		return "nothing"
	}
	return strings.Join(b.Leads, ", ")
}

func (h Host) leads() string {
	to := []string{destination(h.Default)}
	if len(h.Weighted) > 0 {
		to = []string{strings.Join(h.Weighted, " more than ")}
	}
	to[0] += when(h.Mirror != "", " and copies to "+h.Mirror)
	for _, path := range h.Paths {
		to = append(to, path.Prefix+"* to "+path.Backend+when(path.Mirror != "", " and copies to "+path.Mirror))
	}
	return strings.Join(to, ", ")
}

func list(text *strings.Builder, lead string, grants []Grant) {
	for _, g := range grants {
		fmt.Fprintf(text, "%s%s as %s%s\n", lead, g.Member, g.Role, when(g.When != "", " when "+g.When))
	}
}

func place(region string, internal bool) string {
	return when(region != "", " in "+region) + when(internal, ", internal,")
}

func destination(backend string) string {
	if backend == "" {
		return "elsewhere"
	}
	return backend
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// Features are the kinds of parts that the estate has, each once.
func (e Estate) Features() []string {
	var all []string
	add := func(has bool, feature string) {
		if has && !slices.Contains(all, feature) {
			all = append(all, feature)
		}
	}
	grants := func(at string, all []Grant) {
		for _, g := range all {
			kind, _, _ := strings.Cut(g.Member, ":")
			add(true, at+" "+kind)
			add(g.When != "", at+" conditional")
		}
	}
	add(len(e.Services) > 1, "several services")
	for _, s := range e.Services {
		add(true, "ingress "+s.Ingress)
		add(s.Instance, "instance")
		add(s.CheckOff, "invoker check off")
		add(s.DirectIAP, "direct IAP")
		add(s.URLOff, "default URL off")
		add(s.Tag, "tag")
		add(s.Domain != "", "domain mapping")
		add(len(s.Elsewhere) > 0, "multi-region service")
		for _, place := range s.Places() {
			add(!place.Agent, "agent not granted")
			grants("invoker", place.Invokers)
			grants("direct accessor", place.Access)
		}
	}
	for _, b := range e.Backends {
		add(b.IAP, "IAP at a backend service")
		add(b.Mask != "", "URL mask")
		add(len(b.Leads) > 1, "backend service before two")
		add(len(b.Regional(e)) > len(b.Leads), "backend service before two regions")
		grants("accessor", b.Access)
	}
	for _, b := range e.Balancers {
		add(b.Region == "", "global balancer")
		add(b.Region != "" && !b.Internal, "regional balancer")
		add(b.Internal, "internal balancer")
		add(!b.HTTPS && !b.HTTP, "no frontend")
		add(b.HTTP, "HTTP frontend")
		add(b.Hosted, "balancer of the host project")
		for _, policy := range b.Policies {
			add(true, "authorization policy "+policy.Action)
			add(policy.Action == AskIAP && policy.Path != "", "authorization policy IAP for some paths")
			grants("accessor at a forwarding rule", policy.Access)
		}
		for _, h := range b.Hosts {
			add(h.Names[0] == "*", "catch-all host")
			add(len(h.Names) > 1, "wildcard host")
			add(len(h.Weighted) > 0, "weights")
			add(len(h.Paths) > 0, "paths")
			add(h.Mirror != "" || slices.ContainsFunc(h.Paths, func(p Path) bool { return p.Mirror != "" }), "mirror")
			add(h.Default != "" && h.Default == b.Default, "a host's is the default")
		}
	}
	for _, policy := range e.Above {
		grants("inherited accessor", policy.Grants)
	}
	for _, s := range e.Settings {
		add(s.External, "IAP settings: Identity Platform")
		add(s.Workforce, "IAP settings: workforce pool")
		add(s.Options != "", "IAP settings: OPTIONS "+s.Options)
		add(s.Domains != nil, "IAP settings: allowed domains")
		add(!strings.Contains(s.At, "/services/"), "IAP settings inherited")
		add(s.At == Folder, "IAP settings of the folder")
		add(s.At == Organization, "IAP settings of the organization")
	}
	for _, policy := range e.Higher {
		above, _, _ := strings.Cut(policy.At, "s/")
		for _, g := range policy.Grants {
			what := "invoker"
			if g.Role == accessorRole || g.Role == "roles/iap.admin" {
				what = "accessor"
			}
			grants(above+" "+what, []Grant{g})
		}
	}
	grants("project", e.Project)
	add(len(e.Host) > 0, "roles in the host project")
	slices.Sort(all)
	return all
}
