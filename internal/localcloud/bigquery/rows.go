package bigquery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// maxRows bounds what is kept of a table: the latest rows.
const maxRows = 10_000

// rows are the rows of all tables, by the tables' names.
type rows struct {
	mu  sync.Mutex
	all map[string][]any // each as tabledata.list shows it
}

func (r *rows) reset() { r.mu.Lock(); defer r.mu.Unlock(); r.all = nil }

func (r *rows) drop(table string) { r.mu.Lock(); defer r.mu.Unlock(); delete(r.all, table) }

func (r *rows) count(table string) int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.all[table]) }

func (r *rows) add(table string, more []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string][]any{}
	}
	all := append(r.all[table], more...)
	r.all[table] = all[max(0, len(all)-maxRows):]
}

func (a *BigQuery) routes() []apiserver.Route {
	const table = "/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}"
	resource := func(call *apiserver.Call) string {
		return "projects/" + apiserver.ProjectID + "/datasets/" + call.Var("dataset") + "/tables/" + call.Var("table")
	}
	return []apiserver.Route{
		{Verb: http.MethodPost, Path: table + "/insertAll", API: "bigquery", ID: "bigquery.tabledata.insertAll",
			Permission: "bigquery.tables.updateData", Source: docs, Write: true, Resource: resource, Handle: a.insertAll},
		{Verb: http.MethodGet, Path: table + "/data", API: "bigquery", ID: "bigquery.tabledata.list",
			Permission: "bigquery.tables.getData", Source: docs, Resource: resource, Handle: a.listRows},
	}
}

// insertAll streams rows in. One that does not fit keeps all others out, unless invalid
// rows are to be skipped. Source: bigquery/docs/reference/rest/v2/tabledata/insertAll.
func (a *BigQuery) insertAll(call *apiserver.Call) (any, error) {
	table, err := a.tables.Named(call)
	if err != nil {
		return nil, err
	}
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	sent, err := schema.Of("bigquery/v2").Normalize("TableDataInsertAllRequest", body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	list := apiserver.List(sent, "rows")
	if len(list) == 0 {
		return nil, apiserver.Invalid("No rows present in the request.")
	}
	fields := apiserver.List(apiserver.Object(table.Body, "schema"), "fields")
	if table.Body["type"] != "TABLE" || len(fields) == 0 {
		return nil, apiserver.Invalid("The destination table %s has no schema to insert into.", a.tables.Shown(table)["id"])
	}
	var kept, wrong []any
	good := []int{}
	for i, each := range list {
		row := apiserver.Object(each.(map[string]any), "json")
		cells, problem := encode(fields, row, sent["ignoreUnknownValues"] == true)
		if problem != "" {
			wrong = append(wrong, refused(i, "invalid", problem))
			continue
		}
		kept, good = append(kept, object{"f": cells}), append(good, i)
	}
	if len(wrong) > 0 && sent["skipInvalidRows"] != true {
		kept = nil
		for _, i := range good {
			wrong = append(wrong, refused(i, "stopped", ""))
		}
	}
	a.rows.add(table.Name, kept)
	answer := object{"kind": "bigquery#tableDataInsertAllResponse"}
	if len(wrong) > 0 {
		answer["insertErrors"] = wrong
	}
	return answer, nil
}

func refused(row int, reason, message string) object {
	return object{"index": row, "errors": []any{object{"reason": reason, "message": message}}}
}

// columns are a table's columns by name in lower case: BigQuery ignores case.
func columns(table object) map[string]object {
	return named(apiserver.List(apiserver.Object(table, "schema"), "fields"))
}

func named(fields []any) map[string]object {
	all := map[string]object{}
	for _, each := range fields {
		field, _ := each.(map[string]any)
		all[strings.ToLower(apiserver.Text(field, "name"))] = field
	}
	return all
}

// encode writes a row as lists show it: a cell for each column, in order. problem says
// why it does not fit.
func encode(fields []any, row object, ignoreUnknown bool) (cells []any, problem string) {
	known, given := named(fields), object{}
	for name, value := range row {
		if known[strings.ToLower(name)] == nil && !ignoreUnknown {
			return nil, "no such field: " + name + "."
		}
		given[strings.ToLower(name)] = value
	}
	for _, each := range fields {
		field, _ := each.(map[string]any)
		name := apiserver.Text(field, "name")
		value, there := given[strings.ToLower(name)]
		list, isList := value.([]any)
		var cell any
		switch {
		case apiserver.Text(field, "mode") == "REPEATED" && there && value != nil && !isList:
			return nil, "Array specified for non-repeated field or the other way round: " + name + "."
		case apiserver.Text(field, "mode") == "REPEATED":
			all := make([]any, 0, len(list))
			for _, one := range list {
				value, problem := encodeValue(field, one, ignoreUnknown)
				if problem != "" {
					return nil, problem
				}
				all = append(all, object{"v": value})
			}
			cell = all
		case isList:
			return nil, "Array specified for non-repeated field: " + name + "."
		case value == nil && apiserver.Text(field, "mode") == "REQUIRED":
			return nil, "Missing required field: " + name + "."
		case value != nil:
			if cell, problem = encodeValue(field, value, ignoreUnknown); problem != "" {
				return nil, problem
			}
		}
		cells = append(cells, object{"v": cell})
	}
	return cells, ""
}

// encodeValue writes one value of a column.
func encodeValue(field object, value any, ignoreUnknown bool) (cell any, problem string) {
	name := apiserver.Text(field, "name")
	record, isRecord := value.(map[string]any)
	switch kind := apiserver.Text(field, "type"); {
	case kind == "RECORD" || kind == "STRUCT":
		if !isRecord {
			return nil, "This field: " + name + " is not a record."
		}
		cells, problem := encode(apiserver.List(field, "fields"), record, ignoreUnknown)
		return object{"f": cells}, problem
	case kind == "JSON":
		text, _ := json.Marshal(value) // from JSON
		return string(text), ""
	case isRecord:
		return nil, "This field: " + name + " is not a record."
	default:
		return scalar(kind, name, fmt.Sprint(value))
	}
}

func scalar(kind, name, text string) (cell any, problem string) {
	var err error
	switch kind {
	case "INTEGER", "INT64":
		_, err = strconv.ParseInt(text, 10, 64)
	case "FLOAT", "FLOAT64":
		_, err = strconv.ParseFloat(text, 64)
	case "BOOLEAN", "BOOL":
		_, err = strconv.ParseBool(text)
	case "TIMESTAMP":
		var at time.Time
		if at, err = time.Parse(time.RFC3339Nano, text); err == nil {
			text = strconv.FormatFloat(float64(at.UnixMicro())/1e6, 'E', -1, 64)
		}
	}
	if err != nil {
		return nil, fmt.Sprintf("Cannot convert value to %s (bad value): %s at %s", strings.ToLower(kind), text, name)
	}
	return text, ""
}

func (a *BigQuery) listRows(call *apiserver.Call) (any, error) {
	table, err := a.tables.Named(call)
	if err != nil {
		return nil, err
	}
	a.rows.mu.Lock()
	all := a.rows.all[table.Name]
	a.rows.mu.Unlock()
	page, next, err := collection.Page(call, all, 0)
	if err != nil {
		return nil, err
	}
	answer := object{"kind": "bigquery#tableDataList", "totalRows": strconv.Itoa(len(all)), "etag": apiserver.Text(table.Body, "etag")}
	if len(page) > 0 {
		answer["rows"] = page
	}
	if next != "" {
		answer["pageToken"] = next
	}
	return answer, nil
}
