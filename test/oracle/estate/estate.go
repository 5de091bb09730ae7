package estate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Ingress settings of a service; "" is all.
const (
	Internal              = "internal"
	InternalLoadBalancing = "internal-and-cloud-load-balancing"
)

// HostProject is the id of a second project of the same organization, which has the URL
// maps and the frontends of some load balancers. Their backend services, and all else, are
// in the project.
const HostProject = "host-project"

// Estate is what stands in the project, and before it in the host project.
type Estate struct {
	Services  []Service
	Backends  []Backend
	Balancers []Balancer
	Above     []Policy // IAP's policies of resources above services and backend services
	Higher    []Policy // IAM policies of the folder and of the organization above the project
	Settings  []Settings
	Project   []Grant // of the project's own policy
	Host      []Grant // of the host project's own policy
}

// What is above the project: a folder in the organization.
const (
	Folder       = "folders/410000000001"
	Organization = "organizations/987654321098"
)

// AboveProject reports whether a resource is above the project.
func AboveProject(resource string) bool { return resource == Folder || resource == Organization }

// Service is one Cloud Run service, or an instance, which has no tag, domain or load
// balancer, and whose IAP policy is the region's.
type Service struct {
	Name, Region string
	Instance     bool
	Ingress      string
	CheckOff     bool // invokerIamDisabled
	DirectIAP    bool
	URLOff       bool   // the default URL is switched off
	Tag          bool   // the latest revision has a tag
	Domain       string // a host that is mapped to it
	Agent        bool   // IAP's service agent may invoke it
	Invokers     []Grant
	Access       []Grant // IAP's policy of the service
	// Elsewhere are the other regions of a multi-region service, whose settings are the same
	// everywhere and whose policies are not; nil = it is in one region.
	Elsewhere []Place
}

// Place is a multi-region service in one of its regions.
type Place struct {
	Region           string
	Agent            bool
	Invokers, Access []Grant
}

// Places are the service in each of its regions.
func (s Service) Places() []Place {
	return append([]Place{{s.Region, s.Agent, s.Invokers, s.Access}}, s.Elsewhere...)
}

// Grant gives one member one role, under a condition or, where When is "", always.
type Grant struct{ Member, Role, When string }

// Policy is IAP's policy of a resource, named below the project: "iap_web/compute".
type Policy struct {
	At     string
	Hosted bool // below the host project
	Grants []Grant
}

// Settings are IAP's settings of a resource, named below the project: "iap_web/compute";
// "" is the project itself. Folder and Organization are settings above it.
type Settings struct {
	At        string
	Hosted    bool     // of a resource of the host project
	External  bool     // Identity Platform signs visitors in
	Workforce bool     // people of a workforce pool sign in
	Options   string   // what is said of OPTIONS requests: nothing, or one of the values below
	Domains   []string // the only ones whose accounts pass, nil = any
}

// What settings say of OPTIONS requests; OptionsUnset is CORS settings without the field.
const (
	OptionsPass   = "pass"
	OptionsRefuse = "refuse"
	OptionsUnset  = "unset"
)

// Backend is a backend service. It has a serverless NEG for each service of
// Leads, or one with a URL mask.
type Backend struct {
	Name     string
	Region   string // "" = global
	Internal bool   // of an internal load balancer, which is regional
	IAP      bool
	Leads    []string // names of services
	Mask     string
	MaskAt   string // region of the NEG with the mask
	First    int    // which of its NEGs comes first and gets the requests
	Access   []Grant
}

// Balancer is a URL map with its frontends; it may have none.
type Balancer struct {
	Name        string
	Region      string // "" = global
	Internal    bool
	HTTPS, HTTP bool
	Hosted      bool   // it is in the host project
	Default     string // name of a backend service, "" = a redirect to elsewhere
	Hosts       []Host
	Policies    []Authorization
}

// Authorization is an authorization policy of all forwarding rules of a load balancer.
type Authorization struct {
	Action string
	Path   string  // it is about what begins with Path, "" = about every request
	Access []Grant // who passes IAP at the forwarding rules
}

// The actions of authorization policies: IAP, and those that the API has by these names.
const (
	AskIAP        = "IAP"
	Allow         = "ALLOW"
	Deny          = "DENY"
	DenyByDefault = "DENY_BY_DEFAULT"
)

// Host is a host rule with its path matcher.
type Host struct {
	Names    []string
	Default  string   // name of a backend service, "" = a redirect to elsewhere
	Weighted []string // backend services that share the default, the first with the largest weight
	Mirror   string   // backend service that gets copies of what the default serves, "" = none
	Paths    []Path
	Routed   bool // Paths are route rules with prefixes; otherwise path rules
}

