package event

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// request reads an entry of a request log, or of a log that does not matter.
func request(e *entry, seen Cause) Result {
	seen.CallerIP = clean(e.HTTPRequest.RemoteIP.s, maxShown)
	unnamed := labelled(e, &seen)
	log := logID(e.LogName.s)
	switch {
	case !e.HTTPRequest.Present:
		return ignored(seen, otherService, "a line of the log %s", orNone(log, "without a name"))
	case e.Resource.Type.s == "cloud_run_revision" && (log == "" || log == "run.googleapis.com/requests"):
		seen.Kind = RunRequestDenied
		unnamed = orElse(unnamed, requestIdentity(e, &seen))
	case loadBalancers[e.Resource.Type.s] && (log == "" || loadBalancerLogs[log]):
		seen.Kind = LBRequestDeniedByIAP
		unnamed = orElse(unnamed, frontendIdentity(e, &seen))
	default:
		return ignored(seen, otherService, "a request in the log %s of %s",
			orNone(log, "without a name"), orNone(e.Resource.Type.s, "an unknown resource"))
	}
	if why := notDenied(e, seen.Kind); why != "" {
		return ignored(seen, Unrelated, "%s", why)
	}
	if unnamed != nil {
		return ignored(seen, unnamed.reason, "%s", unnamed.why)
	}
	seen.Symptom = e.symptom()
	return caused(seen)
}

// loadBalancers are the resource types of request logs of Application Load
// Balancers: global and classic, regional external, internal
// (load-balancing/docs/https/https-logging-monitoring and its siblings).
var loadBalancers = map[string]bool{
	"http_load_balancer":             true,
	"http_external_regional_lb_rule": true,
	"internal_http_lb_rule":          true,
}

// loadBalancerLogs are the logs of these load balancers: global and classic,
// internal, regional external.
var loadBalancerLogs = map[string]bool{
	"requests":                              true,
	"loadbalancing.googleapis.com/requests": true,
	"loadbalancing.googleapis.com/external_regional_requests": true,
}

// LoadBalancerTypes are the resource types of the request logs of Application
// Load Balancers, sorted.
func LoadBalancerTypes() []string { return slices.Sorted(maps.Keys(loadBalancers)) }

// LoadBalancerLogs are the log ids that Application Load Balancers write their
// requests to, sorted.
func LoadBalancerLogs() []string { return slices.Sorted(maps.Keys(loadBalancerLogs)) }

// byIAP reports whether IAP gave the answer of a load balancer. Global load
// balancers say so in statusDetails (recorded). The others have proxyStatus
// instead, whose form was recorded for other errors. That it names IAP by the same
// words is *unverified*.
func byIAP(e *entry) bool {
	return e.JSONPayload.StatusDetails.s == HandledByIAP ||
		strings.Contains(e.JSONPayload.ProxyStatus.s, `"`+HandledByIAP+`"`)
}

// HandledByIAP is how a load balancer marks a request that IAP answered.
const HandledByIAP = "handled_by_identity_aware_proxy"

// notDenied explains why a request is not a denial of the kind, "" when it is one.
//
// Only the text distinguishes a 403 of Cloud Run from one of the application
// (run/docs/troubleshooting). IAP answers 302 or 401 to visitors who have not
// signed in, and 403 to those who have and are refused.
func notDenied(e *entry, kind Kind) string {
	switch {
	case e.HTTPRequest.Status.s != "403":
		return "a request with status " + quote(e.HTTPRequest.Status.s)
	case kind == RunRequestDenied && !posture.RefusedByIAM(e.TextPayload.s):
		return "a 403 of the application itself"
	case kind == LBRequestDeniedByIAP && !byIAP(e):
		return "a 403, but not by IAP: " + quote(e.JSONPayload.StatusDetails.s+e.JSONPayload.ProxyStatus.s)
	}
	return ""
}

// requestIdentity finds the Cloud Run service that refused. The project of the log
// must be the project of the service: Cloud Logging guarantees the log's name.
func requestIdentity(e *entry, c *Cause) *problem {
	c.Project, c.Location, c.Service = "", "", ""
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, projectOfLog(e.LogName.s))
	bad = orElse(bad, locations.pick(&c.Location, e.Resource.Labels.Location.s))
	bad = orElse(bad, services.pick(&c.Service, e.Resource.Labels.ServiceName.s))
	if bad == nil && (c.Project == "" || c.Location == "" || c.Service == "") {
		bad = unreadable("the labels do not name project, location and service")
	}
	return bad
}

// frontendIdentity finds the backend service. The log has only the project of the
// forwarding rule, so the backend service is taken to be in the same.
func frontendIdentity(e *entry, c *Cause) *problem {
	c.Project, c.Location, c.BackendService = "", "", ""
	location := e.Resource.Labels.Region.s
	if location == "" && e.Resource.Labels.Zone.s == "global" {
		location = "global"
	}
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, projectOfLog(e.LogName.s))
	bad = orElse(bad, locations.pick(&c.Location, e.Resource.Labels.Location.s, location))
	bad = orElse(bad, backends.pick(&c.BackendService,
		e.Resource.Labels.BackendServiceName.s, e.Resource.Labels.BackendTargetName.s))
	if bad == nil && (c.Project == "" || c.BackendService == "") {
		bad = unreadable("the labels do not name project and backend service")
	}
	return bad
}

func (e *entry) symptom() *Symptom {
	status, _ := strconv.Atoi(e.HTTPRequest.Status.s) // it is "403" by now
	return &Symptom{
		Status:    status,
		Text:      clean(e.TextPayload.s, maxText),
		URL:       clean(posture.BareURL(e.HTTPRequest.RequestURL.s), maxText),
		Method:    clean(e.HTTPRequest.RequestMethod.s, maxShown),
		UserAgent: clean(e.HTTPRequest.UserAgent.s, maxText),
		Revision:  clean(e.Resource.Labels.RevisionName.s, maxShown),
	}
}
