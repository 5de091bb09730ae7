package guarded

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
)

// endpoint is where instances find Google's APIs.
func (o *Town) endpoint() string {
	if o.options.Held == nil {
		return o.URL()
	}
	to, err := url.Parse(o.URL())
	if err != nil {
		o.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.options.Held(r)
		proxy.ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	return server.URL
}
