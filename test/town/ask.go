package town

import (
	"io"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

// Ask asks for / at a host or https address as somebody, such as
// user:alice@example.com, or as a stranger, "", and gives the status of the
// answer. Redirects are answers.
func (o *Town) Ask(address, who string) int {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.DataURL()+"/", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(address, "https://")
	if who != "" {
		request.Header.Set("X-Local-User", who)
		request.Header.Set("Authorization", "Bearer "+who)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		o.t.Fatal(err)
	}
	return response.StatusCode
}

// DefaultURL is the run.app address of a service that is shown first.
func (o *Town) DefaultURL(service stage.LoadBalanced) string {
	o.t.Helper()
	address, _ := o.CallAs(o.Owner(), http.MethodGet, "/v2/"+service.Name(), nil)["uri"].(string)
	if address == "" {
		o.t.Fatalf("%s has no address of its own", service.Name())
	}
	return address
}
