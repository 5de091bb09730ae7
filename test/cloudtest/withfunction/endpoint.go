package withfunction

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
)

// endpoint is where instances find Google's APIs.
func (e *Env) endpoint() string {
	if e.options.Held == nil && e.options.Answered == nil {
		return e.URL()
	}
	to, err := url.Parse(e.URL())
	if err != nil {
		e.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.options.Held != nil {
			e.options.Held(r)
		}
		proxy.ServeHTTP(w, r)
		if e.options.Answered != nil {
			e.options.Answered(r)
		}
	}))
	e.t.Cleanup(server.Close)
	return server.URL
}
