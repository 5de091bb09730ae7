package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// ReadAll reads reports in any of the forms in which tools print them, one JSON value after the
// other, or lists of such: a report, as -o writes it and as messages carry it; a CloudEvent;
// what gcloud pubsub subscriptions pull --format=json prints; the rows of the table of
// reports, as bq query --format=json prints them. Its error names the entry.
func ReadAll(from io.Reader) ([]Report, error) {
	var all []Report
	err := Each(from, func(one Value) error {
		r, err := one.Report()
		if err == nil {
			all = append(all, r)
		}
		return err
	})
	return all, err
}

// Value is one JSON value out of a list, a message or an event.
type Value struct {
	// JSON is the value as it was printed. Of a message or an event it is the data.
	JSON json.RawMessage
	// Row means that it is a row of the table of reports. Rows have neither all members of a
	// report nor fractions of seconds.
	Row bool
}

// Report reads the value as a report.
func (v Value) Report() (Report, error) {
	if v.Row {
		if row, is := rowOf(v.JSON); is {
			v.JSON = row
		}
	}
	return Read(v.JSON)
}

// Each calls a function with each value of a file, in any of the forms that ReadAll takes. Its
// error names the entry.
func Each(from io.Reader, do func(Value) error) error {
	decoder := json.NewDecoder(from)
	for entry := 1; ; entry++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("entry %d is not JSON: %w", entry, err)
		}
		if err := unwrap(raw, do); err != nil {
			return fmt.Errorf("entry %d: %w", entry, err)
		}
	}
}

// unwrap takes the values out of one JSON value.
func unwrap(raw json.RawMessage, do func(Value) error) error {
	var several []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &several); err != nil {
			return fmt.Errorf("it is not JSON: %w", err)
		}
		for i, one := range several {
			if err := unwrap(one, do); err != nil {
				return fmt.Errorf("element %d: %w", i+1, err)
			}
		}
		return nil
	}
	var wrapped struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
		SpecVersion string          `json:"specversion"`
		Data        json.RawMessage `json:"data"`
	}
	switch err := json.Unmarshal(raw, &wrapped); {
	case err == nil && len(wrapped.Message.Data) > 0:
		return unwrap(wrapped.Message.Data, do)
	case err == nil && wrapped.SpecVersion != "":
		return do(Value{JSON: wrapped.Data})
	}
	_, row := rowOf(raw)
	return do(Value{JSON: raw, Row: row})
}

// metadata are columns that Pub/Sub adds to those of a report. Each of them marks a row.
// Source: pubsub/docs/bigquery, "Write metadata".
var metadata = []string{"subscription_name", "message_id", "publish_time"}

// rowOf turns a row of the table into a report. bq prints every number and truth value as text, as
// the API answers them, and times without fraction, T and Z; both forms are read. The table has
// columns for some members of a step's change alone, so the step is read by its words.
// Source: bq 2.1.18 in Google Cloud CLI 528, table_reader.py and frontend/utils.py; test/gcloud runs
// it.
func rowOf(raw json.RawMessage) (json.RawMessage, bool) {
	var row map[string]any
	if json.Unmarshal(raw, &row) != nil {
		return nil, false
	}
	is := false
	for _, column := range metadata {
		_, there := row[column]
		is = is || there
	}
	if !is {
		return nil, false
	}
	text, err := json.Marshal(shaped(row, reflect.TypeFor[Report]()))
	return text, err == nil
}

// shaped is a value as JSON of a type has it: without columns that the type lacks, without
// nulls and values of any type, and with numbers, truth values and times in place of their texts.
func shaped(value any, as reflect.Type) any {
	if as.Kind() == reflect.Pointer {
		return shaped(value, as.Elem())
	}
	switch v := value.(type) {
	case map[string]any:
		if as.Kind() != reflect.Struct {
			return v
		}
		made := map[string]any{}
		for i := range as.NumField() {
			name, _, _ := strings.Cut(as.Field(i).Tag.Get("json"), ",")
			if inner, there := v[name]; there && inner != nil && as.Field(i).Type != reflect.TypeFor[json.RawMessage]() {
				made[name] = shaped(inner, as.Field(i).Type)
			}
		}
		return made
	case []any:
		made := []any{}
		for _, each := range v {
			if as.Kind() == reflect.Slice && each != nil {
				made = append(made, shaped(each, as.Elem()))
			}
		}
		return made
	case string:
		return shapedText(v, as)
	}
	return value
}

func shapedText(text string, as reflect.Type) any {
	if as == reflect.TypeFor[time.Time]() {
		for _, form := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 MST",
			"2006-01-02 15:04:05.999999999"} {
			if at, err := time.Parse(form, text); err == nil {
				return at.UTC().Format(time.RFC3339Nano)
			}
		}
		return text
	}
	switch as.Kind() {
	case reflect.Bool:
		if truth, err := strconv.ParseBool(text); err == nil {
			return truth
		}
	case reflect.Int, reflect.Int64, reflect.Float64:
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return number
		}
	}
	return text
}
