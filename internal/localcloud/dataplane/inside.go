package dataplane

import (
	"bytes"
	"net/http"
)

// Sent is a request that one of Google's own services makes on behalf of a
// resource of the project: Pub/Sub a push, Cloud Scheduler a job.
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

// Send carries a request of one of Google's own services. Cloud Run counts it
// as internal at the default URL: the service is in the same project.
// Source: run/docs/securing/ingress.
func (d *DataPlane) Send(sent Sent) (status int, err error) {
	r, err := http.NewRequest(sent.Method, sent.URL, bytes.NewReader(sent.Body))
	if err != nil {
		return 0, err
	}
	for name, values := range sent.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Host, r.RemoteAddr = r.URL.Host, googleAddress
	r.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	r.Header.Set("User-Agent", sent.UserAgent)
	r.Header.Del(userHeader)
	if sent.Account != "" {
		r.Header.Set("Authorization", "Bearer serviceAccount:"+sent.Account)
	}
	received := read(r, d.options.Clock())
	received.inside, received.audience = true, sent.Audience
	result := d.world(received.at).walk(received)
	for _, entry := range result.entries {
		d.options.Write(entry)
	}
	return result.answer.status, nil
}

// misdirected is IAP's refusal of a token that is made out to somebody else.
func misdirected(r request, g gate) *answer {
	wanted := g.client
	if wanted == "" {
		wanted = googleClient
	}
	if !r.inside || r.audience == wanted {
		return nil
	}
	return fromIAP(plain(http.StatusUnauthorized, "Invalid IAP credentials: JWT audience doesn't match this application "+
		"('aud' claim ("+r.audience+") doesn't match expected value ("+wanted+"))"))
}
