package localcloud

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// keysPath is where Google publishes the keys of its identity tokens, at www.googleapis.com.
// Source: accounts.google.com/.well-known/openid-configuration, jwks_uri.
const keysPath = "/oauth2/v3/certs"

// own reports whether a request is for the cloud's own endpoints and not for
// an API of Google's.
func own(r *http.Request) bool {
	path := r.URL.Path
	return strings.HasPrefix(path, "/_local/") || path == keysPath || path == "/console" ||
		strings.HasPrefix(path, "/console/")
}

// asksForPage reports whether a browser asks for the first page: API clients accept anything.
func asksForPage(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" && loopback(r.Host) &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// ownEndpoints are what Google does not have: the state as a whole, the calls
// so far, the log as it is written, the keys of pushes. They answer to the names
// of this machine only, not to Google's.
func (c *Cloud) ownEndpoints() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_local/about", func(w http.ResponseWriter, _ *http.Request) {
		about := map[string]any{"id": c.id, "project": apiserver.ProjectID, "pubsub": c.options.pubSubAddress()}
		if c.options.About != nil {
			for name, value := range c.options.About() {
				about[name] = value
			}
		}
		answer(w, http.StatusOK, about)
	})
	mux.HandleFunc("GET /_local/state", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, c.server.State())
	})
	mux.HandleFunc("GET /_local/calls", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, c.server.Calls())
	})
	mux.HandleFunc("POST /_local/reset", func(w http.ResponseWriter, _ *http.Request) {
		c.setFaults(nil)
		c.server.Reset()
		answer(w, http.StatusOK, map[string]any{})
	})
	mux.HandleFunc("GET /_local/faults", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, c.server.Faults())
	})
	mux.HandleFunc("POST /_local/faults", c.postFaults)
	mux.HandleFunc("DELETE /_local/faults", func(w http.ResponseWriter, _ *http.Request) {
		c.setFaults(nil)
		answer(w, http.StatusOK, c.server.Faults())
	})
	if check := c.options.Discovery; check != nil {
		mux.HandleFunc("GET /_local/discovery", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, check.Result())
		})
	}
	mux.HandleFunc("GET /_local/events", c.logs.Events)
	mux.HandleFunc("GET /_local/certs", c.tokens.Certs)
	mux.HandleFunc("GET "+keysPath, c.tokens.Certs)
	if c.options.Disturber != nil {
		mux.Handle("POST /_local/disturb", c.options.Disturber)
	}
	if console := c.options.Console; console != nil {
		mux.Handle("GET /{$}", console)
		mux.Handle("/console", console)
		mux.Handle("/console/", console)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path+" here")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			refuse(w, http.StatusForbidden, "this endpoint answers only to a loopback host, such as 127.0.0.1")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// foreign says why a request comes from elsewhere, "" = it does not. Pages of other
// sites reach nothing here, neither by a name that resolves to this machine nor by a
// cross-site request.
func foreign(r *http.Request) string {
	if !loopback(r.Host) && !googles(r.Host) && !reachedAt(r) {
		return "this local cloud answers only to loopback hosts, such as 127.0.0.1, and to *.googleapis.com"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		from, err := url.Parse(origin)
		if err != nil || from.Scheme == "" || !loopback(from.Host) && !googles(from.Host) {
			return "this local cloud answers no request from another site"
		}
	}
	return ""
}

// regionPrefix stands before the host in the regional form of an endpoint
// override: us-central1-127.0.0.1.
var regionPrefix = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]{1,2}-`)

// loopback reports whether a Host header names this machine's loopback
// interface: localhost and what is below it, 127.0.0.0/8 or ::1, with or without a
// region before and a port behind.
func loopback(hostport string) bool {
	host := regionPrefix.ReplaceAllString(hostOf(hostport), "")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// reachedAt reports whether a Host header is the very address that the connection
// came to: nobody can point a name at this machine with that. It lets other machines
// in where the cloud listens for them.
func reachedAt(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return local != nil && local.IP.Equal(net.ParseIP(hostOf(r.Host)))
}

// googles reports whether a Host header names an API of Google's.
func googles(hostport string) bool { return strings.HasSuffix(hostOf(hostport), ".googleapis.com") }

func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, "encoding the answer: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": status, "message": message}})
}
