package monitoring_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	logs "google.golang.org/api/logging/v2"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

func TestALogBasedMetricCollectsADistribution(t *testing.T) {
	c := start(t)
	service, err := logs.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	metric := &logs.LogMetric{Name: "waits", Filter: `log_id("shop")`, ValueExtractor: `REGEXP_EXTRACT(textPayload, "waited (.+)")`,
		MetricDescriptor: &logs.MetricDescriptor{MetricKind: "DELTA", ValueType: "DISTRIBUTION"}}
	for what, buckets := range map[string]*logs.BucketOptions{
		"falling": {ExplicitBuckets: &logs.Explicit{Bounds: []float64{2, 1}}},
		"none":    {LinearBuckets: &logs.Linear{NumFiniteBuckets: 3}},
		"many":    {ExponentialBuckets: &logs.Exponential{NumFiniteBuckets: 300, GrowthFactor: 2, Scale: 1}},
	} {
		metric.BucketOptions = buckets
		if _, err := service.Projects.Metrics.Create(project, metric).Do(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("%s buckets: %v, want 400", what, err)
		}
	}
	metric.BucketOptions = &logs.BucketOptions{ExponentialBuckets: &logs.Exponential{NumFiniteBuckets: 3, GrowthFactor: 10, Scale: 1}}
	if _, err := service.Projects.Metrics.Create(project, metric).Do(); err != nil {
		t.Fatal(err)
	}
	var entries []*logs.LogEntry
	for _, text := range []string{"waited 0.5", "waited 1", "waited 7", "waited long", "left"} {
		entries = append(entries, &logs.LogEntry{TextPayload: text})
	}
	if _, err := service.Entries.Write(&logs.WriteLogEntriesRequest{LogName: project + "/logs/shop", Entries: entries,
		Resource: &logs.MonitoredResource{Type: "global"}}).Do(); err != nil {
		t.Fatal(err)
	}
	list, err := c.TimeSeries.List(project).Filter(`metric.type="logging.googleapis.com/user/waits"`).
		IntervalStartTime(now.Add(-time.Hour).Format(time.RFC3339)).IntervalEndTime(now.Add(time.Hour).Format(time.RFC3339)).Do()
	if err != nil || len(list.TimeSeries) != 1 || list.TimeSeries[0].ValueType != "DISTRIBUTION" {
		t.Fatalf("%+v, %v", list, err)
	}
	got := list.TimeSeries[0].Points[0].Value.DistributionValue
	if diff := cmp.Diff([]int64{1, 2}, []int64(got.BucketCounts)); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	if got.Count != 3 || math.Abs(got.Mean-17.0/6) > 1e-9 || math.Abs(got.SumOfSquaredDeviation-157.0/6) > 1e-9 ||
		got.BucketOptions.ExponentialBuckets.GrowthFactor != 10 {
		t.Errorf("%+v", got)
	}
}

// Two entries of three are counted, by a label that is taken out of each. What a metric's
// filter does not select, or was written before it, is not.
func TestALogBasedMetricCountsEntries(t *testing.T) {
	c := start(t)
	service, err := logs.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	write := func(severity, text string) {
		t.Helper()
		if _, err := service.Entries.Write(&logs.WriteLogEntriesRequest{LogName: project + "/logs/shop",
			Resource: &logs.MonitoredResource{Type: "global"},
			Entries:  []*logs.LogEntry{{Severity: severity, TextPayload: text}}}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	write("ERROR", "door 7 is open")
	metric := &logs.LogMetric{Name: "doors", Filter: `log_id("shop") AND severity>=ERROR`,
		LabelExtractors: map[string]string{"door": `REGEXP_EXTRACT(textPayload, "door (\\d+)")`, "severity": "EXTRACT(severity)"},
		MetricDescriptor: &logs.MetricDescriptor{MetricKind: "DELTA", ValueType: "INT64",
			Labels: []*logs.LabelDescriptor{{Key: "door"}, {Key: "severity"}}}}
	if _, err := service.Projects.Metrics.Create(project, metric).Do(); err != nil {
		t.Fatal(err)
	}
	write("ERROR", "door 7 is open")
	write("ERROR", "door 7 is still open")
	write("INFO", "door 8 is open")
	const filter = `metric.type="logging.googleapis.com/user/doors"`
	counted := func() map[string]int64 {
		t.Helper()
		list, err := c.TimeSeries.List(project).Filter(filter).IntervalStartTime(now.Add(-time.Hour).Format(time.RFC3339)).
			IntervalEndTime(now.Add(time.Hour).Format(time.RFC3339)).Do()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int64{}
		for _, each := range list.TimeSeries {
			for _, point := range each.Points {
				found[each.Resource.Type+" "+each.Metric.Labels["door"]+" "+each.Metric.Labels["severity"]] += *point.Value.Int64Value
			}
		}
		return found
	}
	if diff := cmp.Diff(map[string]int64{"global 7 ERROR": 2}, counted()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	described, err := c.MetricDescriptors.Get(project + "/metricDescriptors/logging.googleapis.com/user/doors").Do()
	if err != nil || described.MetricKind != "DELTA" || len(described.Labels) != 2 {
		t.Errorf("described: %+v, %v", described, err)
	}
	metric.Disabled = true
	if _, err := service.Projects.Metrics.Update(project+"/metrics/doors", metric).Do(); err != nil {
		t.Fatal(err)
	}
	write("ERROR", "door 7 is open")
	if diff := cmp.Diff(map[string]int64{"global 7 ERROR": 2}, counted()); diff != "" {
		t.Errorf("counted while it is disabled (-want +got):\n%s", diff)
	}
	if _, err := service.Projects.Metrics.Delete(project + "/metrics/doors").Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.MetricDescriptors.Get(project + "/metricDescriptors/logging.googleapis.com/user/doors").Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("described after it was deleted: %v, want a 404", err)
	}
	for _, wrong := range []string{"textPayload", `REGEXP_EXTRACT(textPayload)`, `REGEXP_EXTRACT(textPayload, "no group")`, `EXTRACT(a, "b")`} {
		metric.LabelExtractors = map[string]string{"door": wrong}
		if _, err := service.Projects.Metrics.Create(project, metric).Do(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("extractor %s: %v, want a 400", wrong, err)
		}
	}
}
