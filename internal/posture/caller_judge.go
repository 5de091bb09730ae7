package posture

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// judges say what one change means to one caller.
var judges = map[Change]func(Posture, Wanted, way, Caller, ChangeTo) sentence{
	ChangeIngress:   judgeIngress,
	ChangeInvokers:  judgeInvokers,
	ChangeIAP:       judgeIAP,
	ChangeDirectIAP: judgeDirectIAP,
}

// judgeIngress follows run/docs/securing/ingress: Cloud Scheduler, Eventarc and
// Pub/Sub count as internal when they are in the service's project (or
// perimeter) and call the default run.app URL, and no custom domain. Whether a
// tag's address counts as the default URL is not said.
func judgeIngress(p Posture, _ Wanted, w way, c Caller, _ ChangeTo) sentence {
	switch {
	case !w.own():
		return spared
	case c.Kind == Visitor:
		return judgeVisitor(c, "the address is closed to the internet",
			"let it call the load balancer, or from the service's VPC network; or write ingress: keep into the rule")
	case w.kind == DefaultURL && inProject(c, p.Target.Project):
		return spared
	case w.kind == DefaultURL:
		return sentence{Uncertain, "it is in another project, from which only a shared VPC Service Controls perimeter lets it in", moveInto(p, c)}
	case w.kind == TagURL:
		return sentence{Uncertain, "whether Google's services count as internal at the address of a tag is not documented", atDefaultURL(p, c)}
	}
	return sentence{Breaks, "Google's services count as internal at the default run.app URL only, and this address is closed to the internet", atDefaultURL(p, c)}
}

// googleAgents begin what Google's own callers call themselves. Anybody can.
// Sources: the reference of Cloud Scheduler's and Cloud Tasks' HTTP targets, Google's
// list of its crawlers (APIs-Google); Pub/Sub's own is reported (*unverified*).
var googleAgents = []string{"CloudPubSub-Google", "Google-Cloud-Scheduler", "Google-Cloud-Tasks", "APIs-Google"}

// judgeVisitor doubts what a request log can show of others than strangers: who
// calls from inside the VPC network, and Google's services of this project.
func judgeVisitor(c Caller, why, cure string) sentence {
	if ip, err := netip.ParseAddr(c.RemoteIP); err != nil || ip.IsPrivate() || !ip.IsGlobalUnicast() {
		return sentence{Uncertain, "whether it calls from the service's VPC network, which stays open to it, does not show", cure}
	}
	if slices.ContainsFunc(googleAgents, func(agent string) bool { return strings.HasPrefix(c.Name, agent) }) {
		return sentence{Uncertain, "it calls itself one of Google's services, which get in from this project and not from others", cure}
	}
	return sentence{Breaks, why, cure}
}

// judgeInvokers is about those who come past IAP; through IAP its agent invokes.
func judgeInvokers(p Posture, want Wanted, w way, c Caller, _ ChangeTo) sentence {
	invoker := p.grant(c.Principal)
	switch {
	case p.direct(want) || !w.own() && !slices.ContainsFunc(w.backends, func(b Backend) bool { return !b.IAPOn && !p.guards(b) }):
		return spared
	case c.Kind == Visitor && w.own() && p.Service.Ingress.closedToInternet():
		return spared // what is seen there came in some other way before
	case c.Kind == Visitor:
		return sentence{Uncertain, "whether it brings a token of an invoker does not show in the log", "let it bring an identity token of an account that may invoke: " + invoker}
	case c.Principal == "":
		return sentence{Breaks, "it brings no token, and only invokers get in", letSign(c) + " && " + p.grant("ACCOUNT")}
	}
	switch p.invokes("serviceAccount:" + c.Principal) {
	case Breaks:
		return sentence{Breaks, c.Principal + " may not invoke the service, as far as the policies of service and project say", invoker}
	case Uncertain:
		return sentence{Uncertain, "whether " + c.Principal + " may invoke hangs on a condition, a group, or a role that is not known here", invoker}
	}
	if host := hostOf(c.Audience); c.Audience != "" && !p.answersTo(host) {
		return sentence{Uncertain, "its token is made out to " + quote(c.Audience) + ", which counts only if it is a custom audience of the service", atDefaultURL(p, c)}
	}
	return spared
}

// guards reports whether IAP is wanted at a backend service and so goes on there.
func (p Posture) guards(b Backend) bool {
	return slices.ContainsFunc(p.guarded(), func(g Backend) bool { return g.Resource() == b.Resource() })
}

func (p Posture) answersTo(host string) bool {
	return host == hostOf(p.deterministicURL()) ||
		slices.ContainsFunc(p.Service.URLs, func(u string) bool { return hostOf(u) == host })
}

