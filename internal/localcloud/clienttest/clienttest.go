// Package clienttest starts local clouds for tests with Google's clients.
package clienttest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/api/googleapi"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// Cloud is a local cloud on a port of its own. Its calls are held against Google's
// documents.
type Cloud struct {
	*localcloud.Cloud
	// URL is where it answers, without a slash at the end.
	URL string
}

// Start starts a local cloud that ends with the test.
func Start(t testing.TB, options localcloud.Options) Cloud {
	t.Helper()
	options.Discovery = discovery.Judge(t)
	cloud := localcloud.New(options)
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	return Cloud{cloud, server.URL}
}

// As is an HTTP client that calls in a member's name: "user:alice@example.com". "" is
// the owner.
func (c Cloud) As(member string) *http.Client { return &http.Client{Transport: caller(member)} }

type caller string

// RoundTrip sends a request with the caller's token.
func (member caller) RoundTrip(r *http.Request) (*http.Response, error) {
	if member != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+string(member))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Code is the status of an error of Google's clients, 0 for any other.
func Code(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}
