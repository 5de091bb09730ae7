package estate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// People who knock.
const (
	Alice    = "user:alice@corp.example.com" // may be named by policies
	Stranger = "user:stranger@gmail.com"     // any Google account: never named
)

// The conditions that grants may have.
const (
	Expired  = `request.time < timestamp("2020-01-01T00:00:00Z")`
	Future   = `request.time > timestamp("2090-01-01T00:00:00Z")`
	Lasting  = `request.time < timestamp("2090-01-01T00:00:00Z")`
	ByPath   = `request.path.startsWith("/open/")`
	OneOther = `resource.name == "projects/demo-project/locations/us-central1/services/none"`
)

// The custom roles: one of the project and one of the organization list
// run.routes.invoke, one the right to pass IAP, one neither.
const (
	AboveRole    = "organizations/987654321098/roles/invoking"
	InvokingRole = "projects/demo-project/roles/invoking"
	PassingRole  = "projects/demo-project/roles/passing"
	HarmlessRole = "projects/demo-project/roles/harmless"
)

const accessorRole = "roles/iap.httpsResourceAccessor"

var (
	regions     = []string{"us-central1", "europe-west1"}
	invokeRoles = []string{"roles/run.invoker", "roles/run.invoker", "roles/run.servicesInvoker", "roles/run.developer",
		"roles/run.admin", "roles/editor", "roles/owner", "roles/run.viewer", "roles/viewer", "roles/iap.admin",
		InvokingRole, HarmlessRole, PassingRole, AboveRole}
	accessRoles = []string{accessorRole, accessorRole, accessorRole, PassingRole, HarmlessRole, "roles/iap.admin",
		"roles/editor"}
	public  = []string{"allUsers", "allAuthenticatedUsers"}
	members = []string{Alice, "group:team@corp.example.com", "domain:corp.example.com", "domain:gmail.com",
		"deleted:user:stranger@gmail.com?uid=123456789012345678901", "deleted:group:all@gmail.com?uid=123456789012345678901",
		"principalSet://iam.googleapis.com/locations/global/workforcePools/none/*", "user:stranger@gmail.com.example.com",
		"alice@corp.example.com", "user:", "serviceAccount:none@nowhere.example.com"}
	conditions = []string{Expired, Future, Lasting, ByPath, OneOther, `"corp" in request.auth.access_levels`, "request.path =="}
)

// generator draws an estate.
type generator struct{ *rand.Rand }

// Generate draws the estate number n of a seed; the first ones are small.
func Generate(seed uint64, n int) Estate {
	if n < 40 {
		return generate(seed, n, 1, 1)
	}
	return generate(seed, n, 3, 3)
}

// Small draws the estate number n of a seed with at most two services and load balancers.
func Small(seed uint64, n int) Estate { return generate(seed, n, 2, 2) }

func generate(seed uint64, n, mostServices, mostBalancers int) Estate {
	g := generator{rand.New(rand.NewPCG(seed, uint64(n)))}
	services, balancers := 1+g.IntN(mostServices), g.IntN(mostBalancers+1)
	var e Estate
	for i := range services {
		service := g.service(fmt.Sprintf("app%d", i))
		if g.chance(20) {
			service = g.spread(service)
		}
		e.Services = append(e.Services, service)
	}
	for i := range balancers {
		g.balance(&e, fmt.Sprintf("lb%d", i))
	}
	if g.chance(15) { // after the load balancers, which lead to services alone
		instance := g.service("box")
		instance.Instance, instance.Tag, instance.Domain = true, false, ""
		e.Services = append(e.Services, instance)
	}
	e.Above, e.Project = g.above(), g.project()
	e.Settings = g.settings(e)
	e.Higher = g.higher()
	e.Settings = append(e.Settings, g.settingsAbove()...)
	if e.Hosted() {
		g.host(&e)
	}
	return e.tidied()
}

// chance reports true in so many of a hundred cases.
func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g generator) of(all []string) string { return all[g.IntN(len(all))] }

func (g generator) service(name string) Service {
	s := Service{Name: name, Region: g.of(regions), Agent: g.chance(70)}
	switch {
	case g.chance(25):
		s.Ingress = InternalLoadBalancing
	case g.chance(15):
		s.Ingress = Internal
	}
	s.CheckOff, s.DirectIAP = g.chance(8), g.chance(22)
	// With the default URL off, what a tag's address answers is not documented.
	if s.URLOff = g.chance(15); !s.URLOff || g.chance(2) {
		s.Tag = g.chance(15)
	}
	if g.chance(20) {
		s.Domain = name + ".mapped.example.com"
	}
	s.Invokers = g.grants(invokeRoles, 45)
	if s.DirectIAP || g.chance(10) {
		s.Access = g.grants(accessRoles, 25)
	}
	return s
}

