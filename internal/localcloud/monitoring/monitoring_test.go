package monitoring_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dashboards "google.golang.org/api/monitoring/v1"
	client "google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
	"github.com/iapguard/iapguard/internal/localcloud/pubsub"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	project = "projects/demo-project"
	viewer  = "user:viewer@example.com"
)

var now = time.Date(2026, 3, 4, 5, 6, 30, 0, time.UTC)

type cloud struct {
	clienttest.Cloud
	*client.ProjectsService
}

func start(t *testing.T) cloud {
	t.Helper()
	c := clienttest.Start(t, localcloud.Options{Clock: func() time.Time { return now },
		Grants: []resourcemanager.Grant{{Role: "roles/monitoring.viewer", Member: viewer}}})
	return cloud{c, as(t, c, "")}
}

func as(t *testing.T, c clienttest.Cloud, member string) *client.ProjectsService {
	t.Helper()
	service, err := client.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithHTTPClient(c.As(member)))
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects
}

// policy notifies a channel when a metric is above nothing.
func policy(channel string) *client.AlertPolicy {
	return &client.AlertPolicy{DisplayName: "open", Combiner: "OR", NotificationChannels: []string{channel},
		Conditions: []*client.Condition{{DisplayName: "c", ConditionThreshold: &client.MetricThreshold{
			Filter: `metric.type="run.googleapis.com/request_count"`, Comparison: "COMPARISON_GT", Duration: "0s"}}}}
}

func TestAPolicyNotifiesAChannel(t *testing.T) {
	c := start(t)
	channel, err := c.NotificationChannels.Create(project, &client.NotificationChannel{Type: "email", DisplayName: "us",
		Labels: map[string]string{"email_address": "a@example.com"}}).Do()
	if err != nil || !strings.HasPrefix(channel.Name, project+"/notificationChannels/") || !channel.Enabled {
		t.Fatalf("channel: %+v, %v", channel, err)
	}
	made, err := c.AlertPolicies.Create(project, policy(channel.Name)).Do()
	if err != nil || made.CreationRecord.MutatedBy != "owner@example.com" || !made.Enabled ||
		!strings.HasPrefix(made.Conditions[0].Name, made.Name+"/conditions/") {
		t.Fatalf("policy: %+v, %v", made, err)
	}
	changed, err := c.AlertPolicies.Patch(made.Name, &client.AlertPolicy{DisplayName: "shut"}).UpdateMask("display_name").Do()
	if err != nil || changed.DisplayName != "shut" || changed.Conditions[0].Name != made.Conditions[0].Name {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	if _, err := c.NotificationChannels.Delete(channel.Name).Do(); clienttest.Code(err) != http.StatusBadRequest {
		t.Errorf("deleting a channel in use: %v, want a 400", err)
	}
	if _, err := c.NotificationChannels.Delete(channel.Name).Force(true).Do(); err != nil {
		t.Fatal(err)
	}
	if list, err := c.AlertPolicies.List(project).Do(); err != nil || len(list.AlertPolicies) != 1 ||
		len(list.AlertPolicies[0].NotificationChannels) != 0 {
		t.Errorf("policies: %+v, %v; want one that notifies nobody", list, err)
	}
}

func TestADashboardIsReplaced(t *testing.T) {
	c := start(t)
	service, err := dashboards.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithHTTPClient(c.As("")))
	if err != nil {
		t.Fatal(err)
	}
	api := service.Projects.Dashboards
	widgets := &dashboards.GridLayout{Widgets: []*dashboards.Widget{{Title: "w", Text: &dashboards.Text{Content: "x"}}}}
	made, err := api.Create(project, &dashboards.Dashboard{DisplayName: "d", GridLayout: widgets,
		Labels: map[string]string{"a": ""}}).Do()
	if err != nil || !strings.HasPrefix(made.Name, "projects/123456789012/dashboards/") {
		t.Fatalf("dashboard: %+v, %v", made, err)
	}
	replaced, err := api.Patch(made.Name, &dashboards.Dashboard{Etag: made.Etag, DisplayName: "e",
		GridLayout: widgets}).Do()
	if err != nil || replaced.DisplayName != "e" || replaced.Labels != nil {
		t.Errorf("replaced: %+v, %v; want no labels", replaced, err)
	}
	if _, err := api.Patch(made.Name, &dashboards.Dashboard{Etag: made.Etag, DisplayName: "f",
		GridLayout: widgets}).Do(); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("with an etag of before: %v, want a 409", err)
	}
	if _, err := api.Create(project, &dashboards.Dashboard{Name: project + "/dashboards/mine", DisplayName: "d",
		GridLayout: widgets}).Do(); err != nil {
		t.Error(err)
	}
	if list, err := api.List(project).Do(); err != nil || len(list.Dashboards) != 2 {
		t.Errorf("dashboards: %+v, %v", list, err)
	}
}

