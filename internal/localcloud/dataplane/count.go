package dataplane

import (
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Counted is one request as a load balancer's own metric counts it. The metric needs no log,
// and has IAP's answers too (*unverified*).
type Counted struct {
	Metric   string            // the metric's type
	Resource string            // the type of the monitored resource
	Labels   map[string]string // of the monitored resource; its project is the forwarding rule's
	Status   int
	At       time.Time
}

// RequestCounts are the metrics of requests by the type of their monitored resource.
// Source: load-balancing/docs/metrics, the table of metric paths, and monitoring/api/resources.
var RequestCounts = map[string]string{
	"https_lb_rule":                  "loadbalancing.googleapis.com/https/request_count",
	"http_external_regional_lb_rule": "loadbalancing.googleapis.com/https/external/regional/request_count",
	"internal_http_lb_rule":          "loadbalancing.googleapis.com/https/internal/request_count",
}

// countOf counts a request at a frontend. One that the URL map sends nowhere has no backend
// service (backend_target_name is empty then, *unverified*).
func (s snapshot) countOf(r request, f frontend, backend object, status int) *Counted {
	kind := kindOf(f, backend)
	labels := s.frontendLabels(kind, f, backend)
	resource := loadBalancers[kind].resource
	if kind == "global" {
		resource = "https_lb_rule"
		delete(labels, "zone")
		delete(labels, "backend_service_name")
		labels["region"], labels["backend_target_name"] = "global", apiserver.Text(backend, "name")
		labels["backend_target_type"], labels["matched_url_path_rule"] = "BACKEND_SERVICE", "UNMATCHED"
	}
	return &Counted{Metric: RequestCounts[resource], Resource: resource, Labels: labels, Status: status, At: r.at}
}
