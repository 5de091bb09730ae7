package dataplane

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// gate is IAP where it is on: at a backend service or at a service itself.
type gate struct {
	resource string // whose policy decides, and those above it
	audience string
	client   string // OAuth client; "" = Google's own
	// unprovisioned is what IAP says when its agent does not exist.
	unprovisioned string
}

const iapRoot = "projects/" + apiserver.ProjectNumber + "/iap_web/"

// gateOf is IAP at a backend service, whose policy and settings are kept under
// its id.
func (s snapshot) gateOf(backend object) gate {
	web := "compute"
	if region := regionOf(backend); region != "" {
		web += "-" + region
	}
	resource := iapRoot + web + "/services/" + apiserver.Text(backend, "id")
	client := strings.TrimSpace(apiserver.Text(apiserver.Object(backend, "iap"), "oauth2ClientId"))
	if client == "" {
		client = s.oauthClient(resource)
	}
	return gate{resource, audienceOf(backend), client, agentMissing}
}

// gateAt is IAP at a Cloud Run service.
func (s snapshot) gateAt(service object) gate {
	location, name := placeOf(service)
	resource := iapRoot + "cloud_run-" + location + "/services/" + name
	audience := "/projects/" + apiserver.ProjectNumber + "/locations/" + location + "/services/" + name
	return gate{resource, audience, s.oauthClient(resource), notSetUp}
}

// admit lets somebody pass IAP, or gives the answer that they get instead.
// A visitor who passes without a sign-in, because everybody may, is nobody in
// particular.
func (s snapshot) admit(r request, g gate) (member, *answer) {
	if g.client == "" && s.WithoutOrganization {
		return "", fromIAP(plain(http.StatusBadGateway, "Empty Google Account OAuth client ID(s)/secret(s)."))
	}
	visitor := s.session(r)
	if refusal := misdirected(visitor, g); refusal != nil {
		return "", refusal
	}
	switch {
	case s.allows(visitor.who, access, g.resource, r):
	case visitor.bad:
		return "", fromIAP(plain(http.StatusUnauthorized, "Invalid IAP credentials: Unable to parse JWT"))
	case visitor.who == "" && r.acceptsPages():
		return "", fromIAP(signIn(r, g.client))
	case visitor.who == "":
		return "", fromIAP(plain(http.StatusUnauthorized, "Invalid IAP credentials: empty token"))
	default:
		return "", fromIAP(noAccess(visitor.who))
	}
	if !s.agentProvisioned() {
		return "", fromIAP(plain(http.StatusInternalServerError, g.unprovisioned))
	}
	return visitor.who, nil
}

// googleClient stands for the OAuth client that Google manages.
const googleClient = apiserver.ProjectNumber + "-google-managed.apps.googleusercontent.com"

// signIn sends a browser to Google's sign-in page.
func signIn(r request, client string) answer {
	if client == "" {
		client = googleClient
	}
	to := url.URL{Scheme: "https", Host: "accounts.google.com", Path: "/o/oauth2/v2/auth", RawQuery: url.Values{
		"client_id": {client}, "response_type": {"code"}, "scope": {"openid email"}, "state": {r.url()},
		"redirect_uri": {"https://iap.googleapis.com/v1/oauth/clientIds/" + client + ":handleRedirect"},
	}.Encode()}
	a := plain(http.StatusFound, "")
	a.header.Set("Location", to.String())
	return a
}

// asAgent is the call that IAP makes for a visitor that it let pass. What the client
// said in IAP's own headers is gone (iap/docs/signed-headers-howto).
func asAgent(c call, g gate, passed member) call {
	c.token = token{who: iapAgent()}
	c.header = c.header.Clone()
	for name := range c.header {
		if strings.HasPrefix(name, "X-Goog-Iap-") || strings.HasPrefix(name, "X-Goog-Authenticated-User-") {
			delete(c.header, name)
		}
	}
	// Cloud Run takes the signature away before the service sees the token.
	c.header.Set(serverlessHeader, "Bearer "+unsigned(agentClaims(c.request))+"SIGNATURE_REMOVED_BY_GOOGLE")
	c.header.Set(assertionHeader, unsigned(visitorClaims(c.request, g, passed)))
	if passed != "" {
		c.header.Set("X-Goog-Authenticated-User-Email", "accounts.google.com:"+passed.email())
		c.header.Set("X-Goog-Authenticated-User-Id", "accounts.google.com:"+subject(passed))
	}
	return c
}
