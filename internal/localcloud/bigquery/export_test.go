package bigquery_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/bigquery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

func TestNestedRowsAreWrittenUnlessBeliefRefusesThem(t *testing.T) {
	for _, tc := range []struct {
		message string
		refuse  bool
		rows    int
		words   string
	}{
		{`{"outcome":"open","service":{"name":"shop"}}`, false, 1, ""},
		{`{"outcome":"open","service":{"name":"shop"}}`, true, 0, "field service is a record"},
		{`{"outcome":"open","service":null}`, true, 1, ""},
		{`{"outcome":"open"}`, true, 1, ""},
	} {
		s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now,
			Beliefs: belief.Beliefs{RefuseNestedRows: tc.refuse}})
		tables := bigquery.New(s)
		s.Serve(tables.API())
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		api, err := client.NewService(t.Context(), option.WithEndpoint(server.URL+"/bigquery/v2/"), option.WithoutAuthentication())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := api.Datasets.Insert(project, &client.Dataset{
			DatasetReference: &client.DatasetReference{DatasetId: "reports"}}).Do(); err != nil {
			t.Fatal(err)
		}
		if _, err := api.Tables.Insert(project, "reports", table("rows")).Do(); err != nil {
			t.Fatal(err)
		}
		err = tables.Export(project+".reports.rows", bigquery.Message{Data: []byte(tc.message), Fields: true})
		list, listed := api.Tabledata.List(project, "reports", "rows").Do()
		if listed != nil {
			t.Fatal(listed)
		}
		if got := fmt.Sprint(err); len(list.Rows) != tc.rows || (err == nil) != (tc.words == "") || !strings.Contains(got, tc.words) {
			t.Errorf("%s, refused %t: %d rows, %s; want %d and %q", tc.message, tc.refuse, len(list.Rows), got, tc.rows, tc.words)
		}
	}
}
