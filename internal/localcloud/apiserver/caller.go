package apiserver

import (
	"net"
	"net/http"
	"regexp"
	"strings"
)

// Principal is who calls, as IAM members are written: "user:alice@example.com".
type Principal string

// Owner is the project's owner: every caller whose token names nobody else.
const Owner Principal = "user:owner@example.com"

// Email is the principal's e-mail address.
func (p Principal) Email() string {
	_, email, _ := strings.Cut(string(p), ":")
	return email
}

// lentBy stands in a token between its account and the caller that it was
// generated for.
const lentBy = ";by="

// LentToken is an access token of a service account for somebody who may
// impersonate it. Unlike Google's it says so in clear, and never expires.
func (c *Call) LentToken(account string) string {
	token := "serviceAccount:" + account + lentBy + string(c.Caller)
	for i := len(c.Delegation) - 1; i >= 0; i-- {
		token += lentBy + string(c.Delegation[i])
	}
	return token
}

// caller reads the principal off the bearer token, and who came by it through
// impersonation, the first of them first. A token that is not written like a
// member means the owner, so that any text works where nobody cares.
func caller(r *http.Request) (principal Principal, delegation []Principal) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return Owner, nil
	}
	for i, text := range strings.Split(strings.TrimSpace(token), lentBy) {
		kind, email, _ := strings.Cut(text, ":")
		switch {
		case kind != "user" && kind != "serviceAccount" || !validEmail(email):
			return Owner, nil
		case i == 0:
			principal = Principal(text)
		default:
			delegation = append([]Principal{Principal(text)}, delegation...)
		}
	}
	return principal, delegation
}

func callerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// regional is the host of a regional endpoint: REGION-run.googleapis.com, its
// form behind an endpoint override (REGION-127.0.0.1:PORT), and
// run.REGION.rep.googleapis.com.
var regional = regexp.MustCompile(`^(?:[a-z]+\.)?([a-z]+-[a-z]+[0-9]{1,2})[-.](?:[a-z]+\.googleapis\.com|rep\.googleapis\.com|[0-9.]+|localhost|\[::1\])(?::[0-9]+)?$`)

// regionOf is the region that a request's host names, or "".
func regionOf(host string) string {
	if m := regional.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}
