package door

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// OpenHosts are the hosts at which the service can be reached from anywhere past IAP: at
// addresses of its own, and through load balancers that ask nobody to sign in. Those of load
// balancers may be patterns; any means that one of them takes any host.
func OpenHosts(p posture.Posture) (hosts []string, any bool) {
	for _, part := range p.Parts() {
		for _, door := range slices.Concat(OwnDoors(part), DomainDoors(part)) {
			if host := posture.HostOf(door.Address); host != "" && door.Guard != GuardClosed && door.Guard != GuardIngress {
				hosts = append(hosts, host)
			}
		}
	}
	if in := p.Service.Ingress; p.Service.IAPOn || in == posture.IngressInternal || in == posture.IngressNone {
		return hosts, false
	}
	for _, backend := range p.Backends {
		if backend.IAPOn || backend.Internal() {
			continue
		}
		for _, frontend := range backend.Frontends {
			if frontend.Unread == "" && !frontend.Mirror && frontend.IAP == nil {
				hosts, any = append(hosts, frontend.Hosts...), any || len(frontend.Hosts) == 0
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), any
}

// Kind says what kind of way in a door is.
type Kind string

// The kinds of doors.
const (
	DefaultURL           Kind = "default-url"            // a run.app address of the service itself
	TagURL               Kind = "tag-url"                // a run.app address of a tagged revision
	FunctionURL          Kind = "function-url"           // the cloudfunctions.net address of a function
	LoadBalancer         Kind = "load-balancer"          // a load balancer's frontend on the internet
	InternalLoadBalancer Kind = "internal-load-balancer" // a load balancer's frontend inside a VPC network
)

// Guard says who keeps a door.
type Guard string

// The guards.
const (
	GuardIAP      Guard = "iap"              // IAP asks who is calling
	GuardIAM      Guard = "iam"              // Cloud Run lets only named invokers in
	GuardIngress  Guard = "ingress"          // not reachable from the internet
	GuardClosed   Guard = "closed"           // switched off
	GuardUnknown  Guard = "unknown"          // something that decides it could not be read
	GuardSignedIn Guard = "anyone-signed-in" // lets in any Google account
	GuardOpen     Guard = "open"             // lets in anyone
)

// ByRisk are all guards, from the one that lets in most to the one that lets in nobody.
var ByRisk = []Guard{GuardOpen, GuardSignedIn, GuardUnknown, GuardIAM, GuardIAP, GuardIngress, GuardClosed}

// Risk is the place of a guard in ByRisk: the lower, the worse.
func (g Guard) Risk() int { return slices.Index(ByRisk, g) }

// Key names a door by its kind, address and frontend, as the memory knows it.
func (d Door) Key() string { return fmt.Sprintf("%s %s %s", d.Kind, d.Address, d.Via) }

// Exposed reports whether people get in who are not named anywhere. A guard that is
// unknown may be such a one too.
func (g Guard) Exposed() bool { return g == GuardOpen || g == GuardSignedIn }

// Door is one way to reach the service.
type Door struct {
	Kind    Kind
	Address string // URL; a host may be a pattern of a URL map
	Via     string // the resource behind the address
	Guard   Guard
	Why     string // why the guard is unknown, or who opens the door where it does not show
	// Names are the hosts that the certificates of a frontend which takes any host are for,
	// as a list in words.
	Names string
	// Count is how many more addresses of a frontend the door stands for, which are alike
	// but for the address; 0 = it is one door. Such a door has no address.
	Count int
	// Exempt says until when the policy lets the door stay open, and on whose word; "" = it
	// does not.
	Exempt string
	// Backend is the backend service behind a frontend; "" = there is none, or several regions
	// have another one.
	Backend string
}

// NotExempt are the doors that the policy lets nobody leave open.
func NotExempt(doors []Door) []Door {
	return slices.DeleteFunc(slices.Clone(doors), func(d Door) bool { return d.Exempt != "" })
}

// Of lists every way to the service that the posture holds, with who
// guards it.
func Of(p posture.Posture) []Door {
	if len(p.Regions) > 0 {
		return regionDoors(p)
	}
	doors := append(OwnDoors(p), DomainDoors(p)...)
	return slices.Concat(doors, functionURL(p), frontendDoors(p), functionDoors(p), unseenDoors(p))
}

// unseenDoors stand for load balancers that may lead to the service and could not
// be read. One may be without IAP, so that the service alone decides who gets in, and
// one may have IAP on, with accessors that nobody knows. One may be internal, which passes
// the ingress wherever an external one does.
func unseenDoors(p posture.Posture) []Door {
	kind, guard := LoadBalancer, backendGuard(p, posture.Backend{}).guard
	if guard == GuardIngress {
		kind, guard = InternalLoadBalancer, backendGuard(p, posture.Backend{Scheme: "INTERNAL_MANAGED"}).guard
	}
	passes := guard.Exposed() || guard == GuardUnknown || guard == GuardIAM && agentMayInvoke(p)
	if p.BackendsUnread == "" || !passes {
		return nil
	}
	return []Door{{Kind: kind, Via: "projects/" + p.Target.Project, Guard: GuardUnknown, Why: p.BackendsUnread}}
}

// agentMayInvoke reports whether a policy may let IAP's agent invoke, in whatever role, and
// also under a condition. One that is not read may, of the project or above it.
func agentMayInvoke(p posture.Posture) bool {
	isAgent := func(member string) bool { return member == p.Agent() }
	return p.Project.Unread != "" || p.AboveUnread() != "" ||
		slices.ContainsFunc(p.InvokerPolicies(), func(policy posture.Policy) bool {
			return len(membersIn(p, policy, mayInvoke, isAgent)) > 0
		})
}

// Exposed reports whether people who are not named anywhere get in at any door. It is
// known that they do not only where every door is known to keep them out.
func Exposed(doors []Door) Knowledge {
	switch {
	case slices.ContainsFunc(doors, func(d Door) bool { return d.Guard.Exposed() }):
		return Yes
	case len(doors) == 0 || slices.ContainsFunc(doors, func(d Door) bool { return d.Guard == GuardUnknown }):
		return Unknown
	}
	return No
}

// OwnDoors are the run.app addresses. Cloud Run no longer lists those that are
// switched off, and not yet those of a service that is not ready; the one that can be
// computed stands for them.
func OwnDoors(p posture.Posture) []Door {
	var doors []Door
	urls, own := p.Service.URLs, ownGuard(p) // once: there may be thousands of tags and members
	guard := own
	if p.Service.DefaultURLDisabled {
		guard = judged{guard: GuardClosed}
	}
	if len(urls) == 0 {
		urls = []string{p.DeterministicURL()}
	}
	for _, url := range urls {
		doors = append(doors, guard.door(Door{Kind: DefaultURL, Address: url, Via: p.Target.Name()}))
	}
	for _, url := range tagURLs(p) {
		door := own.door(Door{Kind: TagURL, Address: url, Via: p.Target.Name()})
		if p.Service.DefaultURLDisabled && door.Guard.Exposed() {
			door.Guard = GuardUnknown
			door.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}
		doors = append(doors, door)
	}
	return doors
}

// tagURLs are the addresses of tagged revisions. Where the default URL is off, Cloud Run
// lists no address of the service, whose own with the tag in front they are beside the one
// that the tag's status may have. Source: run/docs/rollouts-rollbacks-traffic-migration#tags.
func tagURLs(p posture.Posture) []string {
	urls := slices.Clone(p.Service.TagURLs)
	if len(p.Service.URLs) > 0 {
		return urls
	}
	for _, tag := range p.Service.Tags {
		urls = append(urls, "https://"+tag+"---"+strings.TrimPrefix(p.DeterministicURL(), "https://"))
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// MaxAddresses bounds how many doors show the addresses of one frontend that have the
// same guard. A URL map may lead there from millions.
const MaxAddresses = 20

// mirrored is why somebody gets in at a door whose answers nobody sees. That what guards a
// backend service holds for copies of requests too is unverified.
const mirrored = "requests are mirrored here"

// ahead is what of a frontend decides its guard, beside what is behind it.
type ahead struct {
	iap    *posture.RuleIAP
	unread string
	mirror bool
}

// frontendDoors are the addresses of load balancers. Where a frontend has more of one
// kind than are shown, a door without an address counts the others.
func frontendDoors(p posture.Posture) []Door {
	var doors, alike []Door
	shown, others := map[Door]int{}, map[Door]int{} // by doors without a backend service: a frontend may lead to many
	behind := map[Door]string{}
	for _, backend := range p.Backends {
		guards := map[ahead]judged{}
		for _, frontend := range backend.Frontends {
			before := ahead{frontend.IAP, frontend.Unread, frontend.Mirror}
			guard, known := guards[before]
			if !known {
				guard = frontendGuard(p, backend, frontend)
				guards[before] = guard
			}
			door := guard.frontendDoor(backend, frontend)
			if _, known := shown[door]; !known {
				alike = append(alike, door)
				behind[door] = backend.Resource()
			}
			addresses, total := []string{""}, 1
			if frontend.Unread == "" {
				addresses, total = frontend.Addresses(MaxAddresses - shown[door])
			}
			shown[door] += len(addresses)
			if total > len(addresses) && behind[door] != backend.Resource() {
				behind[door] = "" // several
			}
			others[door] += total - len(addresses)
			for _, address := range addresses {
				at := door
				at.Address, at.Backend = address, backend.Resource()
				doors = append(doors, at)
			}
		}
	}
	for _, door := range alike {
		if n := others[door]; n > 0 {
			door.Count, door.Backend = n, behind[door]
			doors = append(doors, door)
		}
	}
	return doors
}

// frontendDoor is a door at a frontend, without its address and its backend service.
func (j judged) frontendDoor(backend posture.Backend, frontend posture.Frontend) Door {
	door := j.door(Door{
		Kind: LoadBalancer, Via: frontend.Resource, Names: strings.Join(frontend.Names, ", "), Exempt: backend.Exempt})
	if frontend.MoreNames > 0 {
		door.Names += fmt.Sprintf(" and %d more", frontend.MoreNames)
	}
	if backend.Internal() {
		door.Kind = InternalLoadBalancer
	}
	switch {
	case frontend.Mirror && door.Why != "":
		door.Why = mirrored + "; " + door.Why
	case frontend.Mirror:
		door.Why = mirrored
	}
	return door
}
