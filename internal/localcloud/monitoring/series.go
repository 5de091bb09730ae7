package monitoring

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

const (
	// requestCount counts the requests that reached Cloud Run.
	// Source: monitoring/api/metrics_gcp_p_z, run.
	requestCount = "run.googleapis.com/request_count"
	samplePeriod = time.Minute
	// maxPoints and maxSeries bound what is kept: a day of minutes for each series.
	maxPoints = 1440
	maxSeries = 10_000
)

// one is one time series.
type one struct {
	metric, resource object // type and labels
	in               string // the project of a log-based metric; "" = the resource's
	kind, valueType  string
	points           []point // oldest first
}

// point is a value over an interval; a gauge has its end alone.
type point struct {
	start, end time.Time
	value      object // a TypedValue
}

// series are all time series and metric descriptors.
type series struct {
	mu          sync.Mutex
	all         map[string]*one // by metric and resource
	descriptors map[described]object
}

// described is what has a descriptor: a metric of a project's own, or one that all have, "".
type described struct{ project, metric string }

// descriptor is that of a metric in a project, nil = there is none.
func (s *series) descriptor(project apiserver.Project, metric string) object {
	if own := s.descriptors[described{project.ID, metric}]; own != nil {
		return own
	}
	return s.descriptors[described{metric: metric}]
}

func newSeries() *series {
	s := &series{}
	s.reset()
	return s
}

func (s *series) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = map[string]*one{}
	s.descriptors = map[described]object{{metric: requestCount}: counting(requestCount, "cloud_run_revision", "120s",
		"Number of requests reaching the revision.")}
	for resource, metric := range dataplane.RequestCounts {
		s.descriptors[described{metric: metric}] = counting(metric, resource, "90s", "The number of requests served by the load balancer.")
	}
	s.describeBacklogs()
}

// counting is the descriptor of a metric of Google's that counts requests each minute. That
// points show 90 seconds after a minute's end is remembered of monitoring/api/metrics_gcp
// (*unverified*).
func counting(metric, resource, delay, description string) object {
	return object{
		"type": metric, "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "displayName": "Request Count",
		"description": description, "launchStage": "GA",
		"labels": []any{
			object{"key": "response_code", "description": "Response code of a request."},
			object{"key": "response_code_class", "description": "Response code class of a request."},
		},
		"metadata":               object{"samplePeriod": "60s", "ingestDelay": delay, "launchStage": "GA"},
		"monitoredResourceTypes": []any{resource},
	}
}

// CountRequest counts a request for a load balancer. Its class is a number: 200, 300, 400 or
// 500, and its code too (*unverified*).
func (m *Monitoring) CountRequest(c dataplane.Counted) {
	metric := object{"type": c.Metric, "labels": object{
		"response_code": strconv.Itoa(c.Status), "response_code_class": strconv.Itoa(c.Status / 100 * 100),
	}}
	m.series.count(metric, object{"type": c.Resource, "labels": texts(c.Labels)}, c.At)
}

// Counted is a writer of the data plane's log entries that counts requests, too.
func (m *Monitoring) Counted(write func(logging.Entry)) func(logging.Entry) {
	return func(entry logging.Entry) {
		m.count(entry)
		write(entry)
	}
}

// count counts a request by its entry in Cloud Run's request log.
func (m *Monitoring) count(entry logging.Entry) {
	status, err := strconv.Atoi(fmt.Sprint(entry.HTTPRequest["status"]))
	at, badTime := time.Parse(time.RFC3339Nano, entry.Timestamp)
	if !strings.HasSuffix(entry.LogName, "/logs/run.googleapis.com%2Frequests") || err != nil || badTime != nil {
		return
	}
	metric := object{"type": requestCount, "labels": object{
		"response_code": strconv.Itoa(status), "response_code_class": strconv.Itoa(status/100) + "xx",
	}}
	m.series.count(metric, object{"type": entry.Resource.Type, "labels": texts(entry.Resource.Labels)}, at)
}

// Describe makes a log-based metric of a project known, or forgets it: nil. It is a
// logging.Counter's.
func (m *Monitoring) Describe(project apiserver.Project, metric string, descriptor map[string]any) {
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	if descriptor == nil {
		delete(m.series.descriptors, described{project.ID, metric})
		return
	}
	kept := apiserver.Clone(descriptor)
	delete(kept, "name")
	m.series.descriptors[described{project.ID, metric}] = kept
}

// Count counts an entry or a value for a log-based metric. It is a logging.Counter's.
func (m *Monitoring) Count(of logging.Counted, entry logging.Entry, value *logging.Value) {
	at, err := time.Parse(time.RFC3339Nano, entry.Timestamp)
	if err != nil {
		return // an entry without a time is not counted
	}
	counted := &one{metric: object{"type": of.Metric}, in: of.Project,
		resource: object{"type": entry.Resource.Type, "labels": texts(entry.Resource.Labels)}}
	if len(of.Labels) > 0 {
		counted.metric["labels"] = texts(of.Labels)
	}
	m.series.collect(counted, at, func(before object) object {
		if value == nil {
			return oneMore(before)
		}
		return sampled(before, *value)
	})
}

func texts(of map[string]string) object {
	all := object{}
	for key, value := range of {
		all[key] = value
	}
	return all
}

// count adds one to the minute of a series that counts.
func (s *series) count(metric, resource object, at time.Time) {
	s.collect(&one{metric: metric, resource: resource}, at, oneMore)
}

func oneMore(value object) object {
	return object{"int64Value": strconv.FormatInt(integer(value)+1, 10)}
}

