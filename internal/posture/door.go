package posture

// DoorKind says what kind of way in a door is.
type DoorKind string

// The kinds of doors.
const (
	DefaultURL   DoorKind = "default-url"   // a run.app address of the service itself
	LoadBalancer DoorKind = "load-balancer" // a load balancer's frontend
)

// Guard says who keeps a door.
type Guard string

// The guards.
const (
	GuardIAP     Guard = "iap"     // IAP asks who is calling
	GuardIAM     Guard = "iam"     // Cloud Run lets only named invokers in
	GuardIngress Guard = "ingress" // not reachable from the internet
	GuardClosed  Guard = "closed"  // switched off
	GuardOpen    Guard = "open"    // nobody
)

// Door is one way to reach the service.
type Door struct {
	Kind    DoorKind `json:"kind"`
	Address string   `json:"address"`
	Via     string   `json:"via,omitempty"` // the resource behind the address
	Guard   Guard    `json:"guard"`
}

// Doors lists every way to the service that the posture holds, with who
// guards it.
func (p Posture) Doors() []Door {
	var doors []Door
	for _, url := range p.Service.URLs {
		doors = append(doors, Door{DefaultURL, url, p.Target.Name(), p.defaultURLGuard()})
	}
	for _, backend := range p.Backends {
		for _, frontend := range backend.Frontends {
			doors = append(doors, Door{LoadBalancer, frontend.url(), frontend.Resource, p.frontendGuard(backend)})
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

func (p Posture) defaultURLGuard() Guard {
	switch {
	case p.Service.DefaultURLDisabled:
		return GuardClosed
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

func (p Posture) frontendGuard(backend Backend) Guard {
	switch {
	case p.Service.Ingress == IngressNone || p.Service.Ingress == IngressInternal && backend.Scheme != "INTERNAL_MANAGED":
		return GuardIngress
	case backend.IAPOn || p.Service.IAPOn:
		return GuardIAP
	case p.open():
		return GuardOpen
	}
	return GuardIAM
}

func (f Frontend) url() string {
	scheme := "http://"
	if f.HTTPS {
		scheme = "https://"
	}
	if len(f.Hosts) > 0 {
		return scheme + f.Hosts[0]
	}
	return scheme + f.Address
}
