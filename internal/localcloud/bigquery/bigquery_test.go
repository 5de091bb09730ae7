package bigquery_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	client "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

const (
	project = "demo-project"
	reader  = "user:reader@example.com"
	writer  = "user:writer@example.com"
)

func start(t *testing.T) (c clienttest.Cloud, owner *client.Service) {
	t.Helper()
	c = clienttest.Start(t, localcloud.Options{})
	owner = as(t, c, "")
	if _, err := owner.Datasets.Insert(project, &client.Dataset{Location: "us-central1",
		DatasetReference: &client.DatasetReference{DatasetId: "reports"}}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Tables.Insert(project, "reports", table("rows")).Do(); err != nil {
		t.Fatal(err)
	}
	return c, owner
}

func as(t *testing.T, c clienttest.Cloud, member string) *client.Service {
	t.Helper()
	service, err := client.NewService(t.Context(), option.WithEndpoint(c.URL+"/bigquery/v2/"),
		option.WithHTTPClient(c.As(member)))
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func table(id string) *client.Table {
	return &client.Table{TableReference: &client.TableReference{TableId: id}, Schema: &client.TableSchema{
		Fields: []*client.TableFieldSchema{
			{Name: "outcome", Type: "STRING", Mode: "REQUIRED"}, {Name: "at", Type: "TIMESTAMP"}, {Name: "count", Type: "INTEGER"},
			{Name: "tags", Type: "STRING", Mode: "REPEATED"},
			{Name: "service", Type: "RECORD", Fields: []*client.TableFieldSchema{{Name: "name", Type: "STRING"}}},
		}}}
}

func insert(service *client.Service, rows ...string) (*client.TableDataInsertAllResponse, error) {
	request := &client.TableDataInsertAllRequest{}
	for _, text := range rows {
		row := map[string]client.JsonValue{}
		if err := json.Unmarshal([]byte(text), &row); err != nil {
			return nil, err
		}
		request.Rows = append(request.Rows, &client.TableDataInsertAllRequestRows{Json: row})
	}
	return service.Tabledata.InsertAll(project, "reports", "rows", request).Do()
}

func TestRowsAreStreamedInAndListed(t *testing.T) {
	_, api := start(t)
	answer, err := insert(api, `{"outcome": "open", "AT": "2026-01-02T03:04:05Z", "count": "3", "tags": ["a", "b"],
		"service": {"name": "shop"}}`, `{"outcome": "shut"}`)
	if err != nil || len(answer.InsertErrors) != 0 {
		t.Fatalf("%+v, %v", answer, err)
	}
	list, err := api.Tabledata.List(project, "reports", "rows").MaxResults(1).Do()
	if err != nil || list.TotalRows != 2 || list.PageToken == "" || len(list.Rows) != 1 {
		t.Fatalf("%+v, %v; want one of two rows", list, err)
	}
	got, err := json.Marshal(list.Rows[0])
	want := `{"f":[{"v":"open"},{"v":"1.767323045E+09"},{"v":"3"},{"v":[{"v":"a"},{"v":"b"}]},{"v":{"f":[{"v":"shop"}]}}]}`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for row, want := range map[string]string{
		`{"count": 1}`: "Missing required field: outcome.", `{"outcome": "a", "colour": 1}`: "no such field: colour.",
		`{"outcome": ["a"]}`:                  "Array specified for non-repeated field: outcome.",
		`{"outcome": "a", "count": "b"}`:      "Cannot convert value to integer (bad value): b at count",
		`{"outcome": "a", "service": "shop"}`: "This field: service is not a record.",
	} {
		answer, err := insert(api, row, `{"outcome": "good"}`)
		if err != nil || len(answer.InsertErrors) != 2 || answer.InsertErrors[0].Errors[0].Message != want ||
			answer.InsertErrors[1].Errors[0].Reason != "stopped" {
			t.Errorf("%s: %+v, %v; want %q, and the other row stopped", row, answer, err, want)
		}
	}
	if shown, err := api.Tables.Get(project, "reports", "rows").Do(); err != nil || shown.NumRows != 2 ||
		shown.Location != "us-central1" || shown.Id != "demo-project:reports.rows" {
		t.Errorf("table: %+v, %v; want two rows", shown, err)
	}
}

func TestAccessToADatasetAndATable(t *testing.T) {
	c, api := start(t)
	dataset, err := api.Datasets.Get(project, "reports").Do()
	if err != nil || len(dataset.Access) != 4 {
		t.Fatalf("dataset: %+v, %v; want the access of a new one", dataset, err)
	}
	if _, err := as(t, c, reader).Tables.Get(project, "reports", "rows").Do(); clienttest.Code(err) != 403 {
		t.Errorf("before: %v, want a 403", err)
	}
	access := append(dataset.Access, &client.DatasetAccess{Role: "READER", UserByEmail: "reader@example.com"})
	if _, err := api.Datasets.Patch(project, "reports", &client.Dataset{Access: access}).Do(); err != nil {
		t.Fatal(err)
	}
	resource := "projects/demo-project/datasets/reports/tables/rows"
	if _, err := api.Tables.SetIamPolicy(resource, &client.SetIamPolicyRequest{Policy: &client.Policy{
		Bindings: []*client.Binding{{Role: "roles/bigquery.dataEditor", Members: []string{writer}}}}}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := as(t, c, reader).Tabledata.List(project, "reports", "rows").Do(); err != nil {
		t.Errorf("a reader: %v", err)
	}
	if _, err := insert(as(t, c, reader), `{"outcome": "a"}`); clienttest.Code(err) != 403 {
		t.Errorf("a reader writes: %v, want a 403", err)
	}
	if _, err := insert(as(t, c, writer), `{"outcome": "a"}`); err != nil {
		t.Errorf("a writer: %v", err)
	}
}

func TestViewsAndDatasetsThatHoldThem(t *testing.T) {
	_, api := start(t)
	view := &client.Table{TableReference: &client.TableReference{TableId: "open"},
		View: &client.ViewDefinition{Query: "SELECT 1", UseLegacySql: false, ForceSendFields: []string{"UseLegacySql"}}}
	if made, err := api.Tables.Insert(project, "reports", view).Do(); err != nil || made.Type != "VIEW" {
		t.Errorf("view: %+v, %v", made, err)
	}
	if list, err := api.Tables.List(project, "reports").Do(); err != nil || len(list.Tables) != 2 ||
		list.Tables[0].TableReference.TableId != "open" {
		t.Errorf("tables: %+v, %v", list, err)
	}
	if err := api.Datasets.Delete(project, "reports").Do(); clienttest.Code(err) != 400 {
		t.Errorf("deleting what holds tables: %v, want a 400", err)
	}
	fewer := table("rows")
	fewer.Schema.Fields = fewer.Schema.Fields[:2]
	if _, err := api.Tables.Update(project, "reports", "rows", fewer).Do(); clienttest.Code(err) != 400 {
		t.Errorf("taking a column away: %v, want a 400", err)
	}
	twice := table("twice")
	twice.Schema.Fields[1].Name = "Outcome"
	if _, err := api.Tables.Insert(project, "reports", twice).Do(); clienttest.Code(err) != 400 {
		t.Errorf("a column twice: %v, want a 400", err)
	}
	if _, err := api.Tables.Insert(project, "none", table("a")).Do(); clienttest.Code(err) != 404 {
		t.Errorf("in no dataset: %v, want a 404", err)
	}
	if _, err := api.Tables.Insert(project, "reports", table("rows")).Do(); clienttest.Code(err) != 409 {
		t.Errorf("a table twice: %v, want a 409", err)
	}
	if err := api.Datasets.Delete(project, "reports").DeleteContents(true).Do(); err != nil {
		t.Error(err)
	}
	if _, err := api.Tables.Get(project, "reports", "rows").Do(); clienttest.Code(err) != 404 {
		t.Errorf("afterwards: %v, want a 404", err)
	}
}
