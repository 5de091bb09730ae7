//go:build !deployed

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/iapguard/iapguard/internal/door"
)

// compiled is the schema, ready to judge.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		return nil, fmt.Errorf("reading the report schema: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("report.json", document); err != nil {
		return nil, fmt.Errorf("reading the report schema: %w", err)
	}
	return compiler.Compile("report.json")
})

// Read reads a report that came from outside. What does not fit the schema is
// refused, with one line that says where. A CloudEvent in structured mode is
// read as the report that it carries.
func Read(data []byte) (Report, error) {
	var event struct {
		SpecVersion string          `json:"specversion"`
		Data        json.RawMessage `json:"data"`
	}
	if json.Unmarshal(data, &event) == nil && event.SpecVersion != "" {
		data = event.Data
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return Report{}, fmt.Errorf("it is not JSON: %w", err)
	}
	schema, err := compiled()
	if err != nil {
		return Report{}, err
	}
	if data, err = current(data, value); err != nil {
		return Report{}, err
	}
	if err := schema.Validate(value); err != nil {
		return Report{}, errors.New(firstProblem(err))
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return Report{}, fmt.Errorf("decoding report: %w", err)
	}
	return r, nil
}

// current brings a report of an older version into today's form: exposed was true or
// false.
func current(data []byte, value any) ([]byte, error) {
	report, ok := value.(map[string]any)
	was, older := report["exposed"].(bool)
	if !ok || !older {
		return data, nil
	}
	report["exposed"] = string(door.No)
	if was {
		report["exposed"] = string(door.Yes)
	}
	data, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("decoding report: %w", err)
	}
	return data, nil
}

// firstProblem is the innermost complaint about the first thing that is wrong.
func firstProblem(err error) string {
	var problem *jsonschema.ValidationError
	if !errors.As(err, &problem) {
		return err.Error()
	}
	for len(problem.Causes) > 0 {
		problem = problem.Causes[0]
	}
	where := "the report"
	for i, name := range problem.InstanceLocation {
		if i == 0 {
			where = ""
		}
		where += "/" + name
	}
	return where + ": " + problem.ErrorKind.LocalizedString(message.NewPrinter(language.English))
}
