package cloudtest

import (
	"io"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
)

// Ask asks for / at a host or https address as somebody, such as
// user:alice@example.com, or as a stranger, "", and gives the status of the
// answer. Redirects are answers.
func (e *Env) Ask(address, who string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.DataURL()+"/", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(address, "https://")
	if who != "" {
		request.Header.Set("X-Local-User", who)
		request.Header.Set("Authorization", "Bearer "+who)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode
}

// DefaultURL is the run.app address of a service that is shown first.
func (e *Env) DefaultURL(service playground.LoadBalanced) string {
	e.t.Helper()
	address, _ := e.CallAs(e.Owner(), http.MethodGet, "/v2/"+service.Name(), nil)["uri"].(string)
	if address == "" {
		e.t.Fatalf("%s has no address of its own", service.Name())
	}
	return address
}