// list answers the values of all series that a filter selects, by response code class.
func list(t *testing.T, c cloud, change func(*client.ProjectsTimeSeriesListCall)) map[string][]int64 {
	t.Helper()
	call := c.TimeSeries.List(project).IntervalStartTime(now.Add(-time.Hour).Format(time.RFC3339)).
		IntervalEndTime(now.Format(time.RFC3339)).Filter(`metric.type = "run.googleapis.com/request_count"`)
	change(call)
	found, err := call.Do()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]int64{}
	for _, series := range found.TimeSeries {
		key := series.Metric.Labels["response_code_class"] + " " + series.Resource.Labels["service_name"]
		for _, point := range series.Points {
			values[key] = append(values[key], *point.Value.Int64Value)
		}
	}
	return values
}

func TestRequestsToCloudRunAreCounted(t *testing.T) {
	c := start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		c.URL+"/v2/projects/demo-project/locations/us-central1/services?serviceId=shop",
		strings.NewReader(`{"template": {"containers": [{"image": "i"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("creating a service: %v, %v", answer, err)
	}
	answer.Body.Close()
	deadline := time.Now().Add(10 * time.Second)
	for get(c) != http.StatusForbidden && time.Now().Before(deadline) { // 404 until it is ready
		time.Sleep(5 * time.Millisecond)
	}
	for range 2 {
		get(c)
	}
	if diff := cmp.Diff(map[string][]int64{"4xx shop": {3}}, list(t, c, func(call *client.ProjectsTimeSeriesListCall) {})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for filter, want := range map[string]int{
		`metric.label.response_code = "403"`: 1, `metric.labels.response_code_class = one_of("2xx", "5xx")`: 0,
		`resource.labels.service_name = starts_with("sh")`: 1, `resource.type = "gce_instance"`: 0,
		`NOT metric.label.response_code = monitoring.regex.full_match("4.*")`: 0,
	} {
		got := list(t, c, func(call *client.ProjectsTimeSeriesListCall) {
			call.Filter(`metric.type = "run.googleapis.com/request_count" AND ` + filter)
		})
		if len(got) != want {
			t.Errorf("%s: %v, want %d series", filter, got, want)
		}
	}
	summed := list(t, c, func(call *client.ProjectsTimeSeriesListCall) {
		call.AggregationAlignmentPeriod("3600s").AggregationPerSeriesAligner("ALIGN_SUM").
			AggregationCrossSeriesReducer("REDUCE_SUM").AggregationGroupByFields("resource.labels.service_name")
	})
	if diff := cmp.Diff(map[string][]int64{" shop": {3}}, summed); diff != "" {
		t.Errorf("summed (-want +got):\n%s", diff)
	}
}

// get asks the data plane for the service.
func get(c cloud) int {
	r := httptest.NewRequest(http.MethodGet, "https://shop-123456789012.us-central1.run.app/", nil)
	w := httptest.NewRecorder()
	c.DataPlane().ServeHTTP(w, r)
	return w.Code
}

// series is one point of a custom metric.
func series(metric string, at time.Time, value float64) *client.CreateTimeSeriesRequest {
	return &client.CreateTimeSeriesRequest{TimeSeries: []*client.TimeSeries{{Metric: &client.Metric{Type: metric},
		Points: []*client.Point{{Interval: &client.TimeInterval{EndTime: at.Format(time.RFC3339)},
			Value: &client.TypedValue{DoubleValue: &value}}}}}}
}

func TestAClientWritesItsOwnMetric(t *testing.T) {
	c := start(t)
	const metric = "custom.googleapis.com/shop/visitors"
	for i, value := range []float64{1.5, 4.5} {
		at := now.Add(time.Duration(i-10) * time.Minute)
		if _, err := c.TimeSeries.Create(project, series(metric, at, value)).Do(); err != nil {
			t.Fatal(err)
		}
	}
	described, err := c.MetricDescriptors.Get(project + "/metricDescriptors/" + metric).Do()
	if err != nil || described.MetricKind != "GAUGE" || described.ValueType != "DOUBLE" {
		t.Errorf("descriptor: %+v, %v", described, err)
	}
	found, err := c.TimeSeries.List(project).Filter(`metric.type = "` + metric + `"`).IntervalEndTime(now.Format(time.RFC3339)).
		IntervalStartTime(now.Add(-time.Hour).Format(time.RFC3339)).AggregationAlignmentPeriod("3600s").
		AggregationPerSeriesAligner("ALIGN_MEAN").Do()
	if err != nil || len(found.TimeSeries) != 1 || *found.TimeSeries[0].Points[0].Value.DoubleValue != 3 {
		t.Errorf("mean: %+v, %v; want 3", found, err)
	}
	if _, err := c.MetricDescriptors.Delete(project + "/metricDescriptors/" + metric).Do(); err != nil {
		t.Error(err)
	}
	if all, err := c.MetricDescriptors.List(project).Do(); err != nil || len(all.MetricDescriptors) != 6 {
		t.Errorf("descriptors: %+v, %v; want those of Cloud Run, load balancers and subscriptions", all, err)
	}
}

func TestWhatMonitoringRefuses(t *testing.T) {
	c := start(t)
	reader := as(t, c.Cloud, viewer)
	create := func(policy *client.AlertPolicy) error {
		_, err := c.AlertPolicies.Create(project, policy).Do()
		return err
	}
	write := func(api *client.ProjectsService, metric string, value float64) error {
		_, err := api.TimeSeries.Create(project, series(metric, now, value)).Do()
		return err
	}
	if err := write(c.ProjectsService, "custom.googleapis.com/a", 1); err != nil {
		t.Fatal(err)
	}
	query := func(filter, aligner string) error {
		_, err := c.TimeSeries.List(project).Filter(filter).IntervalEndTime(now.Format(time.RFC3339)).
			AggregationPerSeriesAligner(aligner).AggregationAlignmentPeriod("60s").Do()
		return err
	}
	none := policy(project + "/notificationChannels/1")
	two := policy("")
	two.NotificationChannels = nil
	two.Conditions[0].ConditionAbsent = &client.MetricAbsence{Filter: "x", Duration: "60s"}
	matched := policy("")
	matched.NotificationChannels = nil
	matched.Conditions[0] = &client.Condition{ConditionMatchedLog: &client.LogMatch{Filter: "severity>=ERROR"}}
	for i, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"a policy without anything", create(&client.AlertPolicy{}), 400}, {"a missing channel", create(none), 404},
		{"a condition of two kinds", create(two), 400}, {"a log match without a limit", create(matched), 400},
		{"Google's metric", write(c.ProjectsService, "run.googleapis.com/request_count", 1), 400},
		{"a point that is not later", write(c.ProjectsService, "custom.googleapis.com/a", 2), 400},
		{"a reader", write(reader, "custom.googleapis.com/b", 1), 403},
		{"no filter", query("", "ALIGN_NONE"), 400}, {"a filter that cannot be read", query("metric.type = ", "ALIGN_NONE"), 400},
		{"an aligner", query(`metric.type = "a"`, "ALIGN_PERCENTILE_99"), 400},
	} {
		if clienttest.Code(tc.err) != tc.want {
			t.Errorf("%d %s: %v, want a %d", i, tc.name, tc.err, tc.want)
		}
	}
	if list, err := reader.AlertPolicies.List(project).Do(); err != nil || len(list.AlertPolicies) != 0 {
		t.Errorf("after that: %v, %v", fmt.Sprint(list), err)
	}
}

// waiting is a Pub/Sub whose backlogs are given.
type waiting struct {
	pubsub.Broker
	backlogs []inprocess.Backlog
}

func (w *waiting) Backlogs() []inprocess.Backlog                      { return w.backlogs }
func (w *waiting) Rows(func(delivery.Export, delivery.Attempt) error) {}
func (w *waiting) Reset()                                             {}
func (w *waiting) Address() string                                    { return "" }

func TestBacklogsOfSubscriptionsAreMeasured(t *testing.T) {
	broker := &waiting{backlogs: []inprocess.Backlog{
		{Subscription: project + "/subscriptions/work", Messages: 3, Oldest: 90*time.Second + time.Millisecond},
		{Subscription: project + "/subscriptions/idle"},
		{Subscription: "projects/other/subscriptions/work", Messages: 9, Oldest: time.Hour}}}
	c := clienttest.Start(t, localcloud.Options{Clock: func() time.Time { return now }, PubSub: broker})
	service := as(t, c, "")
	ask := func(metric, more string) map[string]int64 {
		t.Helper()
		list, err := service.TimeSeries.List(project).
			Filter(`metric.type = "pubsub.googleapis.com/subscription/` + metric + `"` + more).
			IntervalStartTime(now.Add(-10 * time.Minute).Format(time.RFC3339)).IntervalEndTime(now.Format(time.RFC3339)).Do()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, each := range list.TimeSeries {
			if each.Resource.Type != "pubsub_subscription" || each.MetricKind != "GAUGE" || len(each.Points) != 1 {
				t.Errorf("%+v", each)
			}
			got[each.Resource.Labels["subscription_id"]] = *each.Points[0].Value.Int64Value
		}
		return got
	}
	if diff := cmp.Diff(map[string]int64{"work": 90, "idle": 0}, ask("oldest_unacked_message_age", "")); diff != "" {
		t.Errorf("ages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"work": 3}, ask("num_undelivered_messages",
		` AND resource.labels.subscription_id = one_of("work", "none")`)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	broker.backlogs = nil
	if got := ask("num_undelivered_messages", ""); len(got) != 0 {
		t.Errorf("after they were deleted: %v", got)
	}
}
