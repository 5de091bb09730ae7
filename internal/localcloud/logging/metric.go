package logging

import (
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const auditedMetrics = "google.logging.v2.MetricsServiceV2."

// metrics are the project's log-based metrics. Nothing counts their entries.
var metrics = collection.Kind{
	Documents: []string{"logging/v2"}, Collections: []string{"logging.projects.metrics"}, Message: "LogMetric",
	Permissions: "logging.logMetrics", Source: permissionSource,
	Audit: map[string]string{"create": auditedMetrics + "CreateLogMetric", "update": auditedMetrics + "UpdateLogMetric",
		"delete": auditedMetrics + "DeleteLogMetric"},
	Depth: 3, ID: regexp.MustCompile(`^[A-Za-z0-9_.,+!*',()%-][A-Za-z0-9_.,+!*',()%/-]{0,99}$`),
	Words: collection.Words{NotFound: "Metric {id} does not exist", Exists: "Metric {id} already exists",
		BadID: "Invalid metric name \"{id}\"."},
	View: shortName, Prepare: prepareMetric,
}

// prepareMetric checks a metric and completes its descriptor.
// Source: logging/docs/reference/v2/rest/v2/projects.metrics, metricDescriptor.
func prepareMetric(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	if apiserver.Text(body, "filter") == "" {
		return apiserver.Invalid("A metric must have a filter.")
	}
	if _, err := filterOf(apiserver.Text(body, "filter")); err != nil {
		return err
	}
	descriptor := apiserver.Object(body, "metricDescriptor")
	if descriptor == nil {
		descriptor = map[string]any{}
		body["metricDescriptor"] = descriptor
	}
	for field, value := range map[string]string{"metricKind": "DELTA", "valueType": "INT64", "unit": "1"} {
		if apiserver.Text(descriptor, field) == "" {
			descriptor[field] = value
		}
	}
	extracts := apiserver.Text(body, "valueExtractor") != ""
	if (descriptor["valueType"] == "DISTRIBUTION") != extracts {
		return apiserver.Invalid("A metric has a value extractor if, and only if, its values are a distribution.")
	}
	name := "logging.googleapis.com/user/" + strings.TrimPrefix(w.New.Name, project+"/metrics/")
	descriptor["type"], descriptor["name"] = name, project+"/metricDescriptors/"+name
	return nil
}
