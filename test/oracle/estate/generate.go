package estate

import (
	"fmt"
	"math/rand/v2"
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
