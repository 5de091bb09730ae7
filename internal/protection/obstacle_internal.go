package protection

import (
	"net/netip"
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// internalFrontendOnly: only load balancers inside a network lead to the service, and people
// outside use its other addresses.
const internalFrontendOnly Code = "INTERNAL_FRONTEND_ONLY"

// InternalObstacles keeps the other ways in open on a first protection while every HTTPS
// frontend is inside a network, and somebody outside uses the service's own addresses: closing
// them would shut these people out. unread is why it is not known who uses them, "" = it is; then
// somebody does. It is asked after the plan is made, as CallerObstacles is.
func InternalObstacles(p posture.Posture, want policy.Wanted, callers []caller.Caller, unread string) []Finding {
	inside := door.InsideOnly(p)
	if policy.Direct(p, want) || want.NotFirst || want.Clocks.New || inside == nil {
		return nil
	}
	at := slices.IndexFunc(callers, func(c caller.Caller) bool { return fromOutside(p, c) })
	why := "only internal load balancers lead to the service, so closing its other addresses would shut everybody outside " +
		"out, and "
	switch {
	case at >= 0:
		why += callers[at].String() + " is outside"
	case unread != "":
		why += "it is not known who uses them: " + unread
	default:
		return nil
	}
	return []Finding{{
		Code: internalFrontendOnly, Severity: Medium, Disposition: Waits, Resource: inside.Resource(), Stops: closings(), Why: why,
		Remedy: "put an external HTTPS load balancer before the service; or where nobody outside is to get in, restrict its " +
			"ingress",
	}}
}

// fromOutside reports whether a visitor asked an address of the service itself from the internet.
// What address Cloud Run's log gives of a client inside a network is *unverified*; a
// private one is taken for that.
func fromOutside(p posture.Posture, c caller.Caller) bool {
	if c.Kind != caller.Visitor {
		return false
	}
	if ip, err := netip.ParseAddr(c.RemoteIP); err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast()) {
		return false
	}
	host := posture.HostOf(c.Address)
	return slices.ContainsFunc(door.Of(p), func(d door.Door) bool {
		return d.Kind != door.LoadBalancer && d.Kind != door.InternalLoadBalancer &&
			posture.HostOf(d.Address) == host
	})
}
