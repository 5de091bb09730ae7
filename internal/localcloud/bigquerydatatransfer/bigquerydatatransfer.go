// Package bigquerydatatransfer is the local cloud's BigQuery Data Transfer API (v1), as far as
// it keeps scheduled queries. No clock runs them.
package bigquerydatatransfer

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	audited    = "google.cloud.bigquery.datatransfer.v1.DataTransferService."
	mayChange  = "bigquery.transfers.update"
	mayRead    = "bigquery.transfers.get"
	dataSource = "scheduled_query"
)

// New returns the API without transfers.
func New(s *apiserver.Server) apiserver.API {
	return collection.Merged("bigquerydatatransfer", collection.New(s, collection.Kind{
		Documents: []string{"bigquerydatatransfer/v1"}, Message: "TransferConfig",
		Collections: []string{"bigquerydatatransfer.projects.locations.transferConfigs"},
		Permissions: "bigquery.transfers", Source: "cloud.google.com/bigquery/docs/access-control",
		Verbs: map[string]string{"create": mayChange, "patch": mayChange, "delete": mayChange, "get": mayRead, "list": mayRead},
		Audit: map[string]string{"create": audited + "CreateTransferConfig", "patch": audited + "UpdateTransferConfig",
			"delete": audited + "DeleteTransferConfig"},
		NewID: apiserver.NewUUID, Numbered: true, Fixed: []string{"dataSourceId"}, Prepare: prepare,
		View: func(_ collection.Resource, shown map[string]any) { shown["state"] = "PENDING" },
	}))
}

// prepare refuses what is not a scheduled query, and a caller who may not act as its account. The
// texts are ours.
func prepare(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	switch {
	case apiserver.Text(body, "dataSourceId") != dataSource:
		return apiserver.Invalid("Only transfers of the data source %s are served here.", dataSource)
	case apiserver.Text(body, "displayName") == "":
		return apiserver.Invalid("A transfer has a display name.")
	case apiserver.Text(apiserver.Object(body, "params"), "query") == "":
		return apiserver.Invalid("A scheduled query has the parameter query.")
	}
	body["datasetRegion"] = w.Call.Var("location")
	if account := w.Call.Query("serviceAccountName"); account != "" {
		return w.Call.ActAs(account)
	}
	return nil
}
