package dataplane

import (
	"fmt"
	"html"
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// answer is what the client gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// outcome is an answer with the log entries that are written for it, and what a
// load balancer's log says about who answered.
type outcome struct {
	answer  answer
	details string
	entries []logging.Entry
	counted *Counted // nil = no load balancer counts the request
}

func entriesOf(all ...logging.Entry) []logging.Entry { return all }

// The texts of setup errors, as users report them.
const (
	agentMissing = "The IAP service account is not provisioned. Please follow the instructions to create service account " +
		"and rectify IAP and Cloud Run setup: https://cloud.google.com/iap/docs/enabling-cloud-run"
	notSetUp = "IAP for Cloud Run app is not set up correctly. Please follow the instructions to create service account " +
		"and rectify IAP and Cloud Run setup: https://cloud.google.com/iap/docs/enabling-cloud-run"
	severalIAPs = "Internal Server Error: IAP is enabled both on the backend service and on the Cloud Run service."
)

// pageNotFound is the body of the 404 of an address that does not exist.
const pageNotFound = "404. That's an error. The requested URL was not found on this server. That's all we know.\n"

func plain(status int, body string) answer {
	a := answer{status, http.Header{}, body}
	if body != "" {
		a.header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	return a
}

// page is an answer in the form of Cloud Run's own error pages (reported).
func page(status int, title, heading, message string) answer {
	a := plain(status, fmt.Sprintf("\n<html><head>\n<meta http-equiv=\"content-type\" content=\"text/html;charset=utf-8\">\n"+
		"<title>%s</title>\n</head>\n<body text=#000000 bgcolor=#ffffff>\n<h1>Error: %s</h1>\n<h2>%s</h2>\n<h2></h2>\n</body></html>\n",
		title, heading, message))
	a.header.Set("Content-Type", "text/html; charset=UTF-8")
	return a
}

// forbidden is Cloud Run's 403.
// Source: iap/docs/enabling-cloud-run, run/docs/troubleshooting.
func forbidden(path string) answer {
	return page(http.StatusForbidden, "403 Forbidden", "Forbidden",
		"Your client does not have permission to get URL <code>"+html.EscapeString(path)+"</code> from this server.")
}

// unauthorized is Cloud Run's 401 to a token that does not verify.
func unauthorized(path string) answer {
	a := page(http.StatusUnauthorized, "401 Unauthorized", "Unauthorized",
		"Your client does not have permission to the requested URL <code>"+html.EscapeString(path)+"</code>.")
	a.header.Set("WWW-Authenticate", `Bearer error="invalid_token" error_description="The access token could not be verified"`)
	return a
}

// notFound is the 404 of an ingress that keeps a request out
// (run/docs/troubleshooting).
func notFound() answer {
	return page(http.StatusNotFound, "404 Page not found", "Page not found",
		"The requested URL was not found on this server.")
}

// noAccess is IAP's page for somebody who signed in and is not an accessor.
func noAccess(who member) answer {
	a := plain(http.StatusForbidden, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Error</title></head>\n"+
		"<body><h1>You don't have access</h1>\n<p>Your account "+html.EscapeString(who.email())+
		" does not have access to this application. Contact its administrator.</p></body></html>\n")
	a.header.Set("Content-Type", "text/html; charset=UTF-8")
	return a
}

// bothIAPs is the 500 of a service that IAP guards twice.
// Source: run/docs/securing/identity-aware-proxy-cloud-run.
func bothIAPs() answer { return *fromIAP(plain(http.StatusInternalServerError, severalIAPs)) }

// fromIAP marks an answer as IAP's own.
func fromIAP(a answer) *answer {
	a.header.Set("X-Goog-IAP-Generated-Response", "true")
	return &a
}
