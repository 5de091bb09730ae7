package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

func newApplyCommand() *cobra.Command {
	var o options
	var yes bool
	command := &cobra.Command{
		Use:   "apply TARGET... | PLAN",
		Short: "Protect these services now, or carry out a reviewed plan exactly",
		Args:  wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			return apply(command.Context(), &o, args, yes, command.OutOrStdout())
		},
	}
	o.add(command)
	command.Flags().BoolVar(&yes, "yes", false, "do not ask on a terminal")
	return command
}

func apply(ctx context.Context, o *options, args []string, yes bool, out io.Writer) error {
	reviewed, scopes, err := parseJobs(args)
	if err != nil {
		return err
	}
	records := &recorder{}
	bench, targets, err := o.openFor(ctx, scopes, records)
	if err != nil {
		return err
	}
	jobs := reviewed
	for _, target := range targets {
		jobs = append(jobs, job{target: target})
	}
	if !yes && !agreed(jobs) {
		return errors.New("nothing was written: not agreed to")
	}
	printer, err := o.printer(out, "apply")
	if err != nil {
		return err
	}
	if printer.file != nil {
		records.file = printer.file
	}
	if bench.reportsTopic != "" {
		reports, err := topic.Open(ctx, bench.reportsTopic, bench.pubSubHost)
		if err != nil {
			return usageError{err}
		}
		defer reports.Close()
		records.topic = reports
	}
	failed := false
	for _, job := range jobs {
		final, err := bench.carryOut(ctx, job, printer)
		failed = told(printer, job.target, final, err) || failed
	}
	return printer.end(failed)
}

// job is one service to protect, with the plan that was reviewed, if any.
type job struct {
	target   posture.Target
	reviewed *report.Report
}

// parseJobs reads the arguments: one plan file, or targets.
func parseJobs(args []string) (reviewed []job, scopes []posture.Scope, err error) {
	if len(args) == 1 && !strings.HasPrefix(args[0], "projects/") {
		reviewed, err = readPlan(args[0])
		return reviewed, nil, err
	}
	scopes, err = parseScopes(args)
	return nil, scopes, err
}

// carryOut runs one job to its end. What is not due yet is waited for here, as
// the function waits for the message's redelivery.
func (b *bench) carryOut(ctx context.Context, job job, printer *printer) (report.Report, error) {
	asked := request("apply", job.target, false)
	if job.reviewed != nil {
		asked.Accept = job.accept
	}
	var done []report.Step
	var callers []caller.Caller // by what all steps mean to them, not the last alone
	for {
		final, err := b.engine.Run(ctx, asked)
		final.Steps, final.Callers = append(done, final.Steps...), caller.WorstOff(callers, final.Callers)
		if err != nil || final.Outcome != report.Deferred || final.WaitingFor == nil || final.WaitingFor.Until == nil {
			return final, err
		}
		callers = final.Callers
		done = slices.DeleteFunc(final.Steps, func(s report.Step) bool { return s.Result != report.StepDone })
		until := *final.WaitingFor.Until
		printer.progress(fmt.Sprintf("%s: waiting until %s: %s", job.target, until.Format(time.TimeOnly), final.WaitingFor.What))
		select {
		case <-ctx.Done():
			return final, ctx.Err()
		case <-time.After(time.Until(until)):
		}
		if job.reviewed != nil {
			asked.Accept = func(p plan.Plan, _ []report.Step) error { return job.within(p) }
		}
	}
}

// accept holds the plan that is right now against the one that was reviewed:
// before the first write they must be the same, versions included; after it,
// only what was reviewed may still be done.
func (j job) accept(p plan.Plan, written []report.Step) error {
	if len(written) > 0 {
		return j.within(p)
	}
	if p.ID() != j.reviewed.PlanID {
		return fmt.Errorf("the plan %s is stale: things have changed since it was made; make and review a new one (now %s)", j.reviewed.PlanID, p.ID())
	}
	return nil
}

func (j job) within(p plan.Plan) error {
	for _, step := range p.Steps {
		if !slices.ContainsFunc(j.reviewed.Steps, func(s report.Step) bool {
			return s.Op == string(step.Op) && s.Resource == step.Resource && s.Field == step.Field && s.From == step.From && s.To == step.To
		}) {
			return fmt.Errorf("the reviewed plan %s has no step %s on %s, which is needed now; make and review a new one", j.reviewed.PlanID, step.Op, step.Resource)
		}
	}
	return nil
}

// readPlan reads what plan -o wrote.
func readPlan(name string) ([]job, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("reading plan: %w (targets begin with projects/)", err)}
	}
	defer file.Close()
	var jobs []job
	decoder := json.NewDecoder(bufio.NewReader(file))
	decoder.DisallowUnknownFields()
	for {
		var r report.Report
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d is no plan: %w", name, len(jobs)+1, err)}
		}
		target, err := posture.ParseTarget(r.Subject())
		if err != nil || r.PlanID == "" {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d is no plan of a service; write one with iapguard plan TARGET -o FILE", name, len(jobs)+1)}
		}
		jobs = append(jobs, job{target, &r})
	}
	if len(jobs) == 0 {
		return nil, usageError{fmt.Errorf("reading plan %s: it is empty", name)}
	}
	return jobs, nil
}

// agreed asks on a terminal. Elsewhere typing the command was the consent.
func agreed(jobs []job) bool {
	info, err := os.Stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "" {
		return true
	}
	fmt.Fprintf(os.Stderr, "Protect %d service(s)? What would be done is shown by iapguard plan. Type yes: ", len(jobs))
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// recorder keeps the evidence of a run by hand: each report, the started one
// first, in the file of -o and on the reports topic, where these are set.
type recorder struct {
	file  io.Writer
	topic reconcile.Publisher
}

func (r *recorder) Publish(ctx context.Context, published report.Report) error {
	if r.file != nil {
		if err := json.NewEncoder(r.file).Encode(published); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if r.topic != nil {
		return r.topic.Publish(ctx, published)
	}
	return nil
}
