package estate

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Ingress settings of a service; "" is all.
const (
	Internal              = "internal"
	InternalLoadBalancing = "internal-and-cloud-load-balancing"
)

// Estate is what stands in the project.
type Estate struct {
	Services  []Service
	Backends  []Backend
	Balancers []Balancer
	Above     []Policy // IAP's policies of resources above services and backend services
	Project   []Grant  // of the project's own policy
}

// Service is one Cloud Run service.
type Service struct {
	Name, Region string
	Ingress      string
	CheckOff     bool // invokerIamDisabled
	DirectIAP    bool
	URLOff       bool   // the default URL is switched off
	Tag          bool   // the latest revision has a tag
	Domain       string // a host that is mapped to it
	Agent        bool   // IAP's service agent may invoke it
	Invokers     []Grant
	Access       []Grant // IAP's policy of the service
}

// Grant gives one member one role, under a condition or, where When is "", always.
type Grant struct{ Member, Role, When string }

// Policy is IAP's policy of a resource, named below the project: "iap_web/compute".
type Policy struct {
	At     string
	Grants []Grant
}

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
	Access   []Grant
}

// Balancer is a URL map with its frontends; it may have none.
type Balancer struct {
	Name        string
	Region      string // "" = global
	Internal    bool
	HTTPS, HTTP bool
	Default     string // name of a backend service, "" = a redirect to elsewhere
	Hosts       []Host
}

// Host is a host rule with its path matcher.
type Host struct {
	Names    []string
	Default  string   // name of a backend service, "" = a redirect to elsewhere
	Weighted []string // backend services that share the default, the first with the largest weight
	Paths    []Path
	Routed   bool // Paths are route rules with prefixes; otherwise path rules
}

// Path leads what begins with Prefix to a backend service.
type Path struct{ Prefix, Backend string }

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
			host.Paths = slices.DeleteFunc(host.Paths, func(p Path) bool { return missing(p.Backend) })
		}
		balancer.Hosts = slices.DeleteFunc(balancer.Hosts, func(h Host) bool { return len(h.Names) == 0 })
	}
	return e
}
