package deploy

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/report"
)

// reportsSchema is the file with the table's schema for Terraform.
var reportsSchema = filepath.Join("..", "..", "deploy", "terraform", "modules/reports/reports.schema.json")

// column is a column in BigQuery's schema files.
type column struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Mode        string   `json:"mode"`
	Description string   `json:"description,omitempty"`
	Fields      []column `json:"fields,omitempty"`
}

// property is the part of JSON Schema that is used here.
type property struct {
	Type, Format, Description string
	Ref                       string `json:"$ref"`
	Enum                      []string
	Items                     *property
	Properties                map[string]*property
	AdditionalProperties      any                  // false, or the schema of what a map holds
	Defs                      map[string]*property `json:"$defs"`
}

// metadata are the columns that Pub/Sub adds. Source: pubsub/docs/bigquery, "Write metadata".
var metadata = []column{
	{Name: "subscription_name", Type: "STRING", Mode: "NULLABLE", Description: "The subscription that wrote the row."},
	{Name: "message_id", Type: "STRING", Mode: "NULLABLE",
		Description: "The id of the Pub/Sub message; a report that was published twice has two."},
	{Name: "publish_time", Type: "TIMESTAMP", Mode: "NULLABLE", Description: "When the message was published, in UTC."},
	{Name: "attributes", Type: "STRING", Mode: "NULLABLE",
		Description: "The message's attributes as JSON: those of the CloudEvent, ce-id among them."},
}

// declared lists the keys of maps that become columns: the views use no others.
var declared = map[string][]column{
	"change": {
		{Name: "role", Type: "STRING", Mode: "NULLABLE", Description: "The role that is granted or taken away."},
		{Name: "member", Type: "STRING", Mode: "NULLABLE", Description: "The one member that is granted the role."},
		{Name: "members", Type: "STRING", Mode: "REPEATED", Description: "The members who get or lose the role."},
	},
	"labels": {{Name: "team", Type: "STRING", Mode: "NULLABLE", Description: "The service's label team."}},
}

// columnOf translates one property. JSON's texts become TIMESTAMPs, and nothing
// else is converted. Source: pubsub/docs/bigquery, "Use table schema".
func columnOf(t *testing.T, root *property, name string, p *property) column {
	t.Helper()
	made := column{Name: name, Mode: "NULLABLE", Description: p.Description}
	if p.Ref != "" {
		p = root.Defs[strings.TrimPrefix(p.Ref, "#/$defs/")]
	}
	if p.Type == "array" {
		items := columnOf(t, root, name, p.Items)
		made.Type, made.Fields, made.Mode = items.Type, items.Fields, "REPEATED"
		return made
	}
	switch {
	case p.Type == "object" && p.Properties == nil:
		if made.Fields = declared[name]; made.Fields == nil {
			t.Errorf("%s is a map: say in declared which of its keys become columns", name)
		}
		made.Type = "RECORD"
	case p.Type == "object":
		made.Type, made.Fields = "RECORD", columnsOf(t, root, p.Properties)
	case p.Type == "string" && p.Format == "date-time":
		made.Type = "TIMESTAMP"
	case p.Type == "string" && p.Format == "" || p.Enum != nil:
		made.Type = "STRING"
	case p.Type == "integer":
		made.Type = "INTEGER"
	case p.Type == "boolean":
		made.Type = "BOOLEAN"
	default:
		t.Errorf("%s: no column is known for type %q with format %q", name, p.Type, p.Format)
	}
	return made
}

func columnsOf(t *testing.T, root *property, properties map[string]*property) []column {
	t.Helper()
	var columns []column
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		columns = append(columns, columnOf(t, root, name, properties[name]))
	}
	return columns
}

// columns returns the table's columns as the module declares them.
func columns(t *testing.T) []column {
	t.Helper()
	text, err := os.ReadFile(reportsSchema)
	if err != nil {
		t.Fatal(err)
	}
	var read []column
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%s: %v", reportsSchema, err)
	}
	return read
}

// With UPDATE=1 in the environment the test writes the file instead.
func TestTheTableHasAColumnForEverythingThatAReportSays(t *testing.T) {
	var root property
	if err := json.Unmarshal(report.Schema, &root); err != nil {
		t.Fatal(err)
	}
	want := append(columnsOf(t, &root, root.Properties), metadata...)
	if os.Getenv("UPDATE") == "1" {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(reportsSchema, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, columns(t)); diff != "" {
		t.Errorf("the table (-report +table); UPDATE=1 go test ./test/deploy -run Table writes it:\n%s", diff)
	}
}

// Pub/Sub writes no column with another name, and to BigQuery two columns whose names
// differ only in case are one.
func TestColumnsHaveNamesThatPubSubWrites(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	var look func(within string, list []column)
	look = func(within string, list []column) {
		seen := map[string]bool{}
		for _, c := range list {
			if lower := strings.ToLower(c.Name); !valid.MatchString(c.Name) || seen[lower] {
				t.Errorf("%s%s is not a name of a column, or is there twice", within, c.Name)
			} else {
				seen[lower] = true
			}
			if len(c.Description) > 1024 {
				t.Errorf("%s%s: a description has at most 1024 characters", within, c.Name)
			}
			look(within+c.Name+".", c.Fields)
		}
	}
	look("", columns(t))
}
