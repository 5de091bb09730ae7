package dataplane

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// logs is what the names of a project's logs begin with.
func logs(of apiserver.Project) string { return of.Name() + "/logs/" }

// serviceEntry is Cloud Run's request log entry (recorded). The reason is set
// where IAM refused, and nowhere else: it alone distinguishes Cloud Run's 403
// from the application's.
func (s snapshot) serviceEntry(r request, service object, a answer, reason string) logging.Entry {
	location, name := placeOf(service)
	project := s.ProjectOf(apiserver.Text(service, "name"))
	entry := entry(project, r, a)
	entry.LogName, entry.TextPayload = logs(project)+"run.googleapis.com%2Frequests", reason
	entry.Resource = logging.Resource{Type: "cloud_run_revision", Labels: map[string]string{
		"project_id": project.ID, "location": location, "service_name": name, "configuration_name": name,
		"revision_name": lastOf(apiserver.Text(service, "latestReadyRevision")),
	}}
	if isInstance(service) { // unverified
		entry.Resource = logging.Resource{Type: "cloud_run_instance", Labels: map[string]string{
			"project_id": project.ID, "location": location, "instance_name": name}}
	}
	entry.HTTPRequest["protocol"] = "HTTP/1.1"
	for key, value := range apiserver.Object(service, "labels") {
		if entry.Labels == nil {
			entry.Labels = map[string]string{}
		}
		entry.Labels[key], _ = value.(string)
	}
	if reason != "" {
		delete(entry.HTTPRequest, "responseSize") // recorded: refusals have none
	}
	return entry
}

// loadBalancers are the logs of each kind of load balancer
// (logging/docs/api/v2/resource-list; load-balancing/docs/https, logging pages).
var loadBalancers = map[string]struct{ log, resource string }{
	"global":   {"requests", "http_load_balancer"},
	"regional": {"loadbalancing.googleapis.com%2Fexternal_regional_requests", "http_external_regional_lb_rule"},
	"internal": {"loadbalancing.googleapis.com%2Frequests", "internal_http_lb_rule"},
}

// loadBalancerEntry is a load balancer's request log entry. A global one says
// in statusDetails who answered, the others in proxyStatus, and only when it was
// not the backend (both recorded; the words for IAP in proxyStatus are not). It belongs to
// the forwarding rule's project and names the backend service's
// (load-balancing/docs/https/https-logging-monitoring, backendTargetProjectNumber).
func (s snapshot) loadBalancerEntry(r request, f frontend, backend object, result outcome) logging.Entry {
	kind := kindOf(f, backend)
	project := s.projectOf(f.rule)
	entry := entry(project, r, result.answer)
	entry.LogName = logs(project) + loadBalancers[kind].log
	entry.Resource = logging.Resource{Type: loadBalancers[kind].resource, Labels: s.frontendLabels(kind, f, backend)}
	entry.JSONPayload = object{
		"@type":    "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry",
		"remoteIp": r.remote, "backendTargetProjectNumber": s.projectOf(backend).Numbered(),
	}
	switch {
	case kind == "global":
		entry.JSONPayload["statusDetails"] = result.details
	case s.Beliefs.HideProxyStatus && slices.Contains(wordsOfIAP, result.details):
	case result.details != byBackend:
		entry.JSONPayload["proxyStatus"] = `error="http_request_denied"; details="` + result.details + `"`
	}
	return entry
}

// kindOf is the kind of a load balancer, a key of loadBalancers.
func kindOf(f frontend, backend object) string {
	switch {
	case apiserver.Text(backend, "loadBalancingScheme") == "INTERNAL_MANAGED":
		return "internal"
	case regionOf(f.rule) != "":
		return "regional"
	}
	return "global"
}

func (s snapshot) frontendLabels(kind string, f frontend, backend object) map[string]string {
	labels := map[string]string{
		"project_id": s.projectOf(f.rule).ID, "forwarding_rule_name": apiserver.Text(f.rule, "name"),
		"target_proxy_name": apiserver.Text(f.proxy, "name"), "url_map_name": apiserver.Text(f.urlMap, "name"),
	}
	if kind == "global" {
		labels["zone"], labels["backend_service_name"] = "global", apiserver.Text(backend, "name")
		return labels
	}
	labels["region"], labels["network_name"] = regionOf(f.rule), lastOf(apiserver.Text(f.rule, "network"))
	labels["backend_target_name"], labels["backend_target_type"] = apiserver.Text(backend, "name"), "BACKEND_SERVICE"
	labels["matched_url_path_rule"] = "UNMATCHED"
	labels["backend_name"], labels["backend_type"] = "", "UNKNOWN"
	labels["backend_scope"], labels["backend_scope_type"] = regionOf(f.rule), "REGION"
	return labels
}

// entry is what the entries of one request in a project's logs have in common.
func entry(of apiserver.Project, r request, a answer) logging.Entry {
	httpRequest := object{
		"requestMethod": r.method, "requestUrl": r.url(), "status": a.status, "remoteIp": r.remote, "latency": "0s",
		"requestSize": strconv.FormatInt(r.size, 10), "responseSize": strconv.Itoa(len(a.body)),
	}
	for field, header := range map[string]string{"userAgent": "User-Agent", "referer": "Referer"} {
		if value := r.header.Get(header); value != "" {
			httpRequest[field] = strings.ToValidUTF8(value, "?")
		}
	}
	return logging.Entry{
		Timestamp: r.at.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000Z"), Severity: severity(a.status),
		HTTPRequest: httpRequest, Trace: of.Name() + "/traces/" + r.trace, SpanID: r.span,
	}
}

// severity of an entry follows the status (recorded for 200 and 403 of Cloud
// Run).
func severity(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return "ERROR"
	case status >= http.StatusBadRequest:
		return "WARNING"
	}
	return "INFO"
}
