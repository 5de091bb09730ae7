package dataplane

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Sent is a request that one of Google's own services makes on behalf of a
// resource of the project: Cloud Scheduler a job.
type Sent struct {
	Method, URL, UserAgent string
	Header                 http.Header
	Body                   []byte
	// Account is the service account whose identity token it brings, made out to
	// Audience; "" = it brings none.
	Account, Audience string
}

// googleAddress is from where Google's services call, as logs show it. Here it
// is an address that nobody has (RFC 5737).
const googleAddress = "192.0.2.53:443"

// Send carries a request of one of Google's own services, with its token.
func (d *DataPlane) Send(sent Sent) (status int, err error) {
	r, err := http.NewRequest(sent.Method, sent.URL, bytes.NewReader(sent.Body))
	if err != nil {
		return 0, err
	}
	for name, values := range sent.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("User-Agent", sent.UserAgent)
	if sent.Account != "" {
		token, err := d.options.Tokens.Token(sent.Account, sent.Audience)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return d.fromGoogle(r).status, nil
}

// InternalTransport carries requests of Google's own services, such as Pub/Sub's pushes,
// which bring their tokens themselves.
func (d *DataPlane) InternalTransport() http.RoundTripper { return internalTransport{d} }

type internalTransport struct{ d *DataPlane }

// RoundTrip is the way of one request. A client that stops waiting for its
// answer gets its own error, as from a network.
func (i internalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	given := i.d.fromGoogle(r.Clone(r.Context()))
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", given.status, http.StatusText(given.status)), StatusCode: given.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: given.header, Body: io.NopCloser(strings.NewReader(given.body)), ContentLength: int64(len(given.body)),
	}, nil
}

// fromGoogle answers a request of one of Google's own services. Cloud Run counts
// it as internal at the default URL: the service is in the same project.
// Source: run/docs/securing/ingress.
func (d *DataPlane) fromGoogle(r *http.Request) answer {
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.RemoteAddr = googleAddress
	r.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	r.Header.Del(userHeader)
	received := read(r, d.options.Clock())
	received.internal = true
	return d.answer(received, sink{d.options.Write, d.options.Count})
}

// misdirected is IAP's refusal of a token that is made out to somebody else: neither to
// its own OAuth client nor to one of the settings' programmatic clients
// (iap/docs/programmatic-oauth-clients).
func misdirected(visitor token, g gate) *answer {
	wanted := g.oauthClient()
	programs := apiserver.List(apiserver.Object(g.settings, "oauthSettings"), "programmaticClients")
	if visitor.audience == "" || visitor.audience == wanted || slices.Contains(programs, any(visitor.audience)) {
		return nil
	}
	return fromIAP(plain(http.StatusUnauthorized, "Invalid IAP credentials: JWT audience doesn't match this application "+
		"('aud' claim ("+visitor.audience+") doesn't match expected value ("+wanted+"))"))
}
