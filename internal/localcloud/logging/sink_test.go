package logging_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	manager "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"
	client "google.golang.org/api/logging/v2"
	monitoring "google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	ours         = "projects/demo-project"
	organization = "organizations/987654321098"
	reader       = "user:reader@example.com"
)

// routed is a local cloud and what its sinks published, by topic.
type routed struct {
	clienttest.Cloud
	mu  sync.Mutex
	got map[string]int
}

func startRouted(t *testing.T) (*routed, *client.Service) {
	t.Helper()
	r := &routed{got: map[string]int{}}
	r.Cloud = clienttest.Start(t, localcloud.Options{
		Grants: []resourcemanager.Grant{{Role: "roles/logging.viewer", Member: reader}},
		Publish: func(_ context.Context, topic string, _ []byte, _ map[string]string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.got[topic[strings.LastIndexByte(topic, '/')+1:]]++
			return nil
		}})
	return r, r.as(t, "")
}

func (r *routed) as(t *testing.T, member string) *client.Service {
	t.Helper()
	service, err := client.NewService(t.Context(), option.WithEndpoint(r.URL), option.WithHTTPClient(r.As(member)))
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func sinkTo(topic string, children bool) *client.LogSink {
	return &client.LogSink{Name: topic, Destination: "pubsub.googleapis.com/" + ours + "/topics/" + topic,
		Filter: `log_id("tour")`, IncludeChildren: children}
}

// folderWithProject makes a folder, and moves the project into it.
func folderWithProject(t *testing.T, r *routed) (with, without string) {
	t.Helper()
	service, err := manager.NewService(t.Context(), option.WithEndpoint(r.URL), option.WithHTTPClient(r.As("")))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"with", "without"} {
		if _, err := service.Folders.Create(&manager.Folder{Parent: organization, DisplayName: name}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	list, err := service.Folders.List().Parent(organization).Do()
	if err != nil || len(list.Folders) != 2 {
		t.Fatalf("folders: %+v, %v", list, err)
	}
	for _, folder := range list.Folders {
		if folder.DisplayName == "with" {
			with = folder.Name
		} else {
			without = folder.Name
		}
	}
	if _, err := service.Projects.Move(ours, &manager.MoveProjectRequest{DestinationParent: with}).Do(); err != nil {
		t.Fatal(err)
	}
	return with, without
}

func TestASinkAboveTheProjectSeesItsEntries(t *testing.T) {
	r, api := startRouted(t)
	with, without := folderWithProject(t, r)
	writers := map[string]string{}
	made := func(sink *client.LogSink, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		writers[sink.Name] = sink.WriterIdentity
	}
	made(api.Projects.Sinks.Create(ours, sinkTo("project", false)).UniqueWriterIdentity(true).Do())
	made(api.Projects.Sinks.Create(ours, sinkTo("shared", false)).Do())
	made(api.Folders.Sinks.Create(with, sinkTo("folder", true)).Do())
	made(api.Folders.Sinks.Create(without, sinkTo("another-folder", true)).Do())
	made(api.Organizations.Sinks.Create(organization, sinkTo("organization", true)).Do())
	made(api.Organizations.Sinks.Create(organization, sinkTo("itself", false)).Do())
	id := func(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
	const domain = "@gcp-sa-logging.iam.gserviceaccount.com"
	if diff := cmp.Diff(map[string]string{
		"project": "serviceAccount:service-123456789012" + domain, "shared": "serviceAccount:cloud-logs@system.gserviceaccount.com",
		"folder":         "serviceAccount:service-folder-" + id(with) + domain,
		"another-folder": "serviceAccount:service-folder-" + id(without) + domain,
		"organization":   "serviceAccount:service-org-987654321098" + domain,
		"itself":         "serviceAccount:service-org-987654321098" + domain,
	}, writers); diff != "" {
		t.Errorf("writers (-want +got):\n%s", diff)
	}
	write := func() {
		t.Helper()
		r.got = map[string]int{}
		if _, err := api.Entries.Write(&client.WriteLogEntriesRequest{LogName: ours + "/logs/tour",
			Resource: &client.MonitoredResource{Type: "global"}, Entries: []*client.LogEntry{{TextPayload: "x"}}}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if diff := cmp.Diff(map[string]int{"project": 1, "shared": 1, "folder": 1, "organization": 1}, r.got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	intercepting := sinkTo("folder", true)
	intercepting.InterceptChildren = true
	changed, err := api.Folders.Sinks.Patch(with+"/sinks/folder", intercepting).UpdateMask("interceptChildren").Do()
	if err != nil || !changed.InterceptChildren || changed.Filter == "" {
		t.Fatalf("changed: %+v, %v", changed, err)
	}
	write()
	if diff := cmp.Diff(map[string]int{"folder": 1, "organization": 1}, r.got); diff != "" {
		t.Errorf("published when the folder intercepts (-want +got):\n%s", diff)
	}
	if list, err := api.Organizations.Sinks.List(organization).Do(); err != nil || len(list.Sinks) != 2 ||
		list.Sinks[0].ResourceName != organization+"/sinks/itself" {
		t.Errorf("the organization's sinks: %+v, %v", list, err)
	}
}

// An organization's sink routes the entries of one project into the log of another, which
// lists them and whose metric counts them. A metric of a third project counts neither.
func TestASinkRoutesEntriesIntoAProjectsLog(t *testing.T) {
	r, api := startRouted(t)
	projects, err := manager.NewService(t.Context(), option.WithEndpoint(r.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	metric := &client.LogMetric{Name: "tour", Filter: `log_id("tour")`}
	for _, id := range []string{"guard-1", "shop-1"} {
		if _, err := projects.Projects.Create(&manager.Project{ProjectId: id}).Do(); err != nil {
			t.Fatal(err)
		}
		if _, err := api.Projects.Metrics.Create("projects/"+id, metric).Do(); err != nil {
			t.Fatal(err)
		}
	}
	sink := sinkTo("tour", true)
	sink.Destination = "logging.googleapis.com/projects/guard-1"
	if _, err := api.Organizations.Sinks.Create(organization, sink).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Entries.Write(&client.WriteLogEntriesRequest{LogName: ours + "/logs/tour",
		Resource: &client.MonitoredResource{Type: "global"}, Entries: []*client.LogEntry{{TextPayload: "x"}}}).Do(); err != nil {
		t.Fatal(err)
	}
	series, err := monitoring.NewService(t.Context(), option.WithEndpoint(r.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	got := map[string][2]int{} // entries and time series
	for _, id := range []string{"demo-project", "guard-1", "shop-1"} {
		list, err := api.Entries.List(&client.ListLogEntriesRequest{ResourceNames: []string{"projects/" + id},
			Filter: `log_id("tour")`}).Do()
		if err != nil {
			t.Fatal(err)
		}
		counted, err := series.Projects.TimeSeries.List("projects/" + id).
			Filter(`metric.type="logging.googleapis.com/user/tour"`).IntervalStartTime(now.Add(-time.Hour).Format(time.RFC3339)).
			IntervalEndTime(now.Add(time.Hour).Format(time.RFC3339)).Do()
		if err != nil {
			t.Fatal(err)
		}
		got[id] = [2]int{len(list.Entries), len(counted.TimeSeries)}
	}
	if diff := cmp.Diff(map[string][2]int{"demo-project": {1, 0}, "guard-1": {1, 1}, "shop-1": {0, 0}}, got); diff != "" {
		t.Errorf("entries and series (-want +got):\n%s", diff)
	}
	response, err := http.Get(r.URL + "/_local/state")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var state struct {
		Logging map[string]struct{ Delivered int }
	}
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil || state.Logging[organization+"/sinks/tour"].Delivered != 1 {
		t.Errorf("the sink: %+v, %v; want one entry delivered", state.Logging, err)
	}
}

func TestASinkIsUpdatedAsItsMaskSays(t *testing.T) {
	r, api := startRouted(t)
	sink := sinkTo("tour", false)
	sink.Description = "before"
	sink.Exclusions = []*client.LogExclusion{{Name: "none", Filter: `severity<ERROR`}}
	if _, err := api.Projects.Sinks.Create(ours, sink).Do(); err != nil {
		t.Fatal(err)
	}
	sink.Description, sink.Filter, sink.Exclusions = "after", `log_id("other")`, nil
	changed, err := api.Projects.Sinks.Update(ours+"/sinks/tour", sink).UniqueWriterIdentity(true).Do()
	if err != nil || changed.Description != "before" || changed.Filter != sink.Filter || len(changed.Exclusions) != 1 ||
		!strings.Contains(changed.WriterIdentity, "service-123456789012@") {
		t.Errorf("without a mask: %+v, %v; want filter and writer changed, nothing else", changed, err)
	}
	changed, err = api.Projects.Sinks.Update(ours+"/sinks/tour", sink).UpdateMask("exclusions,description").Do()
	if err != nil || changed.Description != "after" || changed.Exclusions != nil ||
		!strings.Contains(changed.WriterIdentity, "service-123456789012@") {
		t.Errorf("with one: %+v, %v", changed, err)
	}
	if list, err := r.as(t, reader).Projects.Sinks.List(ours).Do(); err != nil || len(list.Sinks) != 1 {
		t.Errorf("a viewer lists %+v, %v", list, err)
	}
}

func TestAMetricIsReplaced(t *testing.T) {
	_, api := startRouted(t)
	metric := &client.LogMetric{Name: "spread", Filter: "severity>=ERROR", ValueExtractor: "EXTRACT(jsonPayload.n)",
		Description: "d", MetricDescriptor: &client.MetricDescriptor{ValueType: "DISTRIBUTION"}}
	made, err := api.Projects.Metrics.Create(ours, metric).Do()
	if err != nil || made.MetricDescriptor.Type != "logging.googleapis.com/user/spread" || made.MetricDescriptor.MetricKind != "DELTA" ||
		made.ResourceName != ours+"/metrics/spread" {
		t.Fatalf("%+v, %v", made, err)
	}
	changed, err := api.Projects.Metrics.Update(ours+"/metrics/spread", &client.LogMetric{Name: "spread", Filter: "severity>=INFO"}).Do()
	if err != nil || changed.Description != "" || changed.MetricDescriptor.ValueType != "INT64" || changed.CreateTime != made.CreateTime {
		t.Errorf("%+v, %v; want a counter without description", changed, err)
	}
}

func TestAMetricsNameMayHoldSlashes(t *testing.T) {
	r, api := startRouted(t)
	made, err := api.Projects.Metrics.Create(ours, &client.LogMetric{Name: "shop/errors", Filter: "severity>=ERROR"}).Do()
	if err != nil || made.Name != "shop/errors" || made.MetricDescriptor.Type != "logging.googleapis.com/user/shop/errors" {
		t.Fatalf("made: %+v, %v", made, err)
	}
	answer, err := http.Get(r.URL + "/v2/" + ours + "/metrics/shop%2Ferrors") // as gcloud writes it
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("read: %+v, %v", answer, err)
	}
	answer.Body.Close()
	if all, err := api.Projects.Metrics.List(ours).Do(); err != nil || len(all.Metrics) != 1 {
		t.Errorf("listed: %+v, %v", all, err)
	}
	if _, err := api.Projects.Metrics.Delete(ours + "/metrics/shop/errors").Do(); err != nil {
		t.Error(err)
	}
}

func TestWhatSinksAndMetricsRefuse(t *testing.T) {
	r, api := startRouted(t)
	viewed := r.as(t, reader)
	sink := func(change func(*client.LogSink)) error {
		bad := sinkTo("tour", false)
		change(bad)
		_, err := api.Projects.Sinks.Create(ours, bad).Do()
		return err
	}
	metric := func(metric *client.LogMetric) error {
		_, err := api.Projects.Metrics.Create(ours, metric).Do()
		return err
	}
	_, denied := viewed.Projects.Sinks.Create(ours, sinkTo("tour", false)).Do()
	_, above := viewed.Organizations.Sinks.List(organization).Do()
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"a viewer", denied, 403}, {"a project's viewer above it", above, 403},
		{"an exclusion without a filter", sink(func(s *client.LogSink) { s.Exclusions = []*client.LogExclusion{{Name: "a"}} }), 400},
		{"an exclusion that cannot be read", sink(func(s *client.LogSink) {
			s.Exclusions = []*client.LogExclusion{{Name: "a", Filter: "severity>="}}
		}), 400},
		{"a long filter", sink(func(s *client.LogSink) { s.Filter = strings.Repeat("a", 20_001) }), 400},
		{"a metric without a filter", metric(&client.LogMetric{Name: "a"}), 400},
		{"a distribution without values", metric(&client.LogMetric{Name: "a", Filter: "x",
			MetricDescriptor: &client.MetricDescriptor{ValueType: "DISTRIBUTION"}}), 400},
	} {
		var answer *googleapi.Error
		if !errors.As(tc.err, &answer) || answer.Code != tc.want {
			t.Errorf("%s: %v, want a %d", tc.name, tc.err, tc.want)
		}
	}
	list, err := api.Projects.Sinks.List(ours).Do()
	if err != nil || len(list.Sinks) != 0 {
		t.Errorf("after that: %+v, %v", list, err)
	}
}

// The folder is not above the project, so no entry of the project reaches its sink.
func TestPolicyChangesAreLoggedWhereTheyAreMade(t *testing.T) {
	r, api := startRouted(t)
	_, without := folderWithProject(t, r)
	service, err := manager.NewService(t.Context(), option.WithEndpoint(r.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	for parent, sink := range map[string]*client.LogSink{
		ours: sinkTo("project", false), without: sinkTo("folder", false), organization: sinkTo("organization", true),
	} {
		sink.Filter = `protoPayload.methodName="SetIamPolicy"`
		var err error
		switch parent {
		case ours:
			_, err = api.Projects.Sinks.Create(parent, sink).Do()
		case without:
			_, err = api.Folders.Sinks.Create(parent, sink).Do()
		default:
			_, err = api.Organizations.Sinks.Create(parent, sink).Do()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	asked := &manager.SetIamPolicyRequest{Policy: &manager.Policy{Bindings: []*manager.Binding{
		{Role: "roles/owner", Members: []string{"user:owner@example.com"}},
		{Role: "roles/browser", Members: []string{reader}}}}}
	for _, tc := range []struct {
		name, label, kind string
		set               func() error
		published         map[string]int
	}{
		{without, "folder_id", "Folder",
			func() error { _, err := service.Folders.SetIamPolicy(without, asked).Do(); return err },
			map[string]int{"folder": 1, "organization": 1}},
		{organization, "organization_id", "Organization",
			func() error { _, err := service.Organizations.SetIamPolicy(organization, asked).Do(); return err },
			map[string]int{"organization": 1}},
		{ours, "project_id", "Project",
			func() error { _, err := service.Projects.SetIamPolicy(ours, asked).Do(); return err },
			map[string]int{"project": 1, "organization": 1}},
	} {
		r.got = map[string]int{}
		if err := tc.set(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.published, r.got); diff != "" {
			t.Errorf("%s: published (-want +got):\n%s", tc.name, diff)
		}
		found, err := api.Entries.List(&client.ListLogEntriesRequest{ResourceNames: []string{tc.name},
			Filter: `log_id("cloudaudit.googleapis.com/activity") AND protoPayload.resourceName="` + tc.name +
				`" AND resource.labels.` + tc.label + `="` + tc.name[strings.LastIndexByte(tc.name, '/')+1:] +
				`" AND protoPayload.authorizationInfo.resourceAttributes.type="cloudresourcemanager.googleapis.com/` + tc.kind + `"`}).Do()
		if err != nil || len(found.Entries) != 1 || found.Entries[0].Resource.Type != strings.ToLower(tc.kind) {
			t.Errorf("%s: logged %+v, %v, want one entry of it", tc.name, found, err)
		}
		if _, err := api.Entries.List(&client.ListLogEntriesRequest{ResourceNames: []string{"folders/1"}}).Do(); err == nil {
			t.Error("the log of a folder that is not there was read")
		}
	}
}
