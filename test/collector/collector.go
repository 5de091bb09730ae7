// Package collector takes what OpenTelemetry exports over HTTP, for tests to look
// at.
package collector

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a running collector.
type Collector struct {
	// URL is what OTEL_EXPORTER_OTLP_ENDPOINT is set to.
	URL string

	t      *testing.T
	mu     sync.Mutex
	spans  []Span
	points []Point
	bodies []string
}

// Span is a span that was exported.
type Span struct {
	Name, Trace, ID, Parent string
	Links                   []string // traces
	Attributes              map[string]string
	Failed                  bool
}

// Point is a point of a metric that was exported.
type Point struct {
	Metric     string
	Attributes map[string]string
	Count      int64 // of a counter, or of a histogram's values
}

// Start starts a collector that ends with its test.
func Start(t *testing.T) *Collector {
	t.Helper()
	c := &Collector{t: t}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP takes an export.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			c.t.Errorf("unpacking an export: %v", err)
			return
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	if err != nil {
		c.t.Errorf("reading an export: %v", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(text))
	switch r.URL.Path {
	case "/v1/traces":
		var request tracepb.ExportTraceServiceRequest
		err = proto.Unmarshal(text, &request)
		c.keepSpans(&request)
	case "/v1/metrics":
		var request metricspb.ExportMetricsServiceRequest
		err = proto.Unmarshal(text, &request)
		c.keepPoints(&request)
	default:
		c.t.Errorf("something is exported to %s", r.URL.Path)
	}
	if err != nil {
		c.t.Errorf("decoding an export to %s: %v", r.URL.Path, err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) keepSpans(request *tracepb.ExportTraceServiceRequest) {
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				kept := Span{
					Name: span.GetName(), Trace: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()),
					Parent: hex.EncodeToString(span.GetParentSpanId()), Attributes: words(span.GetAttributes()),
					Failed: span.GetStatus().GetCode() == 2,
				}
				for _, link := range span.GetLinks() {
					kept.Links = append(kept.Links, hex.EncodeToString(link.GetTraceId()))
				}
				c.spans = append(c.spans, kept)
			}
		}
	}
}

func (c *Collector) keepPoints(request *metricspb.ExportMetricsServiceRequest) {
	for _, resource := range request.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				for _, point := range metric.GetSum().GetDataPoints() {
					c.points = append(c.points, Point{metric.GetName(), words(point.GetAttributes()), point.GetAsInt()})
				}
				for _, point := range metric.GetHistogram().GetDataPoints() {
					c.points = append(c.points, Point{metric.GetName(), words(point.GetAttributes()), int64(point.GetCount())})
				}
			}
		}
	}
}

func words(attributes []*commonpb.KeyValue) map[string]string {
	values := map[string]string{}
	for _, each := range attributes {
		value := each.GetValue().GetStringValue()
		if value == "" {
			value = each.GetValue().String()
		}
		values[each.GetKey()] = value
	}
	return values
}

// Spans are all spans so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Points are all points so far, oldest first.
func (c *Collector) Points() []Point {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.points)
}

// Bodies are all exports so far, as they came.
func (c *Collector) Bodies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bodies)
}
