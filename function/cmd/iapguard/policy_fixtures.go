//go:build !deployed

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/fixture"
)

func addPolicyTestCommand(parent *cobra.Command) {
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
	parent.AddCommand(command)
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
