package caller

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// judges say what one change means to one caller.
var judges = map[Change]func(call, ChangeTo) ruling{
	ChangeIngress:   judgeIngress,
	ChangeInvokers:  judgeInvokers,
	ChangeIAP:       judgeIAP,
	ChangeDirectIAP: judgeDirectIAP,
}

func judge(of call, change ChangeTo) ruling {
	if r, front := throughFront(of, change); front {
		return r
	}
	return judges[change.Change](of, change)
}

// call is a caller of the service, with the route that it takes.
type call struct {
	p    posture.Posture
	want policy.Wanted
	w    route
	c    Caller
}

// judgeIngress follows run/docs/securing/ingress: Cloud Scheduler, Eventarc and
// Pub/Sub count as internal when they are in the service's project (or
// perimeter) and call the default run.app URL, and no custom domain. Whether a
// tag's address counts as the default URL is not said.
func judgeIngress(of call, _ ChangeTo) ruling {
	p, w, c := of.p, of.w, of.c
	switch {
	case !w.own():
		return unaffected
	case c.Kind == Visitor:
		return judgeVisitor(c, "the address is closed to the internet",
			"let it call the load balancer, or from the service's VPC network; or write ingress: keep into the rule")
	case w.kind == door.DefaultURL && inProject(c, p.Target.Project):
		return unaffected
	case w.kind == door.DefaultURL:
		return ruling{Uncertain,
			"it is in another project, from which only a shared VPC Service Controls perimeter lets it in", moveInto(p, c)}
	case w.kind == door.TagURL:
		return ruling{Uncertain, "whether Google's services count as internal at the address of a tag is not documented",
			of.atDefaultURL()}
	}
	return ruling{Breaks,
		"Google's services count as internal at the default run.app URL only, and this address is closed to the internet",
		of.atDefaultURL()}
}

// googleAgents begin what Google's own callers call themselves. Anybody can.
// Sources: the reference of Cloud Scheduler's and Cloud Tasks' HTTP targets, Google's
// list of its crawlers (APIs-Google); Pub/Sub's own is reported (*unverified*).
var googleAgents = []string{"CloudPubSub-Google", "Google-Cloud-Scheduler", "Google-Cloud-Tasks", "APIs-Google"}

// judgeVisitor doubts what a request log can show of others than strangers: who
// calls from inside the VPC network, and Google's services of this project.
func judgeVisitor(c Caller, why, remedy string) ruling {
	if ip, err := netip.ParseAddr(c.RemoteIP); err != nil || ip.IsPrivate() || !ip.IsGlobalUnicast() {
		return ruling{Uncertain,
			"whether it calls from the service's VPC network, which stays open to it, does not show", remedy}
	}
	if slices.ContainsFunc(googleAgents, func(agent string) bool { return strings.HasPrefix(c.Name, agent) }) {
		return ruling{Uncertain,
			"it calls itself one of Google's services, which get in from this project and not from others", remedy}
	}
	return ruling{Breaks, why, remedy}
}

// judgeInvokers is about those who come past IAP; through IAP its agent invokes.
func judgeInvokers(of call, _ ChangeTo) ruling {
	p, w, c := of.p, of.w, of.c
	invoker := grant(p, c.Principal)
	switch {
	case policy.Direct(p, of.want) ||
		!w.own() && !slices.ContainsFunc(w.backends, func(b posture.Backend) bool { return !b.Guarded() && !guards(p, b) }):
		return unaffected
	case c.Kind == Visitor && w.own() && p.Service.Ingress.ClosedToInternet():
		return unaffected // what is seen there came in some other way before
	case c.Kind == Visitor:
		return ruling{Uncertain, "whether it brings a token of an invoker does not show in the log; without one it is refused, " +
			"and with a token of its own in Authorization too",
			"let it bring an identity token of an account that may invoke, in X-Serverless-Authorization where Authorization " +
				"is its own: " + invoker}
	case c.Principal == "":
		return ruling{Breaks, "it brings no token, and only invokers get in", of.letSign()}
	}
	switch invokes(p, "serviceAccount:"+c.Principal) {
	case Breaks:
		return ruling{Breaks,
			c.Principal + " may not invoke the service, as far as the policies of service and project say", invoker}
	case Uncertain:
		return ruling{Uncertain,
			"whether " + c.Principal + " may invoke hangs on a condition, a group, or a role that is not known here", invoker}
	}
	if host := posture.HostOf(c.Audience); c.Audience != "" && !answersTo(p, host) {
		return ruling{Uncertain,
			"its token is made out to " + posture.Quote(c.Audience) +
				", which counts only if it is a custom audience of the service", of.atDefaultURL()}
	}
	return unaffected
}

// guards reports whether IAP is wanted at a backend service and so goes on there.
func guards(p posture.Posture, b posture.Backend) bool {
	return slices.ContainsFunc(p.Reached(), func(g posture.Backend) bool { return g.Resource() == b.Resource() })
}

func answersTo(p posture.Posture, host string) bool {
	return slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool {
		return host == posture.HostOf(part.DeterministicURL()) ||
			slices.ContainsFunc(part.Service.URLs, func(u string) bool { return posture.HostOf(u) == host })
	})
}

