package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/change"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// changes compares two policies for one service as it is now.
type changes struct {
	Service string      `json:"service"`
	Changes bool        `json:"changes"`
	Risk    change.Risk `json:"risk"`
	Why     string      `json:"why,omitempty"`    // why it loses its protection, or is not known
	Looser  []string    `json:"looser,omitempty"` // keys of a rule, exemptions, and rules
	Tighter []string    `json:"tighter,omitempty"`
	Other   []string    `json:"other,omitempty"` // keys in which neither is as strict as the other
	Old     prediction  `json:"old"`
	New     prediction  `json:"new"`
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
	Why          string   `json:"why,omitempty"` // why the service could not be looked at
}

func newPolicyDiffCommand() *cobra.Command {
	var o options
	var exitCode bool
	command := &cobra.Command{
		Use:   "diff OLD NEW TARGET...",
		Short: "What would another policy change, the riskiest first? Nothing is written",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) < 3 {
				return usageError{
					errors.New("write iapguard policy diff OLD NEW projects/PROJECT[/locations/LOCATION[/services/SERVICE]]")}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			format := o.format
			printed, known := diffFormats[format]
			if !known {
				return usageError{fmt.Errorf("--format is %q: write text, json or md", o.format)}
			}
			o.format, o.stderr = "text", command.ErrOrStderr // what the session knows
			found, err := diffPolicies(command.Context(), &o, args)
			if invalid, is := errors.AsType[invalidPolicies](err); is {
				return invalid.print(command, format)
			} else if err != nil {
				return err
			}
			if err := printed(command.OutOrStdout(), found); err != nil {
				return fmt.Errorf("printing the changes: %w", err)
			}
			return found.status(exitCode)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.format, "format", "text", "text, json (one service a line), or md (a comment of a pull request)")
	flags.StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	flags.BoolVar(&exitCode, "exit-code", false, "exit with 3 when something changes for a service")
	return command
}

// invalidPolicies is why policies could not be compared: what is wrong with one, or with both.
type invalidPolicies struct{ error }

// print prints the problems as policy check does in JSON; else they are what is wrong with the
// command line.
func (e invalidPolicies) print(command *cobra.Command, format string) error {
	if format != "json" {
		return usageError(e)
	}
	problems := struct {
		Errors []problem `json:"errors"`
	}{problemsIn("", e.error)}
	if err := json.NewEncoder(command.OutOrStdout()).Encode(problems); err != nil {
		return fmt.Errorf("printing what is wrong: %w", err)
	}
	return statusError(exitUsage)
}

func diffPolicies(ctx context.Context, o *options, args []string) (*policyDiff, error) {
	var policies [2]policy.Policy
	var problems [2]error
	for i := range policies {
		if policies[i], problems[i] = policy.Read(args[i], time.Now()); args[0] == args[1] {
			problems[1] = nil
		}
	}
	if err := errors.Join(problems[:]...); err != nil {
		return nil, invalidPolicies{err}
	}
	scopes, err := parseScopes(args[2:])
	if err != nil {
		return nil, err
	}
	o.policy = args[1]
	session, err := o.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	targets, unlisted := session.list(ctx, scopes)
	if len(targets) == 0 && len(unlisted) > 0 {
		return nil, errors.Join(slices.Collect(maps.Values(unlisted))...)
	}
	found := &policyDiff{oldDigest: policies[0].Digest(), newDigest: policies[1].Digest(),
		services: session.diffEach(ctx, policies, targets)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for scope, why := range unlisted {
		failed := prediction{Outcome: string(report.Failed), Why: why.Error()}
		found.services = append(found.services, changes{Service: scope.Name(), Changes: true, Risk: change.Unknown,
			Why: why.Error(), Old: failed, New: failed})
	}
	slices.SortStableFunc(found.services, func(a, b changes) int {
		order := change.Risks()
		return cmp.Or(cmp.Compare(slices.Index(order, a.Risk), slices.Index(order, b.Risk)), cmp.Compare(a.Service,
			b.Service))
	})
	return found, nil
}

// diffEach compares two policies for every service.
func (s *session) diffEach(ctx context.Context, policies [2]policy.Policy, targets []posture.Target) []changes {
	all := make([]changes, len(targets))
	now := time.Now()
	var group errgroup.Group
	group.SetLimit(auditTogether)
	for at, target := range targets {
		group.Go(func() error {
			seen := &snapshot{Cloud: s.engine.Cloud}
			var effects [2]prediction
			var says [2]change.Said
			for i := range policies {
				engine := *s.engine
				asked := &askedPolicy{Policy: policies[i], about: target, said: &says[i]}
				engine.Cloud, engine.Policy = seen, func() reconcile.Policy { return asked }
				effects[i] = predict(ctx, &engine, target)
			}
			all[at] = compared(target, effects, change.Of(says[0], says[1], now))
			return nil
		})
	}
	_ = group.Wait() // no look fails the others
	return all
}

// compared is what the policies change for one service. It may end otherwise although they say
// the same of it: by what they say of the services beside it.
func compared(target posture.Target, effects [2]prediction, step change.Change) changes {
	otherwise := effects[0].Outcome != effects[1].Outcome || !slices.Equal(effects[0].Steps, effects[1].Steps)
	switch failed := cmp.Or(effects[0].Why, effects[1].Why); {
	case effects[0].Outcome == "gone" && effects[1].Outcome == "gone":
		step = change.Change{Risk: change.None}
	case failed != "" && step.Risk != change.Loses:
		step.Risk, step.Why = change.Unknown, failed
	case step.Risk == change.None && otherwise:
		step.Risk = change.Otherwise
	}
	return changes{target.Name(), step.Risk != change.None, step.Risk, step.Why, step.Looser, step.Tighter, step.Other,
		effects[0], effects[1]}
}

// askedPolicy keeps what a policy says about one service when the engine asks it.
type askedPolicy struct {
	policy.Policy
	about posture.Target
	said  *change.Said
}

func (p *askedPolicy) For(subject policy.Subject) (policy.Settings, bool) {
	settings, inScope := p.Policy.For(subject)
	if subject.Service == p.about.Service && subject.Location == p.about.Location &&
		(subject.Project == p.about.Project || subject.ProjectNumber == p.about.Project) {
		*p.said = change.Said{Settings: settings, InScope: inScope, Known: true}
	}
	return settings, inScope
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
		return prediction{Outcome: string(report.Failed), Why: err.Error()}
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

func (e prediction) String() string {
	if e.Rule == "" {
		return e.Outcome
	}
	text := fmt.Sprintf("%s (rule %s, mode %s, %d steps)", e.Outcome, e.Rule, e.Mode, len(e.Steps))
	return strings.Join(append([]string{text}, e.SkippedRules...), "\n       passed over: ")
}