// invokes says whether a member may invoke: Breaks for no. Groups, conditions,
// custom and basic roles leave it open.
func (p Posture) invokes(member string) Fate {
	open := p.Project.Bindings == nil // it was not read, or is of no use
	for _, policy := range []Policy{p.Invokers, p.Project} {
		for _, binding := range policy.Bindings {
			invoking := slices.Contains(invokingRoles, binding.Role)
			if named := slices.Contains(binding.Members, member); named && invoking && binding.Condition == "" {
				return StaysIn
			} else if named && (invoking || mayHold(binding.Role)) {
				open = true
			}
			open = open || invoking && slices.ContainsFunc(binding.Members, manyPeople)
		}
	}
	if open {
		return Uncertain
	}
	return Breaks
}

// mayHold is true of roles that may contain run.routes.invoke.
func mayHold(role string) bool {
	return role == "roles/owner" || role == "roles/editor" || !strings.HasPrefix(role, "roles/")
}

// manyPeople is true of members that may stand for a service account.
func manyPeople(member string) bool {
	return strings.HasPrefix(member, "group:") || strings.HasPrefix(member, "domain:") || strings.HasPrefix(member, "principalSet:")
}

// judgeIAP is about those who come through a load balancer at which IAP goes
// on. IAP takes a token that is made out to its OAuth client, of an account that
// has access. Source: iap/docs/authentication-howto.
func judgeIAP(p Posture, want Wanted, w way, c Caller, change ChangeTo) sentence {
	for _, backend := range w.backends {
		if backend.Resource() != change.Resource || c.Kind == Visitor {
			continue
		}
		policies := append([]Policy{backend.Access, p.Project}, backend.Inherited...)
		return p.throughIAP(c, cmp.Or(backend.OAuthClient, want.OAuthClient.ID), policies, want)
	}
	return spared
}

// judgeDirectIAP is about everybody: IAP at the service itself guards its
// run.app addresses too, and takes the caller's identity away ("services like
// Pub/Sub relying on own auth might fail",
// run/docs/securing/identity-aware-proxy-cloud-run).
func judgeDirectIAP(p Posture, want Wanted, _ way, c Caller, _ ChangeTo) sentence {
	if c.Kind == Visitor {
		return sentence{Uncertain, "people can sign in from then on, programs get in only with a token that IAP takes",
			"let it bring an identity token made out to IAP's OAuth client"}
	}
	return p.throughIAP(c, "", append([]Policy{p.DirectAccess, p.Project}, p.DirectInherited...), want)
}

// throughIAP says whether IAP with this OAuth client ("" = not known) will let
// a caller through.
func (p Posture) throughIAP(c Caller, client string, policies []Policy, want Wanted) sentence {
	cure := atDefaultURL(p, c)
	if p.direct(want) {
		cure = "give what it calls to a service of its own, without IAP and with named invokers; or write recipe: load-balancer into the rule"
	}
	switch made := strings.HasSuffix(c.Audience, ".apps.googleusercontent.com"); {
	case c.Principal == "":
		return sentence{Breaks, "it brings no token, and IAP lets nobody in without one", cure}
	case !made || client != "" && c.Audience != client:
		return sentence{Breaks, "its token is not made out to IAP's OAuth client, and IAP takes no other", cure}
	case client == "":
		return sentence{Uncertain, "whether its token's audience is IAP's OAuth client is not known", cure}
	}
	member := "serviceAccount:" + c.Principal
	open := false
	for _, policy := range policies {
		named := slices.Contains(want.Access, member)
		if policy.Holds(RoleAccessor, member) || named && want.AccessIf.Always() {
			return spared
		}
		open = open || named
		members := policy.Members(RoleAccessor)
		open = open || slices.Contains(members, member) || slices.ContainsFunc(members, manyPeople)
	}
	cure = "name " + member + " under access.members of the rule"
	if open {
		return sentence{Uncertain, "whether " + c.Principal + " has access hangs on a condition or a group", cure}
	}
	return sentence{Breaks, c.Principal + " has no access through IAP", cure}
}

func inProject(c Caller, project string) bool {
	return strings.HasPrefix(c.Name, "projects/"+project+"/")
}

func (p Posture) grant(account string) string {
	return fmt.Sprintf("gcloud run services add-iam-policy-binding %s --region=%s --project=%s --role=%s --member=serviceAccount:%s",
		p.Target.Service, p.Target.Location, p.Target.Project, RoleInvoker, orAccount(account))
}

// orAccount is the account as a command may hold it, or a word that stands for it.
func orAccount(account string) string {
	if account == "" || strings.ContainsFunc(account, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-.@:", r))
	}) {
		return "ACCOUNT"
	}
	return account
}
