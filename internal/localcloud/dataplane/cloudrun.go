package dataplane

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// network is from where a request reaches Cloud Run.
type network int

const (
	direct   network = iota // the default URL, from the internet
	external                // an external load balancer
	internal                // an internal load balancer
	google                  // the default URL, from one of Google's services in the project
)

// lets are the ways in that an ingress setting leaves (run/docs/securing/ingress).
// Direct requests come from outside here; a setting that is not known lets
// nobody in.
var lets = map[string][]network{
	"INGRESS_TRAFFIC_ALL":                    {direct, external, internal, google},
	"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": {external, internal, google},
	"INGRESS_TRAFFIC_INTERNAL_ONLY":          {internal, google},
}

// call is a request that has reached Cloud Run, with the token it brings there.
type call struct {
	request
	token token
	from  network
	rule  object // the forwarding rule that it came through, nil for none
}

// intoService is a call's way into a service: ingress, IAP at the service
// itself, the invoker check, the container. A service that was never ready has
// no ingress setting that is observed, and so lets nobody in.
func (s snapshot) intoService(service object, c call) outcome {
	if !slices.Contains(lets[apiserver.Text(service, "ingress")], c.from) {
		return outcome{answer: notFound()}
	}
	if service["iapEnabled"] == true {
		gate := s.gateAt(service)
		passed, refusal := s.admit(c.request, gate)
		if refusal != nil {
			return outcome{answer: *refusal}
		}
		c = asAgent(c, gate, passed)
	}
	c.token = c.token.at(service)
	if !s.mayInvoke(service, c) {
		result, reason := s.refused(c)
		return outcome{answer: result, entries: entriesOf(s.serviceEntry(c.request, service, result, reason))}
	}
	result := s.contained(service, c)
	return outcome{answer: result, entries: entriesOf(s.serviceEntry(c.request, service, result, ""))}
}

// mayInvoke reports whether Cloud Run lets a call through to the container.
func (s snapshot) mayInvoke(service object, c call) bool {
	name := apiserver.Text(service, "name")
	if revision, stuck := s.stuck[name]; stuck && s.isIAPAgent(c.token.who) &&
		(revision == "" || revision == apiserver.Text(service, "latestReadyRevision")) {
		return false
	}
	permission := invoke
	if isInstance(service) {
		permission = invokeInstance
	}
	return service["invokerIamDisabled"] == true || s.allows(c.token.who, permission, name, c.request)
}

// What Cloud Run logs about those it refuses: the first recorded, the others
// documented (run/docs/troubleshooting).
const (
	readMore = " Read more at https://cloud.google.com/run/docs/securing/authenticating " +
		"Additional troubleshooting documentation can be found at: https://cloud.google.com/run/docs/troubleshooting#"
	notAuthenticated = "The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header." +
		readMore + "unauthorized-client"
	notAuthorized = "The request was not authorized to invoke this service." + readMore + "unauthorized-client"
	notVerified   = "The request was not authorized to invoke this service. The access token could not be verified." +
		readMore + "401"
)

// refused is the answer to a call that may not invoke, and what the log says
// about it. That IAP's agent gets the answer of anonymous callers is reported.
func (s snapshot) refused(c call) (answer, string) {
	switch {
	case c.token.bad:
		return unauthorized(c.path), notVerified
	case c.token.who == "" || s.isIAPAgent(c.token.who):
		return forbidden(c.path), notAuthenticated
	}
	return forbidden(c.path), notAuthorized
}

// isInstance reports whether what a request reaches is an instance, which has the guards
// of a service.
func isInstance(service object) bool {
	return strings.Contains(apiserver.Text(service, "name"), "/instances/")
}

// placeOf is where a service is and what it is called.
func placeOf(service object) (location, name string) {
	part := strings.Split(apiserver.Text(service, "name"), "/")
	if len(part) != 6 {
		return "", ""
	}
	return part[3], part[5]
}

// throughDefaultURL is the way of a request to a run.app address. One that no
// service has, because it is switched off or never was one, is not found.
func (s snapshot) throughDefaultURL(r request) outcome {
	service := s.serviceAt(r.host)
	if service == nil {
		service = s.Run.Instance(s.Run.InstanceAt(r.host))
	}
	if service == nil {
		return outcome{answer: plain(http.StatusNotFound, pageNotFound)}
	}
	return s.directly(r, service)
}

// functionsDomain ends the hosts of functions, one for each region and project.
const functionsDomain = ".cloudfunctions.net"

// regionThenProject is what such a host begins with.
var regionThenProject = regexp.MustCompile(`^([a-z]+-[a-z]+[0-9]{1,2})-(.+)$`)

// throughFunctionURL is the way of a request to https://REGION-PROJECT.cloudfunctions.net/NAME,
// the address of a service that is a function of the second generation. The container
// gets what follows the name as the path. Whether the address is gone with the default
// URL is unverified: here it stays.
func (s snapshot) throughFunctionURL(r request) outcome {
	place := regionThenProject.FindStringSubmatch(strings.TrimSuffix(r.host, functionsDomain))
	if place == nil {
		return outcome{answer: plain(http.StatusNotFound, pageNotFound)}
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
	service := s.service("projects/" + place[2] + "/locations/" + place[1] + "/services/" + name)
	if apiserver.Text(apiserver.Object(service, "labels"), "goog-managed-by") != "cloudfunctions" {
		return outcome{answer: plain(http.StatusNotFound, pageNotFound)}
	}
	r.path, r.escapedPath = "/"+rest, strings.TrimPrefix(r.escapedPath, "/"+name)
	return s.directly(r, service)
}

// directly is the way of a request that no load balancer takes: at a run.app
// address or a mapped domain. Both send http to https
// (run/docs/mapping-custom-domains).
func (s snapshot) directly(r request, service object) outcome {
	if r.scheme == "http" {
		return outcome{answer: redirected(r, object{"httpsRedirect": true, "redirectResponseCode": "FOUND"})}
	}
	r.scheme = "https"
	from := direct
	if r.internal && strings.HasSuffix(r.host, ".run.app") {
		from = google
	}
	return s.intoService(service, call{request: r, token: s.caller(r), from: from})
}
