package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// planning is what the user typed, and where the command prints.
type planning struct {
	options
	exitCode    bool
	typed       []string // the flags that apply takes too
	out, stderr io.Writer
}

func newPlanCommand() *cobra.Command {
	var p planning
	command := &cobra.Command{
		Use:   "plan TARGET...",
		Short: "Show what apply would do to these services, and why; nothing is written",
		Args:  wantPlaces,
		RunE: func(command *cobra.Command, args []string) error {
			p.out, p.stderr, p.typed = command.OutOrStdout(), command.ErrOrStderr(), typedFlags(command)
			return p.run(command.Context(), args)
		},
	}
	p.add(command)
	p.formats = []string{"md"}
	flags := command.Flags()
	flags.Lookup("format").Usage = "text, json (one object a line) or md (a comment for a pull request)"
	flags.Lookup("output").Usage = "keep the plan in this file, which apply takes; one JSON object a line"
	flags.BoolVar(&p.exitCode, "exit-code", false, "exit with 3 when there are steps to take")
	return command
}

func (p *planning) run(ctx context.Context, args []string) error {
	places, err := parsePlaces(args)
	if err != nil {
		return err
	}
	session, err := p.open(ctx, nil)
	if err != nil {
		return err
	}
	var kept *outputFile
	if p.output != "" {
		if kept, err = createOutput(p.output); err != nil {
			return err
		}
		defer kept.abandon()
	}
	found, err := p.print(ctx, session, places, kept)
	if kept != nil && err == nil {
		err = kept.Close()
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return statusError(exitInterrupted)
	case found.failed():
		return statusError(exitFailed)
	case p.exitCode && slices.ContainsFunc(found.reports, func(r report.Report) bool { return len(r.Steps) > 0 }):
		return statusError(exitPending)
	}
	return nil
}

// print prints the plans of the services in places, and keeps them.
func (p *planning) print(
	ctx context.Context, session *session, places []policy.Hold, kept *outputFile,
) (planned, error) {
	found, err := session.plan(ctx, "plan", places)
	if err != nil {
		return found, err
	}
	if kept != nil {
		for _, each := range found.reports {
			_ = json.NewEncoder(kept).Encode(each) // Close returns its error
		}
	}
	switch screen := newScreen(p.out); p.format {
	case "json":
		for _, each := range found.reports {
			_ = json.NewEncoder(p.out).Encode(each) // an error of the write ends the program with exitFailed
		}
	case "md":
		_, _ = io.WriteString(p.out, markdown(found.reports, p.output, p.typed))
	default:
		screen.print(planLines(found.reports)...)
		if p.output != "" && effectOf(found.reports).steps > 0 {
			screen.print(line{lead: "to apply exactly this: ", text: applyCommand([]string{p.output}, p.typed), whole: true})
		}
	}
	found.note(p.stderr)
	return found, nil
}

// typedFlags are the flags that a command was given and that apply takes too, as words.
func typedFlags(command *cobra.Command) []string {
	var words []string
	for _, name := range []string{"context", "as", "url", "policy", "no-policy", "holds", "endpoint"} {
		switch flag := command.Flags().Lookup(name); {
		case flag == nil || !flag.Changed:
		case flag.Value.Type() == "bool":
			words = append(words, "--"+name)
		default:
			words = append(words, "--"+name, flag.Value.String())
		}
	}
	return words
}

// planned are the plans of several services.
type planned struct {
	command string // that asks for them
	reports []report.Report
	errors  []error // why a service has no plan, or a place with services was not listed
	looked  int     // how many services were looked at, if not all
	of      int
}

// plan looks at every service in places for a command, and writes nothing. What it has when
// the context ends is a result. It returns an error where there is nothing to look at.
func (s *session) plan(ctx context.Context, command string, places []policy.Hold) (planned, error) {
	var looks []looked
	far, err := s.survey(ctx, surveyOptions{command: command}, places, func(one looked) { looks = append(looks, one) })
	if err == nil && far.services == 0 {
		err = errors.Join(far.errors()...)
	}
	if err != nil {
		return planned{}, err
	}
	found := planned{command: command, errors: far.errors(), of: far.services}
	found.add(ctx, looks)
	return found, nil
}

// add adds what came of looks, in the order of the services' names.
func (p *planned) add(ctx context.Context, looks []looked) {
	inOrder(looks)
	subjects := map[string]bool{}
	for _, one := range looks {
		switch {
		case ctx.Err() != nil && (one.err != nil || one.final.Outcome.Retries()):
			continue // it was not looked at
		case one.err != nil:
			p.errors = append(p.errors, serviceError{one.target, one.err})
		case !subjects[one.final.Subject()]:
			subjects[one.final.Subject()] = true // a project has a number and an id
			p.reports = append(p.reports, one.final)
		}
		p.looked++
	}
}

// serviceError is why a service has no plan.
type serviceError struct {
	target posture.Target
	error
}

func (e serviceError) Error() string { return e.target.Name() + ": " + unwrapFinal(e.error).Error() }
func (e serviceError) Unwrap() error { return e.error }

// failed reports whether a service could not be looked at.
func (p planned) failed() bool {
	return len(p.errors) > 0 || slices.ContainsFunc(p.reports, func(r report.Report) bool { return lookedStatus(r) != exitDone })
}

// note prints on standard error what is missing, and why.
func (p planned) note(stderr io.Writer) {
	screen := newScreen(stderr)
	for _, err := range p.errors {
		screen.print(errorLines(err)...)
	}
	if p.looked < p.of {
		screen.print(line{text: fmt.Sprintf("iapguard: interrupted: %s of %s were looked at", strconv.Itoa(p.looked),
			counted(p.of, "service"))})
	}
}

// request is a run that a person asked for.
func request(command string, target posture.Target, dryRun bool) reconcile.Request {
	return reconcile.Request{
		Target: target, Consent: true, DryRun: dryRun,
		Cause: event.Cause{Kind: event.CommandReceived, Method: command, Key: "command:" + uuid.NewString()},
	}
}
