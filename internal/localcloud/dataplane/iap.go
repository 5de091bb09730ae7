package dataplane

import (
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// gate is IAP where it is on: at a backend service or at a service itself.
type gate struct {
	resource string // whose policy decides, and those above it
	project  apiserver.Project
	agent    member // as which IAP calls Cloud Run
	audience string
	client   string // OAuth client; "" = Google's own
	settings object // access settings, inherited ones included
	// unprovisioned is what IAP says when its agent does not exist.
	unprovisioned string
}

// gateOf is IAP at a backend service, whose policy and settings are kept under its id in
// its own project, whatever project the forwarding rule is in.
func (s snapshot) gateOf(backend, rule object) gate {
	project := s.projectOf(backend)
	web := "compute"
	if region := regionOf(backend); region != "" {
		web += "-" + region
	}
	resource := iapRoot(project) + web + "/services/" + apiserver.Text(backend, "id")
	client := strings.TrimSpace(apiserver.Text(apiserver.Object(backend, "iap"), "oauth2ClientId"))
	return s.gate(gate{resource: resource, project: project, agent: s.agentFor(backend, rule), audience: s.audienceOf(backend), client: client,
		unprovisioned: agentMissing})
}

// agentFor is the service agent that IAP acts as behind a forwarding rule and a backend
// service, which may be in another project. Which project's agent that is, is unverified.
func (s snapshot) agentFor(backend, rule object) member {
	if s.Beliefs.IAPAgentOfFrontend || backend == nil {
		return iapAgent(s.projectOf(rule))
	}
	return iapAgent(s.projectOf(backend))
}

func iapRoot(of apiserver.Project) string { return of.Numbered() + "/iap_web/" }

// gateAt is IAP at a Cloud Run service.
func (s snapshot) gateAt(service object) gate {
	location, name := placeOf(service)
	project := s.ProjectOf(apiserver.Text(service, "name"))
	resource := iapRoot(project) + "cloud_run-" + location
	if !isInstance(service) { // IAP's policy of instances is the region's (run/docs/instances)
		resource += "/services/" + name
	}
	audience := "/" + project.Numbered() + "/locations/" + location + "/services/" + name
	return s.gate(gate{resource: resource, project: project, agent: iapAgent(project), audience: audience, unprovisioned: notSetUp})
}

// gate completes an IAP with its settings, which may name the OAuth client.
func (s snapshot) gate(g gate) gate {
	g.settings = s.accessSettings(g.resource)
	if g.client == "" {
		g.client = apiserver.Text(apiserver.Object(g.settings, "oauthSettings"), "clientId")
	}
	return g
}

// oauthClient is the OAuth client of an IAP, Google's own where none is named.
func (g gate) oauthClient() string {
	if g.client == "" {
		return g.project.Number + "-google-managed.apps.googleusercontent.com" // stands for the one that Google manages
	}
	return g.client
}

// admit lets somebody pass IAP, or gives the answer that they get instead.
// A visitor who passes without a sign-in, because everybody may, is nobody in
// particular.
func (s snapshot) admit(r request, g gate) (member, *answer) {
	if g.client == "" && s.WithoutOrganization && sourceOf(g.settings) == googleAccounts {
		return "", fromIAP(plain(http.StatusBadGateway, "Empty Google Account OAuth client ID(s)/secret(s)."))
	}
	var visitor token
	if !skipsIAP(g.settings, r) {
		visitor = s.session(r).recognized(g.settings, r.header.Get(userHeader) != "")
		if refusal := s.refusedByIAP(r, g, visitor); refusal != nil {
			return "", refusal
		}
	}
	if !s.AgentProvisioned(g.agent.email()) {
		return "", fromIAP(plain(http.StatusInternalServerError, g.unprovisioned))
	}
	return visitor.who, nil
}

// refusedByIAP is IAP's answer to a visitor who may not pass, nil to one who may.
// Identity Platform's visitors pass by signing in: IAM does not know them.
func (s snapshot) refusedByIAP(r request, g gate, visitor token) *answer {
	if refusal := misdirected(visitor, g); refusal != nil {
		return refusal
	}
	external := sourceOf(g.settings) == identityPlatform
	switch {
	case external && visitor.who != "":
		return nil
	case !external && s.allows(visitor.who, access, g.resource, r) && !outsideDomains(g.settings, visitor.who):
		return nil
	case visitor.bad:
		return fromIAP(plain(http.StatusUnauthorized, "Invalid IAP credentials: Unable to parse JWT"))
	case visitor.who == "" && r.acceptsPages():
		return fromIAP(signIn(r, g))
	case visitor.who == "":
		return fromIAP(plain(http.StatusUnauthorized, emptyToken))
	}
	return fromIAP(noAccess(visitor.who))
}

// emptyToken is IAP's text for a request without credentials (recorded).
const emptyToken = "Invalid IAP credentials: empty token"

// signIn sends a visitor to sign in. The body is what curl was recorded to get.
func signIn(r request, g gate) answer {
	a := plain(http.StatusFound, emptyToken)
	a.header.Set("Location", signInPage(r, g))
	return a
}

// asAgent is the call that IAP makes for a visitor that it let pass. What the client
// said in IAP's own headers is gone (iap/docs/signed-headers-howto).
func asAgent(c call, g gate, passed member) call {
	c.token = token{who: g.agent}
	c.header = c.header.Clone()
	for name := range c.header {
		if strings.HasPrefix(name, "X-Goog-Iap-") || strings.HasPrefix(name, "X-Goog-Authenticated-User-") ||
			name == proxyHeader {
			delete(c.header, name)
		}
	}
	// Cloud Run takes the signature away before the service sees the token.
	c.header.Set(serverlessHeader, "Bearer "+unsigned(agentClaims(c.request, g.agent))+"SIGNATURE_REMOVED_BY_GOOGLE")
	c.header.Set(assertionHeader, unsigned(visitorClaims(c.request, g, passed)))
	if passed != "" {
		issuer := issuerOf(passed, g) + ":"
		c.header.Set("X-Goog-Authenticated-User-Email", issuer+passed.email())
		c.header.Set("X-Goog-Authenticated-User-Id", issuer+subject(passed))
	}
	return c
}
