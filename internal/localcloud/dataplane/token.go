package dataplane

import (
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// token is what somebody brings to prove who they are.
type token struct {
	who member // "" = there is none, or it does not verify
	bad bool
	// audience is the aud claim of an identity token; "" = the token is a
	// name, which holds everywhere.
	audience string
}

// tokenIn reads a header that holds a bearer token: the name of somebody, as
// people and tests write it, or an identity token.
func (s snapshot) tokenIn(header http.Header, name string) token {
	scheme, text, _ := strings.Cut(header.Get(name), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return token{}
	}
	text = strings.TrimSpace(text)
	if who, ok := parseMember(text); ok {
		return token{who: who}
	}
	identity, err := s.Tokens.Verify(text)
	if err != nil {
		return token{bad: true}
	}
	return token{who: memberOf(identity.Email), audience: identity.Audience}
}

// memberOf is the IAM member of an e-mail address. Those of service accounts end
// in gserviceaccount.com (iam/docs/service-account-types).
func memberOf(email string) member {
	if strings.HasSuffix(email, ".gserviceaccount.com") {
		return member("serviceAccount:" + email)
	}
	return member("user:" + email)
}

// session is the identity that IAP sees: a signed-in browser's, else a program's token.
func (s snapshot) session(r request) token {
	if text := r.header.Get(userHeader); text != "" {
		who, ok := parseMember(text)
		return token{who: who, bad: !ok}
	}
	if r.header.Get(proxyHeader) != "" {
		return s.tokenIn(r.header, proxyHeader)
	}
	return s.tokenIn(r.header, "Authorization")
}

// caller is the identity that Cloud Run sees. A token that Google did not issue does not
// verify there.
func (s snapshot) caller(r request) token {
	t := s.tokenIn(r.header, r.tokenHeader())
	if t.who.external() || t.who.pool() != "" {
		return token{bad: true}
	}
	return t
}

// tokenHeader is the one header in which Cloud Run looks for a token.
func (r request) tokenHeader() string {
	if r.header.Get(serverlessHeader) != "" {
		return serverlessHeader
	}
	return "Authorization"
}

// at is the token as a service takes it: one that is made out to somebody else
// does not verify there.
func (t token) at(service object) token {
	if t.audience == "" || addressed(t.audience, service) {
		return t
	}
	return token{bad: true}
}

// addressed reports whether an audience is a service's: one of its custom
// audiences, or its address.
// Source: run/docs/configuring/custom-audiences. That a path after the address
// does no harm, and that a query does, is reported: see UNVERIFIED.md.
func addressed(audience string, service object) bool {
	if slices.Contains(apiserver.List(service, "customAudiences"), any(audience)) {
		return true
	}
	return slices.ContainsFunc(apiserver.List(service, "urls"), func(url any) bool {
		address, _ := url.(string)
		return address != "" && (audience == address || strings.HasPrefix(audience, address+"/") &&
			!strings.ContainsAny(audience, "?#"))
	})
}

// workforceMember is one person of a workforce pool, or somebody of one of its groups.
var workforceMember = regexp.MustCompile(
	`^(principal|principalSet)://iam\.googleapis\.com/locations/global/workforcePools/[^/]+/(subject|group|attribute\.[^/]+)/[^/]+$`)

// IsVisitor reports whether a text can be the value of X-Local-User.
func IsVisitor(text string) bool {
	_, ok := parseMember(text)
	return ok
}

func parseMember(text string) (member, bool) {
	if member(text).pool() != "" && workforceMember.MatchString(text) {
		return member(text), true
	}
	kind, email, _ := strings.Cut(text, ":")
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || !slices.Contains([]string{"user", "serviceAccount", "external"}, kind) {
		return "", false
	}
	return member(text), true
}
