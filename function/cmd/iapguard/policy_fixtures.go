package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/fixture"
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

func newPolicyTestCommand() *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "test FILE FIXTURES...",
		Short: "Do services get by the policy what fixtures say? Reads no cloud",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{errors.New("write iapguard policy test FILE FIXTURES..., files that say what services are to get")}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--format is %q: write text or json", format)}
			}
			found, err := testPolicy(args[0], args[1:], time.Now())
			switch {
			case err != nil && format == "json":
				unread := tested{Policy: args[0], Errors: problemsIn("", err), Wrong: []wrongResult{}}
				if err := unread.print(command.OutOrStdout(), format); err != nil {
					return err
				}
				return statusError(exitUsage)
			case err != nil:
				return printProblems(command.ErrOrStderr(), err)
			}
			if err := found.print(command.OutOrStdout(), format); err != nil {
				return err
			}
			if len(found.Wrong) > 0 {
				return statusError(exitFailed)
			}
			return nil
		},
	}
	command.Flags().StringVar(&format, "format", "text", "text or json")
	return command
}

// testPolicy compares a policy with the fixtures of files.
func testPolicy(name string, files []string, now time.Time) (tested, error) {
	rules, err := policy.Read(name, now)
	problems := []error{err}
	var fixtures []fixture.Fixture
	for _, file := range files {
		read, err := fixture.Read(file)
		fixtures, problems = append(fixtures, read...), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return tested{}, err
	}
	found := tested{Policy: name, Digest: rules.Digest(), Fixtures: len(fixtures), Wrong: []wrongResult{}}
	for _, each := range fixtures {
		result := each.Check(rules, now)
		if len(result.Differences) == 0 {
			continue
		}
		wrong := wrongResult{File: each.File, Line: each.Line, Column: each.Column, Name: each.Name,
			Service: each.Subject.Name(), Rule: result.Rule, Undecided: result.Undecided, SkippedRules: result.SkippedRules}
		for _, d := range result.Differences {
			wrong.Differences = append(wrong.Differences, difference(d))
		}
		found.Wrong = append(found.Wrong, wrong)
	}
	return found, nil
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
