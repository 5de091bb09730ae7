package dataplane

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	// userHeader names who is signed in with Google in the browser that sends
	// the request.
	userHeader = "X-Local-User"
	// addressHeader says from which address the request comes, for the logs.
	addressHeader = "X-Local-Address"
	// frontendHeader is the IP address of the frontend to which the client connects,
	// whatever host it asks for; without it, it connects to where the host leads.
	frontendHeader = "X-Local-Frontend"
	// serverlessHeader is Cloud Run's own place for a token; where it is, Cloud
	// Run looks at no other (run/docs/authenticating/service-to-service).
	serverlessHeader = "X-Serverless-Authorization"
	// proxyHeader is IAP's own place for a program's token; IAP takes it away and leaves
	// Authorization alone (iap/docs/authentication-howto).
	proxyHeader = "Proxy-Authorization"
)

// request is one HTTP request on its way.
type request struct {
	at                  time.Time
	method, path, query string
	escapedPath         string
	host, port          string // of the Host header, lower-case; port "" = none
	scheme              string // "" = whatever the host has
	frontend            string // IP address to which the client connects, "" = where the host leads
	header              http.Header
	size                int64
	remote              string // address of the client
	trace, span         string // hexadecimal
	internal            bool   // one of Google's own services sends it: see Inside
	body                io.Reader
	ctx                 context.Context // ends when nobody waits for the answer
}

// read takes a request off the wire.
func read(r *http.Request, at time.Time) request {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	if _, err := netip.ParseAddr(r.Header.Get(addressHeader)); err == nil {
		remote = r.Header.Get(addressHeader)
	}
	trace, span := traceOf(r.Header)
	return request{
		at: at, method: r.Method, path: r.URL.Path, escapedPath: r.URL.EscapedPath(), query: r.URL.RawQuery,
		host: strings.ToLower(strings.Trim(host, "[]")), port: port, scheme: r.Header.Get("X-Forwarded-Proto"),
		frontend: r.Header.Get(frontendHeader), header: r.Header.Clone(), size: max(r.ContentLength, 0), remote: remote, trace: trace, span: span,
		body: r.Body, ctx: r.Context(),
	}
}

// url is the request's URL as logs show it.
func (r request) url() string {
	u := url.URL{Scheme: r.scheme, Host: r.host, Path: r.path, RawQuery: r.query}
	return u.String()
}

// acceptsPages reports whether an answer can be a page to look at. That curl's Accept, */*,
// counts is recorded; that a POST does not is reported (flyteorg/flyte#6089). Scripts mark
// themselves (iap/docs/sessions-howto, AJAX requests).
func (r request) acceptsPages() bool {
	accept := strings.Join(r.header.Values("Accept"), ",")
	return (r.method == http.MethodGet || r.method == http.MethodHead) &&
		!strings.EqualFold(r.header.Get("X-Requested-With"), "XMLHttpRequest") &&
		(accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*"))
}
