package posture

import "strings"

// DoorKind says what kind of way in a door is.
type DoorKind string

// The kinds of doors.
const (
	DefaultURL           DoorKind = "default-url"            // a run.app address of the service itself
	TagURL               DoorKind = "tag-url"                // a run.app address of a tagged revision
	LoadBalancer         DoorKind = "load-balancer"          // a load balancer's frontend on the internet
	InternalLoadBalancer DoorKind = "internal-load-balancer" // a load balancer's frontend inside a VPC network
)

// Guard says who keeps a door.
type Guard string

// The guards.
const (
	GuardIAP     Guard = "iap"     // IAP asks who is calling
	GuardIAM     Guard = "iam"     // Cloud Run lets only named invokers in
	GuardIngress Guard = "ingress" // not reachable from the internet
	GuardClosed  Guard = "closed"  // switched off
	GuardUnknown Guard = "unknown" // something that decides it could not be read
	GuardOpen    Guard = "open"    // nobody
)

// Door is one way to reach the service.
type Door struct {
	Kind    DoorKind `json:"kind"`
	Address string   `json:"address"`       // URL; a host may be a pattern of a URL map
	Via     string   `json:"via,omitempty"` // the resource behind the address
	Guard   Guard    `json:"guard"`
	Why     string   `json:"why,omitempty"` // why the guard is unknown, or to whom the door is open where not to everybody
}

// Doors lists every way to the service that the posture holds, with who
// guards it.
func (p Posture) Doors() []Door {
	doors := append(p.ownDoors(), p.domainDoors()...)
	for _, backend := range p.Backends {
		for _, frontend := range backend.Frontends {
			doors = append(doors, p.frontendDoors(backend, frontend)...)
		}
	}
	for i := range doors {
		if doors[i].Guard == GuardOpen {
			doors[i].Why = p.openTo()
		}
	}
	return doors
}

// Exposed reports whether any door is open.
func Exposed(doors []Door) bool {
	for _, door := range doors {
		if door.Guard == GuardOpen {
			return true
		}
	}
	return false
}

// ownDoors are the run.app addresses. Cloud Run no longer tells those that are
// switched off; the one that can be computed stands for them.
func (p Posture) ownDoors() []Door {
	var doors []Door
	urls, guard := p.Service.URLs, p.ownGuard()
	if p.Service.DefaultURLDisabled {
		guard = GuardClosed
		if len(urls) == 0 {
			urls = []string{p.deterministicURL()}
		}
	}
	for _, url := range urls {
		doors = append(doors, Door{Kind: DefaultURL, Address: url, Via: p.Target.Name(), Guard: guard})
	}
	for _, url := range p.Service.TagURLs {
		door := Door{Kind: TagURL, Address: url, Via: p.Target.Name(), Guard: p.ownGuard()}
		if p.Service.DefaultURLDisabled && door.Guard == GuardOpen {
			door.Guard, door.Why = GuardUnknown, "whether switching the default URL off closes a tag's address too is not documented"
		}
		doors = append(doors, door)
	}
	return doors
}

// deterministicURL is the run.app address that follows from names alone.
// Source: run/docs/triggering/https-request#deterministic.
func (p Posture) deterministicURL() string {
	return "https://" + p.Target.Service + "-" + p.ProjectNumber + "." + p.Target.Location + ".run.app"
}

// ownGuard is who keeps a run.app address that is switched on.
func (p Posture) ownGuard() Guard {
	switch {
	case p.Service.Ingress.closedToInternet():
		return GuardIngress
	case p.Service.IAPOn:
		return GuardIAP
	case p.open():
		return GuardOpen
	}
	return GuardIAM
}

// closedToInternet is true of the settings that are known to keep the internet
// out of the default URL. What is not known is taken for open.
func (i Ingress) closedToInternet() bool {
	return i == IngressInternal || i == IngressInternalLoadBalancing || i == IngressNone
}

func (p Posture) frontendDoors(backend Backend, frontend Frontend) []Door {
	door := Door{Kind: LoadBalancer, Via: frontend.Resource, Guard: p.frontendGuard(backend)}
	if backend.internal() {
		door.Kind = InternalLoadBalancer
	}
	if frontend.Unread != "" {
		if door.Guard == GuardOpen {
			door.Guard, door.Why = GuardUnknown, frontend.Unread
		}
		return []Door{door}
	}
	var doors []Door
	for _, url := range frontend.urls() {
		door.Address = url
		doors = append(doors, door)
	}
	return doors
}

func (p Posture) frontendGuard(backend Backend) Guard {
	switch {
	case p.Service.Ingress == IngressNone || p.Service.Ingress == IngressInternal && !backend.internal():
		return GuardIngress
	case backend.IAPOn || p.Service.IAPOn:
		return GuardIAP
	case p.open():
		return GuardOpen
	}
	return GuardIAM
}

// internal reports whether the load balancer takes requests from inside a VPC
// network only.
func (b Backend) internal() bool { return strings.HasPrefix(b.Scheme, "INTERNAL") }

// urls are the addresses of a frontend: one for each host that leads to the
// backend, and its IP address where any host does.
func (f Frontend) urls() []string {
	scheme := "http://"
	if f.HTTPS {
		scheme = "https://"
	}
	if len(f.Hosts) == 0 {
		return []string{scheme + f.Address}
	}
	var urls []string
	for _, host := range f.Hosts {
		urls = append(urls, scheme+host)
	}
	return urls
}
