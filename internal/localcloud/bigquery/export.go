package bigquery

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Message is a message of a Pub/Sub subscription that writes into a table.
type Message struct {
	Subscription, ID string
	Published        time.Time
	Data             []byte
	Attributes       map[string]string
	// Fields writes the message's fields into columns of their names, not all of it into
	// the column data. Metadata writes what comes with it, too.
	Fields, Metadata bool
	// DropUnknown leaves out fields that have no column, which otherwise are an error.
	DropUnknown bool
}

// Export adds a message as a row of the table PROJECT.DATASET.TABLE, or
// PROJECT:DATASET.TABLE. Source: pubsub/docs/bigquery. Whether a record's fields are written
// with a table's schema as well is unverified: see belief.Beliefs.RefuseNestedRows.
func (a *BigQuery) Export(table string, message Message) error {
	parts := strings.Split(strings.Replace(table, ":", ".", 1), ".")
	if len(parts) != 3 {
		return fmt.Errorf("writing to table %q: its name is not PROJECT.DATASET.TABLE", table)
	}
	into, ok := a.tables.Get(a.tables.Server().ByID("projects/" + parts[0] + "/datasets/" + parts[1] + "/tables/" + parts[2]))
	if !ok {
		return fmt.Errorf("writing to table %s: it does not exist", table)
	}
	row, err := message.row(columns(into.Body))
	if err != nil {
		return fmt.Errorf("writing to table %s: %w", table, err)
	}
	if field := nested(row, columns(into.Body)); field != "" && a.server.Beliefs().RefuseNestedRows {
		return fmt.Errorf("writing to table %s: field %s is a record", table, field)
	}
	cells, problem := encode(apiserver.List(apiserver.Object(into.Body, "schema"), "fields"), row, message.DropUnknown)
	if problem != "" {
		return fmt.Errorf("writing to table %s: %s", table, problem)
	}
	a.rows.add(into.Name, []any{object{"f": cells}})
	return nil
}

// nested is the first field of a row, by name, that fills a record; "" = there is none.
func nested(row object, columns map[string]object) string {
	for _, name := range slices.Sorted(maps.Keys(row)) {
		kind := apiserver.Text(columns[strings.ToLower(name)], "type")
		if row[name] != nil && (kind == "RECORD" || kind == "STRUCT") {
			return name
		}
	}
	return ""
}

// row is the message as a row of a table with these columns.
func (m Message) row(columns map[string]object) (object, error) {
	row := object{}
	if m.Fields {
		decoder := json.NewDecoder(bytes.NewReader(m.Data))
		decoder.UseNumber()
		if err := decoder.Decode(&row); err != nil {
			return nil, fmt.Errorf("reading the message as JSON: %w", err)
		}
	} else {
		data, err := value(m.Data, apiserver.Text(columns["data"], "type"))
		if err != nil {
			return nil, err
		}
		row["data"] = data
	}
	if m.Metadata {
		attributes, err := json.Marshal(m.Attributes)
		if err != nil {
			return nil, fmt.Errorf("encoding the attributes: %w", err)
		}
		if row["attributes"], err = value(attributes, apiserver.Text(columns["attributes"], "type")); err != nil {
			return nil, err
		}
		row["subscription_name"], row["message_id"] = m.Subscription, m.ID
		row["publish_time"] = m.Published.UTC().Format(time.RFC3339Nano)
	}
	return row, nil
}

// value is data as a column of a type takes it.
func value(data []byte, kind string) (any, error) {
	switch kind {
	case "BYTES":
		return base64.StdEncoding.EncodeToString(data), nil
	case "JSON":
		var decoded any
		if err := json.Unmarshal(data, &decoded); err != nil {
			return nil, fmt.Errorf("reading a value as JSON: %w", err)
		}
		return decoded, nil
	}
	return string(data), nil
}
