package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// changes compares two policies for one service as it is now.
type changes struct {
	Target  string     `json:"target"`
	Changes bool       `json:"changes"`
	Old     prediction `json:"old"`
	New     prediction `json:"new"`
}

// prediction is how the function would end under a policy, acting by itself.
type prediction struct {
	// Outcome is that of the report, or "left-alone" without a rule, or "written"
	// where the function would take its steps.
	Outcome string      `json:"outcome"`
	Rule    string      `json:"rule,omitempty"`
	Mode    policy.Mode `json:"mode,omitempty"`
	// SkippedRules are rules that the labels or the name select and that do not decide, and why.
	SkippedRules []string `json:"passedOver,omitempty"`
	Steps        []string `json:"steps,omitempty"`
}

func newPolicyDiffCommand() *cobra.Command {
	var o options
	var exitCode bool
	command := &cobra.Command{
		Use:   "diff OLD NEW TARGET...",
		Short: "Which services would end otherwise under another policy? Nothing is written",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) < 3 {
				return usageError{
					errors.New("write iapguard policy diff OLD NEW projects/PROJECT[/locations/LOCATION[/services/SERVICE]]")}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			found, err := diffPolicies(command.Context(), &o, args)
			if err != nil {
				return err
			}
			return printChanges(command.OutOrStdout(), found, o.format == "json", exitCode)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.format, "format", "text", "text or json (json: one object a line)")
	flags.StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	flags.BoolVar(&exitCode, "exit-code", false, "exit with 3 when a service would end otherwise")
	return command
}

func diffPolicies(ctx context.Context, o *options, args []string) ([]changes, error) {
	var policies [2]policy.Policy
	for i := range policies {
		var err error
		if policies[i], err = policy.Read(args[i], time.Now()); err != nil {
			return nil, usageError{err}
		}
	}
	scopes, err := parseScopes(args[2:])
	if err != nil {
		return nil, err
	}
	o.policy = args[1]
	session, targets, err := o.openFor(ctx, scopes, nil)
	if err != nil {
		return nil, err
	}
	list := make([]changes, 0, len(targets))
	for _, target := range targets {
		seen := &snapshot{Cloud: session.engine.Cloud}
		var effects [2]prediction
		for i := range policies {
			engine := *session.engine
			engine.Cloud, engine.Policy = seen, func() reconcile.Policy { return policies[i] }
			effects[i] = predict(ctx, &engine, target)
		}
		otherwise := effects[0].Outcome != effects[1].Outcome || !slices.Equal(effects[0].Steps, effects[1].Steps)
		list = append(list, changes{target.Name(), otherwise, effects[0], effects[1]})
	}
	return list, nil
}

// snapshot is one observation for several policies.
type snapshot struct {
	reconcile.Cloud
	done bool
	seen posture.Posture
	err  error
}

func (s *snapshot) Observe(ctx context.Context, target posture.Target) (posture.Posture, error) {
	if !s.done {
		s.seen, s.err = s.Cloud.Observe(ctx, target)
		s.done = s.err == nil
	}
	return s.seen, s.err
}

// predict returns what the function would do without a person's consent.
func predict(ctx context.Context, engine *reconcile.Engine, target posture.Target) prediction {
	final, err := engine.Run(ctx, reconcile.Request{
		Target: target, DryRun: true, Cause: event.Cause{Kind: event.CommandReceived, Method: "policy diff",
			Key: "command:policy-diff"},
	})
	switch {
	case errors.Is(err, reconcile.ErrGone):
		return prediction{Outcome: "gone"}
	case err != nil:
		return prediction{Outcome: string(report.Failed)}
	case final.Outcome == report.Uncovered:
		return prediction{Outcome: "left-alone"}
	}
	ended := prediction{Outcome: string(final.Outcome), Rule: final.Policy.Rule, Mode: final.Mode,
		SkippedRules: final.Policy.SkippedRules}
	if final.WouldAct {
		ended.Outcome = "written"
	}
	for _, step := range final.Steps {
		ended.Steps = append(ended.Steps, strings.TrimSpace(step.Op+" "+step.Resource+" "+step.To))
	}
	return ended
}

// printChanges prints the services that change outcome, as JSON all of them, and
// returns the exit status as an error.
func printChanges(out io.Writer, list []changes, asJSON, exitCode bool) error {
	changed, failed := 0, false
	for _, c := range list {
		failed = failed || c.Old.Outcome == string(report.Failed) || c.New.Outcome == string(report.Failed)
		if c.Changes {
			changed++
		}
		if asJSON {
			if err := json.NewEncoder(out).Encode(c); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
		} else if c.Changes {
			fmt.Fprintf(out, "%s\n  old: %s\n  new: %s\n", c.Target, c.Old, c.New)
		}
	}
	if !asJSON {
		fmt.Fprintf(out, "%d of %d services would end otherwise\n", changed, len(list))
	}
	switch {
	case failed:
		return statusError(exitFailed)
	case exitCode && changed > 0:
		return statusError(exitPending)
	}
	return nil
}

func (e prediction) String() string {
	if e.Rule == "" {
		return e.Outcome
	}
	text := fmt.Sprintf("%s (rule %s, mode %s, %d steps)", e.Outcome, e.Rule, e.Mode, len(e.Steps))
	return strings.Join(append([]string{text}, e.SkippedRules...), "\n       passed over: ")
}