// invokes says whether a member may invoke: Breaks for no. Groups, conditions,
// and roles that are not known leave it open.
func invokes(p posture.Posture, member string) Impact {
	open := p.Project.Bindings == nil // it was not read, or is of no use
	policies := []posture.Policy{p.Invokers, p.Project}
	for _, at := range p.Above {
		policies = append(policies, at.Policy)
	}
	for _, policy := range policies {
		for _, binding := range policy.Bindings {
			role := door.RoleInvokes(p, binding.Role)
			if named := posture.Includes(binding.Members, member); named && role == door.Yes && binding.Condition == "" {
				return StaysIn
			} else if named && role != door.No {
				open = true
			}
			open = open || role == door.Yes && slices.ContainsFunc(binding.Members, manyPeople)
		}
	}
	if open {
		return Uncertain
	}
	return Breaks
}

// manyPeople is true of members that may stand for a service account.
func manyPeople(member string) bool {
	return strings.HasPrefix(member, "group:") || strings.HasPrefix(member, "domain:") ||
		strings.HasPrefix(member, "principalSet:")
}

// judgeIAP is about those who come through a load balancer at which IAP goes
// on. IAP takes a token that is made out to its OAuth client, of an account that
// has access. Source: iap/docs/authentication-howto.
func judgeIAP(of call, change ChangeTo) ruling {
	for _, backend := range of.w.backends {
		if backend.Resource() != change.Resource {
			continue
		}
		if of.c.Kind == Visitor {
			return visitorThroughIAP(of.c, backend.Settings)
		}
		return throughIAP(of, cmp.Or(backend.OAuthClient, of.want.OAuthClient.ID), of.p.AccessPolicies(backend))
	}
	return unaffected
}

// judgeDirectIAP is about everybody: IAP at the service itself guards its
// run.app addresses too, and takes the caller's identity away ("services like
// Pub/Sub relying on own auth might fail",
// run/docs/securing/identity-aware-proxy-cloud-run).
func judgeDirectIAP(of call, _ ChangeTo) ruling {
	if of.c.Kind == Visitor {
		return visitorThroughIAP(of.c, of.p.DirectSettings)
	}
	return throughIAP(of, "", of.p.DirectAccessPolicies())
}

// visitorThroughIAP says what becomes of a visitor at an address that IAP guards from then
// on. Browsers' people sign in; what a client calls itself is all that shows a program.
func visitorThroughIAP(c Caller, settings posture.IAPSettings) ruling {
	switch {
	case c.Preflights > 0 && !settings.AllowOptions:
		return ruling{Breaks, "its preflights (OPTIONS) bring no credentials, and IAP answers 401 to them, so that pages of " +
			"another origin can no longer call", "let preflights pass: accessSettings.corsSettings.allowHttpOptions: true in " +
			"IAP's settings of what gets IAP"}
	case strings.HasPrefix(c.Name, "Mozilla/"):
		return unaffected
	}
	return ruling{Breaks, "it does not call itself a browser, and a program gets through IAP only with a token that IAP takes",
		"let it bring an identity token, made out to IAP's OAuth client, of an account with access (in Proxy-Authorization " +
			"where Authorization is its own); what cannot, as webhooks, needs a service of its own for its path"}
}

// throughIAP says whether IAP with this OAuth client ("" = not known) will let
// a caller through.
func throughIAP(of call, client string, policies []posture.AccessPolicy) ruling {
	c, want := of.c, of.want
	remedy := of.atDefaultURL()
	if policy.Direct(of.p, want) {
		remedy = "give what it calls to a service of its own, without IAP and with named invokers; or write recipe: " +
			"load-balancer into the rule"
	}
	switch made := strings.HasSuffix(c.Audience, ".apps.googleusercontent.com"); {
	case c.Principal == "":
		return ruling{Breaks, "it brings no token, and IAP lets nobody in without one", remedy}
	case !made || client != "" && c.Audience != client:
		return ruling{Breaks, "its token is not made out to IAP's OAuth client, and IAP takes no other", remedy}
	case client == "":
		return ruling{Uncertain, "whether its token's audience is IAP's OAuth client is not known", remedy}
	}
	member := "serviceAccount:" + c.Principal
	open := false
	for _, at := range policies {
		named := posture.Includes(want.Access, member)
		if at.Policy.Holds(posture.RoleAccessor, member) || named && want.AccessCondition.Always() {
			return unaffected
		}
		open = open || named
		members := at.Policy.Members(posture.RoleAccessor)
		open = open || posture.Includes(members, member) || slices.ContainsFunc(members, manyPeople)
	}
	remedy = "name " + member + " under access.members of the rule"
	if open {
		return ruling{Uncertain, "whether " + c.Principal + " has access hangs on a condition or a group", remedy}
	}
	return ruling{Breaks, c.Principal + " has no access through IAP", remedy}
}

func inProject(c Caller, project string) bool {
	return strings.HasPrefix(c.Name, "projects/"+project+"/")
}
