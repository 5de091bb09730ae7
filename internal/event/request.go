package event

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/safetext"
)

// request reads an entry of a request log, or of a log that does not matter.
func request(e *entry, seen Cause) Result {
	seen.CallerIP = safetext.Escape(e.HTTPRequest.RemoteIP.s, maxShown)
	unnamed := labelled(e, &seen)
	log := logID(e.LogName.s)
	switch {
	case !e.HTTPRequest.Present:
		return ignored(seen, otherService, "a line of the log %s", orNone(log, "without a name"))
	case e.Resource.Type.s == "cloud_run_revision" && (log == "" || log == "run.googleapis.com/requests"):
		seen.Kind = RunRequestDenied
		unnamed = orElse(unnamed, requestIdentity(e, &seen))
	case slices.Contains(refusal.LoadBalancerTypes(), e.Resource.Type.s) && (log == "" || loadBalancerLogs[log]):
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

// loadBalancerLogs are the logs of these load balancers: global and classic,
// internal, regional external.
var loadBalancerLogs = map[string]bool{
	"requests":                              true,
	"loadbalancing.googleapis.com/requests": true,
	"loadbalancing.googleapis.com/external_regional_requests": true,
}

// LoadBalancerLogs are the log ids that Application Load Balancers write their
// requests to, sorted.
func LoadBalancerLogs() []string { return slices.Sorted(maps.Keys(loadBalancerLogs)) }

// byIAP returns the word by which the entry says that IAP gave the answer, "" for an
// answer of others.
func byIAP(e *entry) string {
	return refusal.IAPWord(e.JSONPayload.StatusDetails.s, e.JSONPayload.ProxyStatus.s)
}

// notDenied explains why a request is not a denial of the kind, "" when it is one.
//
// Only the text distinguishes a 401 or 403 of Cloud Run from one of the application
// (run/docs/troubleshooting). IAP answers 302 or 401 to visitors who have not signed in,
// 403 to those who have and are refused, 500 or 502 where it cannot do its work.
func notDenied(e *entry, kind Kind) string {
	status := e.HTTPRequest.Status.s
	switch {
	case !slices.Contains(deniedStatus[kind], status):
		return "a request with status " + quote(status)
	case kind == RunRequestDenied && !refusal.ByInvokerCheck(e.TextPayload.s):
		return "a " + status + " of the application itself"
	case kind == LBRequestDeniedByIAP && byIAP(e) == "":
		return "a " + status + ", but not by IAP: " + quote(e.JSONPayload.StatusDetails.s+e.JSONPayload.ProxyStatus.s)
	}
	return ""
}

// deniedStatus are the statuses of denials, by the log that shows them.
var deniedStatus = map[Kind][]string{RunRequestDenied: {"401", "403"}, LBRequestDeniedByIAP: {"403", "500", "502"}}

// DeniedStatus lists the statuses of the denials of a kind.
func DeniedStatus(kind Kind) []string { return slices.Clone(deniedStatus[kind]) }

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
	status, _ := strconv.Atoi(e.HTTPRequest.Status.s) // it is one of deniedStatus by now
	return &Symptom{
		Status:    status,
		Text:      safetext.Escape(cmp.Or(byIAP(e), e.TextPayload.s), maxText),
		URL:       safetext.Escape(posture.BareURL(e.HTTPRequest.RequestURL.s), maxText),
		Method:    safetext.Escape(e.HTTPRequest.RequestMethod.s, maxShown),
		UserAgent: safetext.Escape(e.HTTPRequest.UserAgent.s, maxText),
		Revision:  safetext.Escape(e.Resource.Labels.RevisionName.s, maxShown),
	}
}
