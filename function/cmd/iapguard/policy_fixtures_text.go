package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// tested is what a policy makes of fixtures.
type tested struct {
	Policy   string        `json:"policy"`
	Digest   string        `json:"digest,omitempty"`
	Fixtures int           `json:"fixtures"`
	Errors   []problem     `json:"errors,omitempty"` // why a file could not be read
	Wrong    []wrongResult `json:"wrong"`
}

// wrongResult is a fixture whose service gets something else.
type wrongResult struct {
	File         string       `json:"file"`
	Line         int          `json:"line"`
	Column       int          `json:"column"`
	Name         string       `json:"name"`
	Service      string       `json:"service"`
	Rule         string       `json:"rule,omitempty"` // that decides
	Undecided    string       `json:"undecided,omitempty"`
	SkippedRules []string     `json:"passedOver,omitempty"`
	Differences  []difference `json:"differences"`
}

type difference struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key"`
	Want   string `json:"want"`
	Got    string `json:"got"`
}

// print prints the differences as a diff, under the place of each fixture.
func (t tested) print(out io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(t)
	}
	newScreen(out).print(t.lines()...)
	return nil
}

func (t tested) lines() []line {
	var lines []line
	for _, wrong := range t.Wrong {
		by := "no rule covers it"
		switch {
		case wrong.Undecided != "":
			by = "which rule decides is not known: " + wrong.Undecided
		case wrong.Rule != "":
			by = "rule " + wrong.Rule + " decides"
		}
		lines = append(lines, line{lead: fmt.Sprintf("%s:%d:%d: ", wrong.File, wrong.Line, wrong.Column), style: bold, hang: 2,
			text: fmt.Sprintf("%s: %s (-want +got)", wrong.Name, by)})
		for _, skipped := range wrong.SkippedRules {
			lines = append(lines, textLine("  passed over: %s", skipped))
		}
		for _, each := range wrong.Differences {
			lines = append(lines, line{lead: "  - ", text: each.Key + ": " + each.Want, style: red},
				line{lead: "  + ", text: each.Key + ": " + each.Got, style: green})
		}
	}
	verb := "are"
	if len(t.Wrong) == 1 {
		verb = "is"
	}
	sum := line{lead: fmt.Sprintf("%d of %d fixtures %s wrong", len(t.Wrong), t.Fixtures, verb), style: green}
	if len(t.Wrong) > 0 {
		sum.style = red
	}
	return append(lines, sum)
}