// Path leads what begins with Prefix to a backend service, and copies to Mirror, "" = none.
type Path struct{ Prefix, Backend, Mirror string }

func (e Estate) clone() Estate {
	text, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("encoding an estate: %v", err)) // strings, booleans and slices
	}
	var copied Estate
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(fmt.Sprintf("decoding an estate: %v", err))
	}
	return copied
}

// tidied is the estate without references to what is not there.
func (e Estate) tidied() Estate {
	service := func(name string) bool {
		return slices.ContainsFunc(e.Services, func(s Service) bool { return s.Name == name })
	}
	missing := func(name string) bool {
		return name != "" && !slices.ContainsFunc(e.Backends, func(b Backend) bool { return b.Name == name })
	}
	e.Settings = slices.DeleteFunc(e.Settings, func(s Settings) bool {
		web, name, own := strings.Cut(s.At, "/services/")
		if strings.Contains(web, "/compute") {
			return own && missing(name)
		}
		return own && !service(name)
	})
	for i := range e.Backends {
		e.Backends[i].Leads = slices.DeleteFunc(e.Backends[i].Leads, func(name string) bool { return !service(name) })
	}
	for i := range e.Balancers {
		balancer := &e.Balancers[i]
		if missing(balancer.Default) {
			balancer.Default = ""
		}
		for j := range balancer.Hosts {
			host := &balancer.Hosts[j]
			if missing(host.Default) {
				host.Default = ""
			}
			host.Weighted = slices.DeleteFunc(host.Weighted, missing)
			if missing(host.Mirror) || host.Default == "" && len(host.Weighted) == 0 {
				host.Mirror = "" // a redirect has none
			}
			host.Paths = slices.DeleteFunc(host.Paths, func(p Path) bool { return missing(p.Backend) })
			for k := range host.Paths {
				if missing(host.Paths[k].Mirror) {
					host.Paths[k].Mirror = ""
				}
			}
		}
		balancer.Hosts = slices.DeleteFunc(balancer.Hosts, func(h Host) bool { return len(h.Names) == 0 })
	}
	return e
}

// Mirrors is how many parts of URL maps send copies of requests.
func (e Estate) Mirrors() int {
	count := 0
	for _, b := range e.Balancers {
		for _, h := range b.Hosts {
			for _, to := range append([]Path{{Mirror: h.Mirror}}, h.Paths...) {
				if to.Mirror != "" {
					count++
				}
			}
		}
	}
	return count
}

// Resource is IAP's name of a backend service, below the project.
func (b Backend) Resource() string {
	web := "iap_web/compute"
	if b.Region != "" {
		web += "-" + b.Region
	}
	return web + "/services/" + b.Name
}

// Regional are the services behind the backend service in their regions, one for each NEG.
func (b Backend) Regional(e Estate) []Service {
	var all []Service
	for _, name := range b.Leads {
		for _, s := range e.Services {
			for _, place := range s.Places() {
				if s.Name == name && (b.Region == "" || b.Region == place.Region) {
					all = append(all, Service{Name: name, Region: place.Region})
				}
			}
		}
	}
	return all
}

// Hosted reports whether a load balancer is in the host project.
func (e Estate) Hosted() bool {
	return slices.ContainsFunc(e.Balancers, func(b Balancer) bool { return b.Hosted })
}

// MultiRegion reports whether a service is in several regions.
func (e Estate) MultiRegion() bool {
	return slices.ContainsFunc(e.Services, func(s Service) bool { return len(s.Elsewhere) > 0 })
}

// Resource is IAP's name of the service, below the project.
func (s Service) Resource() string {
	if s.Instance {
		return "iap_web/cloud_run-" + s.Region
	}
	return "iap_web/cloud_run-" + s.Region + "/services/" + s.Name
}

// Turned are the estates in which the other of those gets the requests that share them:
// services behind one backend service, weighted backend services, and both.
func (e Estate) Turned() []Estate {
	var all []Estate
	for _, turn := range []struct {
		first    int
		weighted bool
	}{{1, false}, {2, false}, {3, false}, {0, true}, {1, true}} {
		turned, most, weighted := e.clone(), 1, false
		for i := range turned.Backends {
			turned.Backends[i].First = turn.first
			most = max(most, len(turned.Backends[i].Regional(e)))
		}
		for i := range turned.Balancers {
			for j := range turned.Balancers[i].Hosts {
				shared := turned.Balancers[i].Hosts[j].Weighted
				weighted = weighted || len(shared) > 1
				if turn.weighted {
					slices.Reverse(shared)
				}
			}
		}
		if turn.first >= most || turn.weighted && !weighted {
			continue
		}
		all = append(all, turned)
	}
	return all
}
