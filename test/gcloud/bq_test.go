package gcloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// column is a column of the table of reports.
type column struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Mode   string   `json:"mode"`
	Fields []column `json:"fields,omitempty"`
}

// row is a record as BigQuery's API answers it: every scalar is a text, a time the seconds since
// 1970. Source: bigquery/docs/reference/rest/v2/tabledata/list, and its client libraries, which read
// such texts.
func row(columns []column, record object) object {
	cells := []any{}
	for _, each := range columns {
		cells = append(cells, object{"v": cell(each, record[each.Name])})
	}
	return object{"f": cells}
}

func cell(of column, value any) any {
	if of.Mode == "REPEATED" {
		list, _ := value.([]any)
		cells, one := []any{}, of
		one.Mode = ""
		for _, each := range list {
			cells = append(cells, object{"v": cell(one, each)})
		}
		return cells
	}
	switch v := value.(type) {
	case nil:
		return nil
	case object:
		return row(of.Fields, v)
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil && of.Type == "TIMESTAMP" {
			return strconv.FormatFloat(float64(at.UnixMicro())/1e6, 'E', -1, 64)
		}
	}
	return fmt.Sprint(value)
}

// servedTable is an API of BigQuery with one table of one row. bq reads the API's description from
// where the API is.
func servedTable(t *testing.T, description []byte, columns []column, record object) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(w http.ResponseWriter, body any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("/$discovery/rest", func(w http.ResponseWriter, _ *http.Request) {
		var described object
		_ = json.Unmarshal(description, &described) // bq's own
		described["rootUrl"], described["baseUrl"] = server.URL+"/", server.URL+"/bigquery/v2/"
		answer(w, described)
	})
	const table = "/bigquery/v2/projects/p/datasets/d/tables/t"
	mux.HandleFunc(table, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, object{"kind": "bigquery#table", "type": "TABLE", "numRows": "1", "schema": object{"fields": columns},
			"tableReference": object{"projectId": "p", "datasetId": "d", "tableId": "t"}})
	})
	mux.HandleFunc(table+"/data", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, object{"kind": "bigquery#tableDataList", "totalRows": "1", "rows": []any{row(columns, record)}})
	})
	return server.URL
}

// What bq prints of the table is read as the report that went in, but for fractions of seconds.
func TestReportsAreReadAsBqPrintsThem(t *testing.T) {
	bq, err := exec.LookPath("bq")
	if err != nil {
		t.Skipf("bq is not installed: nothing shows how it prints reports")
	}
	if bq, err = filepath.EvalSymlinks(bq); err != nil {
		t.Fatal(err)
	}
	description, err := os.ReadFile(filepath.Join(filepath.Dir(bq), "..", "platform", "bq", "discovery_next",
		"bigquery.json"))
	if err != nil {
		t.Skipf("this bq has no description of the API: %v", err)
	}
	text, err := os.ReadFile("../../deploy/terraform/modules/reports/reports.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var columns []column
	if err := json.Unmarshal(text, &columns); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 29, 12, 0, 1, 0, time.UTC)
	written := plan.Step{Resource: "r", Why: "w", Version: "1",
		Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing}}
	want := report.Report{
		RunID: "run", ObservedAt: at, Version: "1", Outcome: report.Planned, Mode: policy.Enforce, Exposed: door.Yes,
		Accepted: true,
		Target: &report.Target{Project: "p-shop", ProjectNumber: "12", Location: "us-central1", Service: "shop",
			Labels: map[string]string{"team": "a"}},
		Policy: &report.Policy{Digest: "none", Rule: "true"}, Calls: 31, ElapsedMS: 1200, ExposedSince: &at,
		Cause:     report.Cause{Kind: "run-service-changed", Key: "k"},
		Doors:     []report.Door{{Guard: door.GuardOpen, Kind: door.DefaultURL, Address: "https://a", Count: 3}},
		Accessors: []report.Named{{Member: "user:a@example.com", Conditional: true}, {Member: "true"}},
		Steps:     []report.Step{report.StepOf(written, report.StepDone)},
	}
	want.Steps[0].At = &at
	plain, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var record object
	if err := json.Unmarshal(plain, &record); err != nil {
		t.Fatal(err)
	}
	record["subscription_name"], record["message_id"] = "projects/p/subscriptions/s", "1"
	record["publish_time"] = at.Format(time.RFC3339)
	command := exec.CommandContext(t.Context(), bq, "--api", servedTable(t, description, columns, record),
		"--oauth_access_token=x", "--project_id=p", "--format=json", "head", "-n", "5", "p:d.t")
	command.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "HOME="+t.TempDir())
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("bq head: %v\n%s", err, out)
	}
	for _, form := range []string{`"calls":"31"`, `"accepted":"true"`, `"observedAt":"2026-11-29 12:00:01"`,
		`"contest":null`} {
		if !strings.Contains(string(out), form) {
			t.Errorf("bq prints no %s: %s", form, out)
		}
	}
	got, err := report.ReadAll(strings.NewReader(string(out)))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d reports, %v: %s", len(got), err, out)
	}
	if back, err := got[0].Steps[0].Plan(); err != nil || !cmp.Equal(written, back) {
		t.Errorf("the step is read as %+v, %v, want %+v", back, err, written)
	}
	want.Steps[0].Change = nil
	if diff := cmp.Diff(want, got[0], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-sent +read):\n%s", diff)
	}
}