// spread makes a service a multi-region one.
func (g generator) spread(s Service) Service {
	for _, region := range regions {
		if region == s.Region {
			continue
		}
		place := Place{Region: region, Agent: g.chance(70), Invokers: g.grants(invokeRoles, 25)}
		if s.DirectIAP || g.chance(10) {
			place.Access = g.grants(accessRoles, 25)
		}
		s.Elsewhere = append(s.Elsewhere, place)
	}
	return s
}

// grants draws the bindings of a policy; publicly is in how many of a hundred
// cases somebody public is among the members.
func (g generator) grants(roles []string, publicly int) []Grant {
	var all []Grant
	if g.chance(publicly) {
		all = append(all, Grant{Member: g.of(public), Role: roles[0]})
		if g.chance(40) {
			all[0].Role = g.of(roles)
		}
	}
	for range g.IntN(4) {
		grant := Grant{Member: g.of(members), Role: roles[0]}
		if g.chance(40) {
			grant.Role = g.of(roles)
		}
		if g.chance(30) {
			grant.When = g.of(conditions)
		}
		all = append(all, grant)
	}
	return all
}

func (g generator) above() []Policy {
	var all []Policy
	for _, at := range []string{"iap_web", "iap_web/compute", "iap_web/compute-us-central1",
		"iap_web/cloud_run-us-central1", "iap_web/cloud_run-europe-west1"} {
		if g.chance(8) {
			all = append(all, Policy{At: at, Grants: g.grants(accessRoles, 30)})
		}
	}
	return all
}

// higher draws the bindings of the folder and of the organization, which name nobody
// public but those at Gmail.
func (g generator) higher() []Policy {
	var all []Policy
	for _, at := range []string{Folder, Organization} {
		if !g.chance(20) {
			continue
		}
		grants := append(g.grants(invokeRoles, 0), g.grants(accessRoles, 0)...)
		if g.chance(25) {
			grants = append(grants, Grant{Role: g.of([]string{"roles/run.invoker", accessorRole}), Member: "domain:gmail.com"})
		}
		// What only a project has is not valid above it.
		grants = slices.DeleteFunc(grants, func(one Grant) bool { return strings.HasPrefix(one.Role, "projects/") })
		all = append(all, Policy{At: at, Grants: grants})
	}
	return all
}

// settingsAbove draws IAP's settings of the folder and of the organization.
func (g generator) settingsAbove() []Settings {
	var all []Settings
	for _, at := range []string{Folder, Organization} {
		if g.chance(8) {
			all = append(all, g.settingsAt(at))
		}
	}
	return all
}

// settings draws IAP's settings of some of the resources that can have them.
func (g generator) settings(e Estate) []Settings {
	at := []string{"", "iap_web", "iap_web/compute", "iap_web/cloud_run-us-central1", "iap_web/cloud_run-europe-west1"}
	likely := 3
	for _, s := range e.Services {
		if s.DirectIAP {
			at = append(at, s.Resource())
		}
	}
	for _, b := range e.Backends {
		if b.IAP {
			at = append(at, b.Resource())
		}
	}
	var all []Settings
	for i, resource := range at {
		if i == 5 {
			likely = 12 // of the resource itself
		}
		if !g.chance(likely) {
			continue
		}
		all = append(all, g.settingsAt(resource))
	}
	return all
}

// settingsAt draws the settings of one resource.
func (g generator) settingsAt(at string) Settings {
	s := Settings{At: at, External: g.chance(25), Workforce: g.chance(20)}
	if g.chance(60) {
		s.Options = g.of([]string{OptionsPass, OptionsPass, OptionsRefuse, OptionsUnset})
	}
	if g.chance(25) {
		s.Domains = []string{g.of([]string{"corp.example.com", "gmail.com"})}
	}
	return s
}

// project draws the project's own bindings, which name nobody public.
func (g generator) project() []Grant {
	if !g.chance(20) {
		return nil
	}
	return append(g.grants(invokeRoles, 0), g.grants(accessRoles, 0)...)
}

// host draws what the host project has beside load balancers. But for IAP at forwarding
// rules, nothing of it counts.
func (g generator) host(e *Estate) {
	e.Host = g.project()
	for _, at := range []string{"iap_web", "iap_web/compute", "iap_web/forwarding_rule"} {
		if g.chance(10) {
			e.Above = append(e.Above, Policy{At: at, Hosted: true, Grants: g.grants(accessRoles, 30)})
		}
	}
	if g.chance(10) {
		e.Settings = append(e.Settings, Settings{At: g.of([]string{"", "iap_web", "iap_web/compute"}), Hosted: true,
			External: g.chance(50), Options: g.of([]string{"", OptionsPass})})
	}
}

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
