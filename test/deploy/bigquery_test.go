package deploy

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// SQLite takes the place of BigQuery. It cannot show that BigQuery accepts the SQL
// with its types, that the subscription writes rows as bigQueryValue does, or anything
// about cost and speed. In the table a TIMESTAMP is a number of microseconds, and a
// RECORD or a REPEATED column is JSON.
//
// dialect lists every change to a view before SQLite runs it. functions has the
// functions that SQLite lacks.
var dialect = []struct {
	bigQuery *regexp.Regexp
	sqlite   string
}{
	// The table's name.
	{regexp.MustCompile("`\\$\\{reports\\}`"), "reports"},
	{regexp.MustCompile(`CURRENT_TIMESTAMP\(\)`), "now()"},
	// A column's array, and an array that a function gives, as rows.
	{regexp.MustCompile(`UNNEST\((\w+)\.(\w+)\)`), "json_each($1, '$$.$2')"},
	{regexp.MustCompile(`UNNEST\((GENERATE_DATE_ARRAY\(DATE\(\w+\), DATE\(\w+\)\))\)`), "json_each($1)"},
	// What is in such a row.
	{regexp.MustCompile(`\bactor\.(\w+)`), "(actor.value ->> '$$.$1')"},
	{regexp.MustCompile(`(\(|  |, |BY )day\b`), "${1}day.value"},
	// What is in a record.
	{regexp.MustCompile(`\b(target|exemption|contest)\.([\w.]+)`), "($1 ->> '$$.$2')"},
}

// inSQLite returns a shipped view in SQLite's dialect.
func inSQLite(t *testing.T, view string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "views", view+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	query := string(text)
	for _, change := range dialect {
		query = change.bigQuery.ReplaceAllString(query, change.sqlite)
	}
	return query
}

const day = 24 * time.Hour

// functions are BigQuery's functions, by name.
func functions(now func() time.Time) map[string]sqlite3.ScalarFunction {
	choose := func(better func(a, b int64) bool) sqlite3.ScalarFunction {
		return func(c sqlite3.Context, args ...sqlite3.Value) {
			best := args[0].Int64()
			for _, arg := range args[1:] {
				if better(arg.Int64(), best) {
					best = arg.Int64()
				}
			}
			c.ResultInt64(best)
		}
	}
	return map[string]sqlite3.ScalarFunction{
		"now": func(c sqlite3.Context, _ ...sqlite3.Value) { c.ResultInt64(now().UnixMicro()) },
		"unix_seconds": func(c sqlite3.Context, args ...sqlite3.Value) {
			c.ResultInt64(time.UnixMicro(args[0].Int64()).Unix())
		},
		"date": func(c sqlite3.Context, args ...sqlite3.Value) {
			c.ResultText(time.UnixMicro(args[0].Int64()).UTC().Format(time.DateOnly))
		},
		"div":      func(c sqlite3.Context, args ...sqlite3.Value) { c.ResultInt64(args[0].Int64() / args[1].Int64()) },
		"least":    choose(func(a, b int64) bool { return a < b }),
		"greatest": choose(func(a, b int64) bool { return a > b }),
		"timestamp": func(c sqlite3.Context, args ...sqlite3.Value) {
			at, err := time.Parse(time.DateOnly, args[0].Text())
			if err != nil {
				c.ResultError(err)
				return
			}
			c.ResultInt64(at.UnixMicro())
		},
		"array_length": func(c sqlite3.Context, args ...sqlite3.Value) {
			var list []json.RawMessage
			if err := json.Unmarshal(args[0].RawText(), &list); err != nil {
				c.ResultError(err)
				return
			}
			c.ResultInt(len(list))
		},
		"generate_date_array": func(c sqlite3.Context, args ...sqlite3.Value) {
			var dates []string
			for at, last := args[0].Text(), args[1].Text(); at <= last; {
				dates = append(dates, at)
				next, err := time.Parse(time.DateOnly, at)
				if err != nil {
					c.ResultError(err)
					return
				}
				at = next.Add(day).Format(time.DateOnly)
			}
			c.ResultJSON(dates)
		},
	}
}

// warehouse is an empty table of reports, and the clock of its queries.
func warehouse(t *testing.T, now func() time.Time) *sql.DB {
	t.Helper()
	db, err := driver.Open("file::memory:", func(c *sqlite3.Conn) error {
		for name, function := range functions(now) {
			if err := c.CreateFunction(name, -1, 0, function); err != nil {
				return fmt.Errorf("defining %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection has its own database in memory
	t.Cleanup(func() { _ = db.Close() })
	var names []string
	for _, c := range columns(t) {
		names = append(names, c.Name)
	}
	if _, err := db.Exec("CREATE TABLE reports (" + strings.Join(names, ", ") + ")"); err != nil {
		t.Fatal(err)
	}
	return db
}

// insert adds a message like a BigQuery subscription that uses the table's schema: it
// drops fields without a column, and refuses values that do not fit their column.
func insert(t *testing.T, db *sql.DB, data []byte, attributes map[string]string, published time.Time) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var message map[string]any
	if err := decoder.Decode(&message); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	message["publish_time"], message["attributes"] = published.UTC().Format(time.RFC3339Nano), string(encoded)
	var marks []string
	var row []any
	for _, c := range columns(t) {
		value, err := bigQueryValue(c, message[c.Name])
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if c.Mode == "REPEATED" || c.Type == "RECORD" && value != nil {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			value = string(text)
		}
		marks, row = append(marks, "?"), append(row, value)
	}
	if _, err := db.Exec("INSERT INTO reports VALUES ("+strings.Join(marks, ",")+")", row...); err != nil {
		t.Fatal(err)
	}
}

// timestamp matches a timestamp of BigQuery's, with at most six digits of a second.
// Source: bigquery/docs/reference/standard-sql/data-types#canonical_format_for_timestamp_literals.
var timestamp = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$`)

func bigQueryValue(c column, value any) (any, error) {
	if c.Mode == "REPEATED" {
		list, fits := value.([]any)
		if value != nil && !fits {
			return nil, fmt.Errorf("%s is REPEATED, and %v is not a list", c.Name, value)
		}
		c.Mode = "NULLABLE"
		values := make([]any, len(list))
		for i, each := range list {
			var err error
			if values[i], err = bigQueryValue(c, each); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	if value == nil {
		return nil, nil
	}
	return scalar(c, value)
}

func scalar(c column, value any) (any, error) {
	misfit := fmt.Errorf("%s is %s, and %v (%T) does not fit", c.Name, c.Type, value, value)
	switch value := value.(type) {
	case map[string]any:
		record := map[string]any{}
		for _, field := range c.Fields {
			read, err := bigQueryValue(field, value[field.Name])
			if err != nil {
				return nil, fmt.Errorf("%s.%w", c.Name, err)
			}
			record[field.Name] = read
		}
		if c.Type == "RECORD" {
			return record, nil
		}
	case string:
		if c.Type == "STRING" {
			return value, nil
		}
		if at, err := time.Parse(time.RFC3339Nano, value); c.Type == "TIMESTAMP" && timestamp.MatchString(value) &&
			err == nil {
			return at.UnixMicro(), nil
		}
	case bool:
		if c.Type == "BOOLEAN" {
			return value, nil
		}
	case json.Number:
		if number, err := value.Int64(); c.Type == "INTEGER" && err == nil && number < math.MaxInt64 {
			return number, nil
		}
	}
	return nil, misfit
}
