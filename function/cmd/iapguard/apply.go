package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// applying is what the user typed, and where the command reads and prints.
type applying struct {
	options
	yes bool
	// overLimit lets services change although a limit of the policy is used up.
	overLimit bool
	args      []string
	reviewed  []*job          // of a plan file, nil without one
	scopes    []posture.Scope // else these
	typed     []string        // the flags that the next apply needs too
	in        io.Reader
	out       io.Writer
	stderr    io.Writer
}

func newApplyCommand() *cobra.Command {
	var a applying
	command := &cobra.Command{
		Use:   "apply TARGET... | PLAN",
		Short: "Protect these services now, or carry out a reviewed plan exactly",
		Long: "Apply shows the plan, asks on a terminal, and carries exactly this plan out: where things have changed since, it " +
			"writes nothing. Where something has to take effect first, it waits. The first Ctrl-C finishes the step that is " +
			"under way, and says what was done, what was not, how to go on and how to undo it; the second ends at once.",
		Args: wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			a.in, a.out, a.stderr = command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr()
			a.args, a.typed = args, typedFlags(command)
			return a.run(command.Context())
		},
	}
	a.addWriting(command)
	command.Flags().Lookup("output").Usage = "write the reports to this file too, one JSON object a line; undo takes it"
	command.Flags().BoolVar(&a.yes, "yes", false, "do not ask on a terminal")
	command.Flags().BoolVar(&a.overLimit, "over-limit", false,
		"go on although a limit of the policy is used up")
	return command
}

func (a *applying) run(ctx context.Context) error {
	var err error
	if a.reviewed, a.scopes, err = parseJobs(a.args); err != nil {
		return err
	}
	records := &recorder{}
	session, err := a.open(ctx, records)
	if err != nil {
		return err
	}
	if session.reportsTopic != "" {
		reports, err := topic.Open(ctx, session.reportsTopic, session.pubSubHost)
		if err != nil {
			return usageError{err}
		}
		defer reports.Close()
		records.topic = reports
	}
	if a.output == "" {
		return a.work(ctx, session, records)
	}
	if records.file, err = createOutput(a.output); err != nil {
		return err
	}
	records.file.kept = true
	err = a.work(ctx, session, records)
	if closed := records.file.Close(); closed != nil {
		return closed
	}
	return err
}

// work plans, shows the plans, asks, and carries them out.
func (a *applying) work(ctx context.Context, session *session, records *recorder) error {
	found, jobs, err := a.plan(ctx, session)
	if err != nil {
		return err
	}
	w := newWork(a, session, records, jobs)
	effect := effectOf(found.reports)
	asks := !a.yes && effect.steps > 0 && terminalBehind(a.in) != nil
	if err := w.show(found, asks); err != nil {
		return fmt.Errorf("nothing was written, because the plan could not be shown: %w", err)
	}
	if ctx.Err() != nil {
		return statusError(exitInterrupted)
	}
	failed := w.unwritten(ctx, found.reports) || found.failed()
	if effect.steps > 0 {
		if asks {
			if err := a.ask(ctx, effect); err != nil {
				return err
			}
		}
		if w.do(ctx) {
			return statusError(exitInterrupted)
		}
		failed = w.failed() || failed
	}
	w.printSums()
	if failed {
		return statusError(exitFailed)
	}
	return nil
}

// plan plans what was asked for. A reviewed plan that is not the right one any more is
// refused: its report is blocked, and has no steps.
func (a *applying) plan(ctx context.Context, session *session) (planned, []*job, error) {
	var found planned
	var err error
	if a.reviewed == nil {
		found, err = session.plan(ctx, "apply", placesOf(a.scopes))
	} else {
		var targets []posture.Target
		for _, one := range a.reviewed {
			targets = append(targets, one.target)
		}
		var looks []looked
		of := session.lookAt(ctx, "apply", targets, func(one looked) { looks = append(looks, one) })
		found = planned{command: "apply", of: of}
		found.add(ctx, looks)
	}
	var jobs []*job
	for i, r := range found.reports {
		at := slices.IndexFunc(a.reviewed, func(j *job) bool { return j.target.Name() == r.Subject() })
		if at >= 0 {
			if why := a.reviewed[at].stale(r.PlanID); why != nil {
				found.reports[i] = staleReport(r, why)
				continue
			}
		}
		if target, err := posture.ParseTarget(r.Subject()); err == nil && r.WouldAct {
			jobs = append(jobs, &job{target: target, reviewed: &r, overLimit: a.overLimit})
		}
	}
	return found, jobs, err
}

// staleReport is the report of a service whose reviewed plan is not carried out.
func staleReport(r report.Report, why error) report.Report {
	r.Outcome, r.WouldAct, r.Steps, r.Findings, r.Advice = report.Blocked, false, nil, nil, []string{why.Error()}
	return r
}

// errNotAgreed ends a command at which the person said no.
var errNotAgreed = errors.New("nothing was written: not agreed to")

// ask asks the person at the terminal. Elsewhere typing the command was the consent.
func (a *applying) ask(ctx context.Context, e effect) error {
	screen := newScreen(a.stderr)
	if terminalBehind(a.stderr) == nil { // the person does not see what goes elsewhere
		screen = newScreen(terminalBehind(a.in))
	}
	screen.print(e.lines(time.Now())...)
	fmt.Fprintf(screen, "Apply %s to %s? [y/N] ", counted(e.steps, "step"), counted(e.services, "service"))
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // what cannot be read is not yes
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(screen)
		screen.print(line{text: "iapguard: interrupted: nothing was written"})
		return statusError(exitInterrupted)
	case answer := <-answered:
		if answer != "y" && answer != "yes" {
			return errNotAgreed
		}
		return nil
	}
}
