package bigquerydatatransfer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	client "google.golang.org/api/bigquerydatatransfer/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	location = "projects/demo-project/locations/us-central1"
	account  = "watch@demo-project.iam.gserviceaccount.com"
	editor   = "user:editor@example.com"
)

// query is a scheduled query.
func query(change func(*client.TransferConfig)) *client.TransferConfig {
	made := &client.TransferConfig{DisplayName: "hourly", DataSourceId: "scheduled_query", Schedule: "every 1 hours",
		Params: googleapi.RawMessage(`{"query":"SELECT 1"}`)}
	if change != nil {
		change(made)
	}
	return made
}

func TestAScheduledQueryIsMadeChangedAndDeleted(t *testing.T) {
	c := clienttest.Start(t, localcloud.Options{Grants: []resourcemanager.Grant{{Role: "roles/bigquery.admin", Member: editor}}})
	as := func(member string) *client.ProjectsLocationsTransferConfigsService {
		service, err := client.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithHTTPClient(c.As(member)))
		if err != nil {
			t.Fatal(err)
		}
		return service.Projects.Locations.TransferConfigs
	}
	owner := as("")
	made, err := owner.Create(location, query(nil)).ServiceAccountName(account).Do()
	if err != nil || made.DatasetRegion != "us-central1" || made.State != "PENDING" {
		t.Fatalf("%+v, %v", made, err)
	}
	changed, err := owner.Patch(made.Name, query(func(q *client.TransferConfig) {
		q.Params = googleapi.RawMessage(`{"query":"SELECT 2"}`)
	})).UpdateMask("params").Do()
	if err != nil || string(changed.Params) != `{"query":"SELECT 2"}` || changed.Schedule != "every 1 hours" {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	got := map[string]int{}
	for name, change := range map[string]func(*client.TransferConfig){
		"another source": func(q *client.TransferConfig) { q.DataSourceId = "amazon_s3" },
		"no name":        func(q *client.TransferConfig) { q.DisplayName = "" },
		"no query":       func(q *client.TransferConfig) { q.Params = nil },
	} {
		_, err := owner.Create(location, query(change)).Do()
		got[name] = clienttest.Code(err)
	}
	_, err = as(editor).Create(location, query(nil)).ServiceAccountName(account).Do()
	got["an account of somebody else's"] = clienttest.Code(err)
	_, err = as("user:stranger@example.com").Get(made.Name).Do()
	got["a stranger"] = clienttest.Code(err)
	_, err = owner.Delete(made.Name).Do()
	got["deleted"] = clienttest.Code(err)
	_, err = owner.Get(made.Name).Do()
	got["after that"] = clienttest.Code(err)
	want := map[string]int{"another source": 400, "no name": 400, "no query": 400, "an account of somebody else's": 403,
		"a stranger": 403, "deleted": 0, "after that": 404}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
