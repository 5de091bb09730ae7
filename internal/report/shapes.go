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
	decoder := json.NewDecoder(from)
	for entry := 1; ; entry++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, fmt.Errorf("entry %d is not JSON: %w", entry, err)
		}
		found, err := readForm(raw)
		if all = append(all, found...); err != nil {
			return all, fmt.Errorf("entry %d: %w", entry, err)
		}
	}
}

// readForm reads the reports of one JSON value.
func readForm(raw json.RawMessage) ([]Report, error) {
	var several []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &several); err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		var all []Report
		for i, one := range several {
			found, err := readForm(one)
			if all = append(all, found...); err != nil {
				return all, fmt.Errorf("element %d: %w", i+1, err)
			}
		}
		return all, nil
	}
	var pulled struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if json.Unmarshal(raw, &pulled) == nil && len(pulled.Message.Data) > 0 {
		return readForm(pulled.Message.Data)
	}
	if row, is := rowOf(raw); is {
		raw = row
	}
	one, err := Read(raw)
	if err != nil {
		return nil, err
	}
	return []Report{one}, nil
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
