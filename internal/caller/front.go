package caller

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// Firebase Hosting and API Gateway send on what visitors of their own addresses ask. They
// call from outside of the project's network, and are not among the products that count as
// internal (run/docs/securing/ingress).
//
// Firebase Hosting is recognised by the tag of its rewrites with pinTag: the command line of
// Firebase gives the revision a tag that begins with fh- (firebase-tools, hosting/runTags),
// and the request log shows the tag's address (reported, firebase-tools#10448). A rewrite
// without a tag calls the default URL with the visitor's own user agent, so that the
// log does not set it apart from visitors (*unverified*).
//
// API Gateway is recognised by its own log, in the gateway's project; Cloud Run's shows the
// user agent of the gateway's client.

// hostingTags begin the tags that Firebase Hosting's rewrites pin.
const hostingTags = "fh-"

// HostingTag is the tag of a run.app address to which a rewrite of Firebase Hosting leads,
// and whether it is such an address.
func HostingTag(address string) (tag string, ok bool) {
	host := posture.HostOf(address)
	tag, _, tagged := strings.Cut(host, "---")
	return tag, tagged && strings.HasPrefix(tag, hostingTags) && strings.HasSuffix(host, ".run.app")
}

// throughFront says what a change means to what is in front of the service. ok is false for
// callers of other kinds.
func throughFront(of call, change ChangeTo) (r ruling, ok bool) {
	switch of.c.Kind {
	case FirebaseHosting:
		return of.hosting(change), true
	case APIGateway:
		return of.gateway(change), true
	}
	return r, false
}

// hosting follows firebase/docs/hosting: it brings no credentials, and of cookies only
// __session passes, so that IAP's never arrive.
func (of call) hosting(change ChangeTo) ruling {
	remedy := "take the rewrite to the service out of firebase.json, and let pages call " + of.loadBalancer() +
		"; or give what it serves to a service of its own"
	switch change.Change {
	case ChangeIngress:
		return ruling{Breaks, "Firebase Hosting calls from the internet, to which the address is closed", remedy}
	case ChangeInvokers:
		return ruling{Breaks, "Firebase Hosting brings no token, and only invokers get in", remedy}
	case ChangeDirectIAP:
		return ruling{Breaks, "nobody can sign in through Firebase Hosting, which passes no cookie of IAP's on", remedy}
	}
	return unaffected
}

// gateway follows api-gateway/docs/securing-backend-services: a gateway brings a token of
// the account of its API config, made out to the backend's address or to jwt_audience.
func (of call) gateway(change ChangeTo) ruling {
	p := of.p
	behind := "let x-google-backend of its API config name " + of.loadBalancer() + " as address, and as jwt_audience the id of " +
		"an OAuth client of your own that IAP uses there; and name the gateway's account under access.members of the rule"
	const notForIAP = "IAP takes a token of API Gateway only if it is made out to IAP's OAuth client"
	switch {
	case change.Change == ChangeIngress && of.w.own():
		return ruling{Breaks, "API Gateway calls from outside of the project's network, to which the address is closed", behind}
	case change.Change == ChangeDirectIAP:
		return ruling{Breaks, notForIAP, "give what it calls to a service of its own, without IAP and with named invokers; or " +
			"write recipe: load-balancer into the rule"}
	case change.Change == ChangeIAP && slices.ContainsFunc(of.w.backends, func(b posture.Backend) bool {
		return b.Resource() == change.Resource
	}):
		return ruling{Breaks, notForIAP, behind}
	case change.Change == ChangeInvokers && of.w.own() && !p.Service.Ingress.ClosedToInternet():
		granted := "let the gateway's account invoke the service: " + grant(p, "")
		if !namesAccounts(p) {
			return ruling{Breaks, "no service account may invoke the service, so the gateway's may not", granted}
		}
		return ruling{Uncertain, "whether the account of the gateway's API config may invoke is not known", granted}
	}
	return unaffected
}

// loadBalancer names an address of the service at which IAP can be asked, and a certificate
// can be had.
func (of call) loadBalancer() string {
	for _, one := range door.Of(of.p) {
		_, number := netip.ParseAddr(posture.HostOf(one.Address))
		if one.Kind == door.LoadBalancer && one.Address != "" && number != nil && !strings.Contains(one.Address, "*") {
			return one.Address
		}
	}
	return "the load balancer"
}

// namesAccounts reports whether a service account other than IAP's agent may invoke.
func namesAccounts(p posture.Posture) bool {
	invokers := func(b posture.Binding) bool {
		return door.RoleInvokes(p, b.Role) != door.No && slices.ContainsFunc(b.Members, func(member string) bool {
			return member != p.Agent() && (strings.HasPrefix(member, "serviceAccount:") || manyPeople(member))
		})
	}
	return p.Project.Bindings == nil || slices.ContainsFunc(p.Invokers.Bindings, invokers) ||
		slices.ContainsFunc(p.Project.Bindings, invokers) || slices.ContainsFunc(p.Above,
		func(at posture.AccessPolicy) bool { return slices.ContainsFunc(at.Policy.Bindings, invokers) })
}
