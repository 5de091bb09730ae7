// Package browser lets a person's browser walk through the doors of the data plane.
//
// A browser can neither choose its Host header nor resolve hello.example.com to this
// machine. It takes every name below localhost for this machine, though, so each host of
// the data plane has one: http://hello.example.com.localhost:9091/ leads to the frontend of
// hello.example.com. There IAP's redirect to accounts.google.com leads to a sign-in page of
// the local cloud's own, whose cookie then stands for the header X-Local-User. Requests to
// all other hosts pass unchanged, and are answered as Google answers.
package browser

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
)

// Suffix ends the hosts that lead a browser to a host of the data plane.
const Suffix = ".localhost"

const (
	cookieName = "local-user"
	userHeader = "X-Local-User"
	iapHeader  = "X-Goog-Iap-Generated-Response"

	// SignInPath is the sign-in page, and SignOutPath is where IAP forgets who is signed in.
	// Source of the latter: iap/docs/sessions-howto ("gcp-iap-mode=CLEAR_LOGIN_COOKIE" is the
	// query that has the same effect).
	SignInPath  = "/_local/sign-in"
	SignOutPath = "/_gcp_iap/clear_login_cookie"
	stylePath   = "/_local/style.css"
)

// HostOf is the host at which a browser reaches a host of the data plane, whose port it keeps.
func HostOf(host string) string { return host + Suffix }

// New returns a handler that adds the sign-in to the data plane.
func New(data http.Handler) http.Handler {
	w := walker{data}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+SignInPath, showSignIn)
	mux.HandleFunc("POST "+SignInPath, signIn)
	mux.HandleFunc("GET "+SignOutPath, signOut)
	mux.HandleFunc("GET "+stylePath, serveStyle)
	mux.Handle("/", w)
	// Only the page itself may sign a visitor in.
	own := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(hostname(r), Suffix):
			data.ServeHTTP(w, r)
		case r.URL.Path == SignInPath:
			own.ServeHTTP(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func hostname(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// walker sends a browser's requests through the data plane.
type walker struct{ data http.Handler }

func (b walker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inner := r.Clone(r.Context())
	inner.Host = forHost(r)
	takeCookie(inner)
	result := &answered{header: http.Header{}, status: http.StatusOK}
	b.data.ServeHTTP(result, inner)
	fromIAP := result.header.Get(iapHeader) != ""
	pages := strings.Contains(r.Header.Get("Accept"), "text/html")
	switch to, err := url.Parse(result.header.Get("Location")); {
	case fromIAP && err == nil && googlesSignIn[to.Host]:
		result.header.Set("Location", SignInPath+"?"+url.Values{"continue": {r.URL.RequestURI()}}.Encode())
	case fromIAP && pages && result.status == http.StatusForbidden:
		showPage(w, http.StatusForbidden, "refused", refusal{inner.Host, inner.Header.Get(userHeader), SignOutPath})
		return
	case pages && result.status == http.StatusOK:
		if seen, ok := echoed(result); ok {
			showPage(w, http.StatusOK, "inside", seen)
			return
		}
	}
	for name, values := range result.header {
		w.Header()[name] = values
	}
	w.WriteHeader(result.status)
	_, _ = w.Write(result.body.Bytes()) // a browser that has gone needs no answer
}

// googlesSignIn are the hosts to which IAP sends somebody who is not signed in, for
// accounts of Google's and of workforce pools.
var googlesSignIn = map[string]bool{"accounts.google.com": true, "auth.cloud.google": true}

// takeCookie makes the sign-in's cookie the header of the data plane, where the request
// has none, and keeps it from the container.
func takeCookie(r *http.Request) {
	all := r.Cookies()
	r.Header.Del("Cookie")
	for _, cookie := range all {
		if cookie.Name != cookieName {
			r.AddCookie(cookie)
			continue
		}
		who, err := url.QueryUnescape(cookie.Value)
		if err == nil && dataplane.IsVisitor(who) && r.Header.Get(userHeader) == "" {
			r.Header.Set(userHeader, who)
		}
	}
}

// answered keeps an answer, to look at it before it is sent.
type answered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answered) Header() http.Header         { return a.header }
func (a *answered) WriteHeader(status int)      { a.status = status }
func (a *answered) Write(p []byte) (int, error) { return a.body.Write(p) }
