package dataplane

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// received is what the container answers: what it was called with.
type received struct {
	Service  string            `json:"service"`
	Location string            `json:"location"`
	Revision string            `json:"revision"`
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers"`
	// Audience is that of IAP's assertion, absent where there is none.
	Audience string `json:"audience,omitempty"`
}

// wish is a path at which the application answers with a status of its own.
var wish = regexp.MustCompile(`^/_app/([2-5][0-9]{2})$`)

// contained is the container's answer: that of the program that was put there,
// or of an application that says what it was called with. At /_app/403 the application refuses by
// itself, at /_app/500 it fails, and so on.
func (s snapshot) contained(service object, c call) answer {
	if base := s.containers[apiserver.Text(service, "name")]; base != "" {
		return toProgram(base, service, c)
	}
	if m := wish.FindStringSubmatch(c.path); m != nil {
		status, _ := strconv.Atoi(m[1]) // three digits
		return plain(status, "The application answers with "+m[1]+".\n")
	}
	location, name := placeOf(service)
	headers := headersFor(c)
	body, err := json.MarshalIndent(received{
		Service: name, Location: location, Revision: lastOf(apiserver.Text(service, "latestReadyRevision")),
		Method: c.method, URL: c.url(), Headers: headers, Audience: audienceIn(headers[assertionHeader]),
	}, "", "  ")
	if err != nil {
		return plain(http.StatusInternalServerError, "encoding what was received: "+err.Error())
	}
	a := plain(http.StatusOK, string(body)+"\n")
	a.header.Set("Content-Type", "application/json")
	return a
}

// headersFor are the headers with which a container is called.
func headersFor(c call) map[string]string {
	headers := map[string]string{}
	for name, values := range c.header {
		headers[name] = strings.Join(values, ", ")
	}
	for _, name := range []string{userHeader, frontendHeader, "Connection", "Proxy-Connection"} {
		delete(headers, name)
	}
	if header := c.tokenHeader(); c.token.audience != "" {
		headers[header] = withoutSignature(headers[header])
	}
	forwarded := c.remote
	if before := headers["X-Forwarded-For"]; before != "" {
		forwarded = before + ", " + forwarded
	}
	headers["X-Forwarded-For"], headers["X-Forwarded-Proto"] = forwarded, c.scheme
	headers["Traceparent"] = "00-" + c.trace + "-" + c.span + "-01"
	if c.from != direct {
		headers["Via"] = "1.1 google"
	}
	return headers
}

// withoutSignature is an identity token as Cloud Run shows it to a container
// (run/docs/authenticating/service-to-service): nobody can use it elsewhere.
func withoutSignature(bearer string) string {
	return bearer[:strings.LastIndexByte(bearer, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
}
