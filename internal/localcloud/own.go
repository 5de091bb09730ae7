package localcloud

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// own reports whether a request is for the cloud's own endpoints and not for
// an API of Google's.
func own(r *http.Request) bool {
	path := r.URL.Path
	return strings.HasPrefix(path, "/_local/") || path == "/console" || strings.HasPrefix(path, "/console/")
}

// ownEndpoints are what Google does not have: the state as a whole, the calls
// so far, the log as it is written, the keys of pushes. Pages of other sites must reach none of
// them, neither by a name that resolves to this machine nor by a cross-site
// request.
func (c *Cloud) ownEndpoints() http.Handler {
	mux := http.NewServeMux()
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
	if c.options.Disturber != nil {
		mux.Handle("POST /_local/disturb", c.options.Disturber)
	}
	if console := c.options.Console; console != nil {
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
		if origin := r.Header.Get("Origin"); origin != "" && !loopbackOrigin(origin) {
			refuse(w, http.StatusForbidden, "this endpoint answers no request from another site")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// loopback reports whether a Host header names this machine's loopback
// interface: localhost, 127.0.0.0/8 or ::1, with or without a port.
func loopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func loopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Scheme != "" && loopback(u.Host)
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