// collect makes another value of the one in the minute of a series, nil at first.
func (s *series) collect(of *one, at time.Time, next func(value object) object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := s.kept(of)
	if counted == nil {
		return
	}
	minute := at.Truncate(samplePeriod)
	// Requests end in another order than they begin in, but not by much.
	i := len(counted.points) - 1
	for i >= 0 && counted.points[i].start.After(minute) {
		i--
	}
	if i < 0 || counted.points[i].start.Before(minute) {
		i++
		counted.points = slices.Insert(counted.points, i, point{start: minute, end: at})
	}
	kept := &counted.points[i]
	kept.value = next(kept.value)
	counted.kind, counted.valueType = "DELTA", typeOf(kept.value)
	if at.After(kept.end) {
		kept.end = at
	}
	counted.bound()
}

// kept returns a series as it is kept, or keeps a new one; nil where there are too many. The
// lock is held.
func (s *series) kept(made *one) *one {
	found := s.all[made.key()]
	if found == nil && len(s.all) < maxSeries {
		found = made
		s.all[made.key()] = found
	}
	return found
}

// key is the metric, the resource and the project of a series.
func (o *one) key() string {
	key, _ := json.Marshal([]any{o.metric, o.resource, o.in}) // texts encode, keys in order
	return string(key)
}

func (o *one) bound() {
	if len(o.points) > maxPoints {
		o.points = slices.Clone(o.points[len(o.points)-maxPoints:])
	}
}

func integer(value object) int64 {
	n, _ := strconv.ParseInt(apiserver.Text(value, "int64Value"), 10, 64) // ours
	return n
}

// number is a value as a number: what is none has no aggregate.
func number(value object) (float64, bool) {
	for _, field := range []string{"int64Value", "doubleValue"} {
		if value[field] != nil {
			n, err := strconv.ParseFloat(fmt.Sprint(value[field]), 64)
			return n, err == nil
		}
	}
	return 0, false
}

// write keeps one point of a client's series in a project.
func (s *series) write(project apiserver.Project, sent object) error {
	metric, resource := apiserver.Object(sent, "metric"), apiserver.Object(sent, "resource")
	name := apiserver.Text(metric, "type")
	points := apiserver.List(sent, "points")
	switch {
	case !custom(name):
		return apiserver.Invalid("Field timeSeries[0].metric.type had an invalid value of %q: it must begin with a custom prefix.", name)
	case len(points) != 1:
		return apiserver.Invalid("Field timeSeries[0].points had an invalid value: exactly one point is required.")
	}
	got, err := readPoint(points[0])
	if err != nil {
		return err
	}
	if apiserver.Text(resource, "type") == "" {
		resource = object{"type": "global", "labels": object{"project_id": project.ID}}
	}
	kind := cmp.Or(apiserver.Text(sent, "metricKind"), "GAUGE")
	valueType := typeOf(got.value)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.descriptor(project, name)
	if known == nil {
		known = object{"type": name, "metricKind": kind, "valueType": valueType, "labels": labelsOf(metric)}
		s.descriptors[described{project.ID, name}] = known
	}
	if known["metricKind"] != kind || known["valueType"] != valueType {
		return apiserver.Invalid("Field timeSeries[0] had an invalid value: the metric's kind and value type are %v and %v.",
			known["metricKind"], known["valueType"])
	}
	kept := s.kept(&one{metric: metric, resource: resource})
	switch {
	case kept == nil:
		return apiserver.Invalid("There are more than %d time series.", maxSeries)
	case len(kept.points) > 0 && !got.end.After(kept.points[len(kept.points)-1].end):
		return apiserver.Invalid("Field timeSeries[0].points[0].interval.end_time had an invalid value: points must be written in order.")
	}
	kept.kind, kept.valueType = kind, valueType
	kept.points = append(kept.points, got)
	kept.bound()
	return nil
}

func readPoint(sent any) (point, error) {
	body, _ := sent.(map[string]any)
	interval := apiserver.Object(body, "interval")
	end, err := time.Parse(time.RFC3339Nano, apiserver.Text(interval, "endTime"))
	if err != nil {
		return point{}, apiserver.Invalid("Field timeSeries[0].points[0].interval.end_time had an invalid value.")
	}
	start := end
	if text := apiserver.Text(interval, "startTime"); text != "" {
		if start, err = time.Parse(time.RFC3339Nano, text); err != nil || start.After(end) {
			return point{}, apiserver.Invalid("Field timeSeries[0].points[0].interval.start_time had an invalid value.")
		}
	}
	value := apiserver.Object(body, "value")
	if len(value) != 1 {
		return point{}, apiserver.Invalid("Field timeSeries[0].points[0].value had an invalid value: exactly one is required.")
	}
	return point{start, end, value}, nil
}

// typeOf is the value type of a TypedValue: "INT64" of int64Value.
func typeOf(value object) string {
	for field := range maps.Keys(value) {
		return strings.ToUpper(strings.TrimSuffix(field, "Value"))
	}
	return ""
}

func labelsOf(metric object) []any {
	labels := []any{}
	for _, key := range slices.Sorted(maps.Keys(apiserver.Object(metric, "labels"))) {
		labels = append(labels, object{"key": key})
	}
	return labels
}

// shown is a series as answers have it, its points newest first.
func (o *one) shown(points []point, headers bool) object {
	body := object{"metric": o.metric, "resource": o.resource, "metricKind": o.kind, "valueType": o.valueType}
	if headers {
		return body
	}
	all := make([]any, 0, len(points))
	for _, each := range slices.Backward(points) {
		all = append(all, object{"value": each.value, "interval": object{
			"startTime": each.start.UTC().Format(time.RFC3339Nano), "endTime": each.end.UTC().Format(time.RFC3339Nano)}})
	}
	body["points"] = all
	return body
}
