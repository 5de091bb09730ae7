// Package bigquery is the local cloud's BigQuery API (v2): datasets, tables and views
// with their access, and rows that are streamed in, by clients or by Pub/Sub, and
// listed. No query runs.
package bigquery

import (
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

type object = map[string]any

const docs = "cloud.google.com/bigquery/docs/access-control"

// id is the grammar of a dataset's id, and of a table's here: Google takes more in
// those, and 1024 characters. Source: bigquery/docs/datasets#dataset-naming.
var id = collection.UpTo(1000, `^[A-Za-z0-9_]+$`)

// BigQuery is the BigQuery of one project. It is safe for concurrent use.
type BigQuery struct {
	server           *apiserver.Server
	datasets, tables *collection.Collection
	rows             rows
}

// New returns a BigQuery without datasets.
func New(s *apiserver.Server) *BigQuery {
	a := &BigQuery{server: s}
	a.datasets = collection.New(s, a.datasetKind())
	tables := a.tableKind()
	tables.Within = a.datasets
	a.tables = collection.New(s, tables)
	return a
}

// API is BigQuery as the server serves it.
func (a *BigQuery) API() apiserver.API {
	served := collection.Merged("bigquery", a.datasets, a.tables)
	served.Routes = append(served.Routes, a.routes()...)
	kinds := served.Reset
	served.Reset = func() {
		kinds()
		a.rows.reset()
	}
	return served
}

func (a *BigQuery) datasetKind() collection.Kind {
	return collection.Kind{
		Documents: []string{"bigquery/v2"}, Collections: []string{"bigquery.datasets"}, Message: "Dataset",
		ListKind: "bigquery#datasetList", IDField: "datasetReference.datasetId",
		Permissions: "bigquery.datasets", Source: docs, Unserved: []string{"undelete"},
		Verbs: map[string]string{"insert": "create", "list": "get"},
		Audit: map[string]string{
			"insert": "google.cloud.bigquery.v2.DatasetService.InsertDataset",
			"patch":  "google.cloud.bigquery.v2.DatasetService.PatchDataset",
			"update": "google.cloud.bigquery.v2.DatasetService.UpdateDataset",
			"delete": "google.cloud.bigquery.v2.DatasetService.DeleteDataset",
		},
		ID: id, Words: words("Dataset"), Defaults: object{"location": "US"}, Prepare: a.prepareDataset, Changed: a.changedDataset,
		View: func(r collection.Resource, shown map[string]any) { identify(shown, r.Name, "dataset") },
		Listed: func(_ *apiserver.Call, shown map[string]any) {
			brief(shown, "datasetReference", "friendlyName", "id", "kind", "labels", "location")
		},
	}
}

func words(kind string) collection.Words {
	return collection.Words{NotFound: "Not found: " + kind + " {name}", Exists: "Already Exists: " + kind + " {name}",
		BadID: `Invalid ` + strings.ToLower(kind) + ` ID "{id}".`}
}

// brief keeps of a listed resource what BigQuery's lists show.
func brief(shown map[string]any, fields ...string) {
	maps.DeleteFunc(shown, func(field string, _ any) bool {
		for _, kept := range fields {
			if field == kept {
				return false
			}
		}
		return true
	})
}

// identify writes what BigQuery calls a resource.
func identify(shown map[string]any, name, kind string) {
	parts := strings.Split(name, "/") // projects/P/datasets/D/tables/T
	shown["kind"], shown["id"] = "bigquery#"+kind, parts[1]+":"+parts[3]
	reference := object{"projectId": parts[1], "datasetId": parts[3]}
	if kind == "table" {
		shown["id"] = parts[1] + ":" + parts[3] + "." + parts[5]
		reference["tableId"] = parts[5]
	}
	shown[kind+"Reference"] = reference
	shown["selfLink"] = "https://bigquery.googleapis.com/bigquery/v2/" + name
}

// stamp writes when a resource was made and changed, in milliseconds.
func stamp(w *collection.Write) {
	now := strconv.FormatInt(w.At.UnixMilli(), 10)
	w.New.Body["creationTime"], w.New.Body["lastModifiedTime"] = now, now
	if w.Old != nil {
		w.New.Body["creationTime"] = w.Old.Body["creationTime"]
	}
}

// prepareDataset completes a dataset with the access that BigQuery gives a new one
// (bigquery/docs/reference/rest/v2/datasets, access), and refuses to delete one that
// holds tables, unless they go with it.
func (a *BigQuery) prepareDataset(w *collection.Write) error {
	if w.New == nil {
		left := a.tables.All(w.Old.Name + "/tables")
		if len(left) > 0 && w.Call.Query("deleteContents") != "true" {
			e := apiserver.Invalid("Dataset %s is still in use", apiserver.Text(a.datasets.Shown(*w.Old), "id"))
			e.Reason = "resourceInUse"
			return e
		}
		return nil
	}
	if w.Old != nil && w.New.Body["location"] != w.Old.Body["location"] {
		if w.Sent["location"] != nil {
			return apiserver.Invalid("Cannot change the location of a dataset.")
		}
		w.New.Body["location"] = w.Old.Body["location"]
	}
	if apiserver.List(w.New.Body, "access") == nil {
		w.New.Body["access"] = []any{
			object{"role": "WRITER", "specialGroup": "projectWriters"}, object{"role": "OWNER", "specialGroup": "projectOwners"},
			object{"role": "OWNER", "userByEmail": w.Call.Caller.Email()}, object{"role": "READER", "specialGroup": "projectReaders"},
		}
	}
	w.New.Body["type"] = "DEFAULT"
	stamp(w)
	return nil
}

// basic are the IAM roles of a dataset's basic roles
// (bigquery/docs/access-control-basic-roles).
var basic = map[string]string{"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor",
	"OWNER": "roles/bigquery.dataOwner"}

// changedDataset makes a dataset's access its IAM policy. Project owners, writers and
// readers have what their roles give them anyway.
func (a *BigQuery) changedDataset(w *collection.Write) {
	if w.New == nil {
		for _, table := range a.tables.All(w.Old.Name + "/tables") {
			a.tables.Drop(table.Name)
			a.rows.drop(table.Name)
		}
		return
	}
	var bindings []any
	for _, each := range apiserver.List(w.New.Body, "access") {
		entry, _ := each.(map[string]any)
		role := apiserver.Text(entry, "role")
		if known := basic[role]; known != "" {
			role = known
		}
		if member := memberOf(entry); member != "" && role != "" {
			bindings = append(bindings, object{"role": role, "members": []any{member}})
		}
	}
	a.server.SeedPolicy(w.New.Name, bindings)
}

// memberOf is the IAM member of an access entry, "" for a view or a special group.
func memberOf(entry object) string {
	email := apiserver.Text(entry, "userByEmail")
	switch {
	case strings.HasSuffix(email, ".gserviceaccount.com"):
		return "serviceAccount:" + email
	case email != "":
		return "user:" + email
	case entry["groupByEmail"] != nil:
		return "group:" + apiserver.Text(entry, "groupByEmail")
	case entry["domain"] != nil:
		return "domain:" + apiserver.Text(entry, "domain")
	case entry["specialGroup"] == "allAuthenticatedUsers":
		return "allAuthenticatedUsers"
	}
	return apiserver.Text(entry, "iamMember")
}

func (a *BigQuery) tableKind() collection.Kind {
	return collection.Kind{
		Documents: []string{"bigquery/v2"}, Collections: []string{"bigquery.tables"}, Message: "Table",
		ListKind: "bigquery#tableList", IDField: "tableReference.tableId",
		Permissions: "bigquery.tables", Source: docs, Verbs: map[string]string{"insert": "create", "testIamPermissions": ""},
		Audit: map[string]string{
			"insert":       "google.cloud.bigquery.v2.TableService.InsertTable",
			"patch":        "google.cloud.bigquery.v2.TableService.PatchTable",
			"update":       "google.cloud.bigquery.v2.TableService.UpdateTable",
			"delete":       "google.cloud.bigquery.v2.TableService.DeleteTable",
			"setIamPolicy": "google.iam.v1.IAMPolicy.SetIamPolicy",
		},
		ID: id, Words: words("Table"), Prepare: a.prepareTable,
		Changed: func(w *collection.Write) {
			if w.New == nil {
				a.rows.drop(w.Old.Name)
			}
		},
		View: a.viewTable,
		Listed: func(_ *apiserver.Call, shown map[string]any) {
			brief(shown, "tableReference", "friendlyName", "id", "kind", "labels", "type", "creationTime", "expirationTime",
				"timePartitioning", "clustering")
		},
	}
}

// types are the types of columns. Source: bigquery/docs/reference/rest/v2/tables,
// TableFieldSchema.type.
var types = regexp.MustCompile(`^(STRING|BYTES|INTEGER|INT64|FLOAT|FLOAT64|BOOLEAN|BOOL|TIMESTAMP|DATE|TIME|DATETIME|` +
	`GEOGRAPHY|NUMERIC|BIGNUMERIC|JSON|RECORD|STRUCT|RANGE)$`)

// prepareTable checks a table's columns. Columns are not taken away from a table, and a
// view has none that a client sends.
func (a *BigQuery) prepareTable(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	if err := checkColumns(apiserver.List(apiserver.Object(body, "schema"), "fields")); err != nil {
		return err
	}
	body["type"] = "TABLE"
	if view := apiserver.Object(body, "view"); view != nil {
		if apiserver.Text(view, "query") == "" {
			return apiserver.Invalid("View query is required.")
		}
		body["type"] = "VIEW"
	}
	if w.Old != nil {
		kept := columns(body)
		for name := range columns(w.Old.Body) {
			if kept[name] == nil && body["type"] == "TABLE" {
				return apiserver.Invalid("Provided Schema does not match Table %s. Field %s is missing in new schema",
					apiserver.Text(a.tables.Shown(*w.Old), "id"), name)
			}
		}
	}
	stamp(w)
	return nil
}

func checkColumns(fields []any) error {
	seen := map[string]bool{}
	for _, each := range fields {
		field, _ := each.(map[string]any)
		name := strings.ToLower(apiserver.Text(field, "name"))
		switch {
		case !id.MatchString(name):
			return apiserver.Invalid("Invalid field name %q. Fields must contain only letters, numbers, and underscores.", name)
		case seen[name]:
			return apiserver.Invalid("Field %s already exists in schema", name)
		case !types.MatchString(apiserver.Text(field, "type")):
			return apiserver.Invalid("Invalid value for type: %s is not a valid value", apiserver.Text(field, "type"))
		}
		seen[name] = true
		if err := checkColumns(apiserver.List(field, "fields")); err != nil {
			return err
		}
	}
	return nil
}

func (a *BigQuery) viewTable(r collection.Resource, shown map[string]any) {
	identify(shown, r.Name, "table")
	if shown["type"] == "TABLE" {
		shown["numRows"] = strconv.Itoa(a.rows.count(r.Name))
	}
	if dataset, ok := a.datasets.Get(r.Name[:strings.Index(r.Name, "/tables/")]); ok {
		shown["location"] = dataset.Body["location"]
	}
}
