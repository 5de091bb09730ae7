package logging

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const auditedMetrics = "google.logging.v2.MetricsServiceV2."

// Counter is Cloud Monitoring, as log-based metrics need it.
type Counter interface {
	// Describe makes a metric of a project known by its descriptor, or forgets it: nil.
	Describe(project apiserver.Project, metric string, descriptor map[string]any)
	// Count counts one entry of a monitored resource, or a value in it, which is nil where
	// entries are counted.
	Count(of Counted, entry Entry, value *Value)
}

// Counted is what an entry is counted for: a project's metric, with its labels.
type Counted struct {
	Project, Metric string
	Labels          map[string]string
}

// CountWith sets what counts the entries of log-based metrics. It is called before the
// first Write.
func (r *Router) CountWith(counter Counter) { r.counter = counter }

// metric is what the router needs of a log-based metric.
type metric struct {
	name   string // logging.googleapis.com/user/M
	in     string // the project whose log it counts in: projects/P
	filter *Filter
	labels map[string]extractor
	value  *extractor // of a distribution; nil = entries are counted
	bounds []float64
	// options are those of the buckets that have the bounds.
	options map[string]any
}

// valueIn is what an entry adds to a distribution; ok is false where it has no number.
func (m *metric) valueIn(entry map[string]any) (value *Value, ok bool) {
	if m.value == nil {
		return nil, true
	}
	number, err := strconv.ParseFloat(m.value.of(entry), 64)
	return &Value{number, m.bounds, m.options}, err == nil && !math.IsNaN(number) && !math.IsInf(number, 0)
}

// extractor takes a label's value out of an entry: a field, or what a regular expression
// finds in it.
type extractor struct {
	path    []string
	pattern *regexp.Regexp // nil = the whole field
}

// extraction is EXTRACT(field) or REGEXP_EXTRACT(field, "pattern").
// Source: logging/docs/logs-based-metrics/labels.
var extraction = regexp.MustCompile(`^(EXTRACT|REGEXP_EXTRACT)\(\s*([A-Za-z0-9_.]+)\s*(?:,\s*"((?:[^"\\]|\\.)*)"\s*)?\)$`)

func parseExtractor(text string) (extractor, error) {
	parts := extraction.FindStringSubmatch(text)
	if parts == nil || (parts[1] == "EXTRACT") != (parts[3] == "") {
		return extractor{}, apiserver.Invalid("Invalid label extractor: %q", text)
	}
	read := extractor{path: strings.Split(parts[2], ".")}
	if parts[3] == "" {
		return read, nil
	}
	pattern, err := strconv.Unquote(`"` + parts[3] + `"`)
	if err == nil {
		read.pattern, err = regexp.Compile(pattern)
	}
	if err != nil || read.pattern.NumSubexp() != 1 {
		return extractor{}, apiserver.Invalid("Invalid label extractor: %q: the pattern has one group", text)
	}
	return read, nil
}

// of is the label's value in an entry, "" where there is none.
func (e extractor) of(entry map[string]any) string {
	for _, value := range follow(entry, e.path) {
		text := scalar(value)
		if e.pattern == nil {
			return text
		}
		if found := e.pattern.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	return ""
}

// count counts an entry for every metric whose filter selects it, of its own project and of
// those into whose logs sinks route it.
func (r *Router) count(entry Entry, tree map[string]any, into []string) {
	if r.counter == nil {
		return
	}
	owner, _, _ := strings.Cut(entry.LogName, "/logs/")
	r.mu.Lock()
	counting := slices.Collect(maps.Values(r.metrics))
	r.mu.Unlock()
	for _, each := range counting {
		if each.in != owner && !slices.Contains(into, each.in) || !each.filter.Match(tree) {
			continue
		}
		value, ok := each.valueIn(tree)
		if !ok {
			continue
		}
		labels := map[string]string{}
		for name, extract := range each.labels {
			labels[name] = extract.of(tree)
		}
		r.counter.Count(Counted{strings.TrimPrefix(each.in, "projects/"), each.name, labels}, entry, value)
	}
}

// metricChanged lets the router and Cloud Monitoring have what a client wrote.
func (r *Router) metricChanged(w *collection.Write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	about := w.New
	if about == nil {
		about = w.Old
	}
	descriptor := apiserver.Object(about.Body, "metricDescriptor")
	name := apiserver.Text(descriptor, "type")
	delete(r.metrics, about.Name)
	if r.counter == nil {
		return
	}
	if w.New == nil {
		r.counter.Describe(w.Call.Project, name, nil)
		return
	}
	r.counter.Describe(w.Call.Project, name, descriptor)
	if made := w.New.Kept.(*metric); about.Body["disabled"] != true {
		made.name, made.in = name, w.Call.Project.Name()
		r.metrics[about.Name] = made
	}
}

// metricKind are log-based metrics.
func (r *Router) metricKind() collection.Kind {
	kind := metrics
	kind.Changed = r.metricChanged
	return kind
}

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
	project, body := w.Call.Project, w.New.Body
	if apiserver.Text(body, "filter") == "" {
		return apiserver.Invalid("A metric must have a filter.")
	}
	filter, err := filterOf(apiserver.Text(body, "filter"))
	if err != nil {
		return err
	}
	made := &metric{filter: filter, labels: map[string]extractor{}}
	for label, text := range apiserver.Object(body, "labelExtractors") {
		if made.labels[label], err = parseExtractor(text.(string)); err != nil {
			return err
		}
	}
	w.New.Kept = made
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
	extracts := apiserver.Text(body, "valueExtractor")
	if (descriptor["valueType"] == "DISTRIBUTION") != (extracts != "") {
		return apiserver.Invalid("A metric has a value extractor if, and only if, its values are a distribution.")
	}
	if extracts != "" {
		if err := made.distribution(extracts, apiserver.Object(body, "bucketOptions")); err != nil {
			return err
		}
	}
	name := "logging.googleapis.com/user/" + strings.TrimPrefix(w.New.Name, project.Name()+"/metrics/")
	descriptor["type"], descriptor["name"] = name, project.Name()+"/metricDescriptors/"+name
	return nil
}
