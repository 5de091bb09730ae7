package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/remedy"
	"github.com/iapguard/iapguard/internal/remedy/command"
	"github.com/iapguard/iapguard/internal/report"
)

func newUndoCommand() *cobra.Command {
	var o options
	var job undoing
	command := &cobra.Command{
		Use:   "undo RUN|REPORT.json | undo --policy-digest D --since T [TARGET...]",
		Short: "Take back what one run, or one version of the policy, changed, as far as we wrote it and nothing has moved since",
		Long: "Undo takes back the steps of one run, the last first. The deployment that the context names does it, by the run's " +
			"id; or this command does, from the deployment's memory, which IAPGUARD_MEMORY names, or from a report, or the started record of one. With --policy-digest and " +
			"--since it takes back every run that this version of the policy decided since then, in all services or in " +
			"those of the targets: what fails at one service stops no other. A report is a file that " +
			"anybody can write, so a step is taken back only where the memory and an entry of the audit log say that iapguard " +
			"wrote it. Without a memory, the service has to be at the version that the report names. What is left comes with " +
			"the command that takes it back by hand. The public gets back roles/run.invoker at most. The services are held " +
			"first, so that the function does not protect them again at once.",
		Args: func(command *cobra.Command, args []string) error { return job.parse(command, args, time.Now()) },
		RunE: func(command *cobra.Command, _ []string) error {
			o.format, o.stderr, job.holds.endpoint = "text", command.ErrOrStderr, o.endpoint
			if sent, err := job.send(command.Context(), o.endpoint, command.OutOrStdout()); sent {
				return err
			}
			return job.undo(command.Context(), &o, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.endpoint, "endpoint", "", "base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	flags.BoolVar(&job.yes, "yes", false, "write; without it the command only says what it would do")
	flags.StringSliceVar(&job.accounts, "account", nil,
		"e-mail address of the account whose writes are taken back (default: $IAPGUARD_SELF and those of $IAPGUARD_WRITERS)")
	flags.DurationVar(&job.hold, "hold", 4*time.Hour, "how long the services are held, so that the function does not undo the undo")
	flags.StringVar(&job.policy, "policy", "", "policy file that says how long a hold may last (default: $IAPGUARD_POLICY)")
	flags.StringVar(&job.wave.Policy, "policy-digest", "",
		"take back the runs that this version of the policy decided: the digest that reports and iapguard status show")
	flags.StringVar(&job.since, "since", "", "take back runs since a time, or for so long: 2026-11-29T22:00:00Z, or 2h")
	flags.StringVar(&job.until, "until", "", "and those before a time (default: now)")
	job.holds.add(command)
	job.talk.addTalk(command)
	return command
}

// send has the deployment that a context names take runs back, where neither its memory nor a report
// nor holds are named here. It reports whether it did.
func (u *undoing) send(ctx context.Context, endpoint string, out io.Writer) (sent bool, err error) {
	if os.Getenv("IAPGUARD_MEMORY") != "" || u.until != "" || len(u.accounts) > 0 || len(u.wave.Scopes) > 1 {
		return false, nil
	}
	if _, err := os.Stat(u.of); u.of == "-" || u.of != "" && err == nil {
		return false, nil
	}
	body := map[string]any{"command": "undo", "yes": u.yes, "for": u.hold.String()}
	if u.of != "" {
		body["run"] = u.of
	} else {
		body["policyDigest"], body["since"] = u.wave.Policy, u.wave.Since.UTC().Format(time.RFC3339)
		if len(u.wave.Scopes) == 1 {
			body["target"] = u.wave.Scopes[0].Name()
		}
	}
	u.holds.endpoint = endpoint
	return u.talk.instead(ctx, &u.holds, out, body)
}

// undoing is what the user typed.
type undoing struct {
	of           string // the id of a run, or a file of reports; "" = a wave
	since, until string
	wave         reconcile.Wave
	accounts     []string
	yes          bool
	hold         time.Duration
	policy       string
	holds        holdsFlag
	talk         sending
}

var digestText = regexp.MustCompile(`^([0-9a-f]{12}|none)$`)

// parse reads the arguments and flags before anything is connected to.
func (u *undoing) parse(command *cobra.Command, args []string, now time.Time) error {
	if u.wave.Policy == "" && u.since == "" && u.until == "" {
		if len(args) != 1 {
			return usageError{fmt.Errorf("write %s RUN, the id of a run, or %s REPORT.json, a report or the started record "+
				"of one, or --policy-digest D --since T", command.CommandPath(), command.CommandPath())}
		}
		u.of = args[0]
		return nil
	}
	if !digestText.MatchString(u.wave.Policy) || u.since == "" {
		return usageError{errors.New("to take back what a version of the policy did, write --policy-digest D, the twelve digits " +
			"that its reports and iapguard status show, and --since T")}
	}
	scopes, err := parseScopes(args)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		if strings.Trim(scope.Project, "0123456789") == "" {
			return usageError{fmt.Errorf("%s names the project by its number: runs are kept by its id, write projects/ID", scope.Name())}
		}
	}
	u.wave.Scopes = scopes
	if u.wave.Since, err = timeOrAgo("--since", u.since, now); err == nil && u.until != "" {
		u.wave.Until, err = timeOrAgo("--until", u.until, now)
	}
	if err == nil && !u.wave.Since.Before(cmp.Or(u.wave.Until, now)) {
		err = usageError{fmt.Errorf("--since %s is not before --until, or lies ahead: nothing was decided then", u.since)}
	}
	return err
}

// timeOrAgo reads a time, or how long ago it was.
func timeOrAgo(flag, text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usageError{fmt.Errorf("%s %q is not a time: write one like 2026-11-29T22:00:00Z, or how long ago, "+
			"like 2h", flag, text)}
	}
	return now.Add(-ago), nil
}

// undo plans for every service before it writes to any. Where one run is taken back, all of it
// must be planned; of a wave, what can be.
func (u *undoing) undo(ctx context.Context, o *options, out io.Writer) error {
	if u.hold <= 0 {
		return usageError{errors.New("--hold is not a time: write how long, like --hold 4h")}
	}
	session, runs, err := u.read(ctx, o)
	if len(runs) == 0 && err != nil {
		return err
	}
	failed := 0
	if err != nil {
		failed = 1 // some runs could not be read
	}
	for _, run := range runs {
		for _, id := range run.Truncated {
			note(session.stderr, "run %s had more steps than the memory keeps: the oldest are not taken back", id)
		}
	}
	if err := u.checkHold(runs); err != nil {
		return err
	}
	undoer, err := u.undoer(session, out)
	if err != nil {
		return err
	}
	screen := newScreen(out)
	planned, steps := undoer.Plan(ctx, runs), 0
	for _, one := range planned {
		if one.Err != nil && u.of != "" {
			return usageError{fmt.Errorf("undoing %s: nothing was written: %w", u.of, one.Err)}
		}
		screen.print(undoingLines(one)...)
		steps += len(one.Planned.Steps)
	}
	switch failed += len(reconcile.FailuresOf(planned)); {
	case steps == 0 && failed == 0:
		screen.printf("nothing is left to undo")
		return nil
	case steps > 0 && !u.yes:
		return errors.New("nothing was written: to undo this, add --yes")
	case steps > 0:
		if err := undoer.HoldFirst(ctx, runs); err != nil {
			return err
		}
		done := undoer.Take(ctx, planned)
		for _, one := range done {
			if one.Err == nil || len(one.Taken) > 0 {
				screen.printf("%s: %d of %d steps undone", one.Target, len(one.Taken), max(len(one.Taken), len(one.Planned.Steps)))
			}
		}
		planned = done
	}
	return u.ended(planned, err)
}

// ended is the error of a command that could not take everything back: it names each service.
func (u *undoing) ended(done []reconcile.Undone, unread error) error {
	lines := reconcile.FailuresOf(done)
	if unread != nil {
		lines = append(lines, unread.Error())
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("not everything was taken back:\n  %s", strings.Join(lines, "\n  "))
}

// undoer is what takes the runs back as this user.
func (u *undoing) undoer(session *session, out io.Writer) (*reconcile.Undoer, error) {
	undoer := session.undoer()
	if len(u.accounts) > 0 {
		undoer.Self.Principals = u.accounts
	}
	if len(undoer.Self.Principals) == 0 {
		return nil, usageError{errors.New("undo takes back what one account wrote: write --account EMAIL, the account that " +
			"iapguard wrote as, or set IAPGUARD_SELF to it")}
	}
	undoer.Hold = func(ctx context.Context, targets []posture.Target, reason string) error {
		return u.holdFirst(ctx, targets, reason, out)
	}
	return undoer, nil
}

// undoer takes runs back as who is logged in.
func (s *session) undoer() *reconcile.Undoer {
	undoer := &reconcile.Undoer{Cloud: s.cloud, Clock: s.engine.Clock, Self: s.engine.Self, Progress: undoProgress(s.stderr),
		FinishSteps: true}
	if s.remembers {
		undoer.Memory = s.engine.Memory
	}
	return undoer
}

// undoProgress shows on a terminal how far each part of an undo is.
func undoProgress(stderr io.Writer) func(what string, done, of int) {
	var shown *progress
	part := ""
	return func(what string, done, of int) {
		if what != part || shown == nil {
			part, shown = what, newProgress(stderr, what, of, progressAfter)
		}
		shown.add()
		if done == of {
			shown.end()
			shown = nil
		}
	}
}

// read reads the reports of a file before it connects, or runs from the memory. With an error
// come the runs that could be read.
func (u *undoing) read(ctx context.Context, o *options) (*session, []reconcile.Undoable, error) {
	file := strings.ContainsAny(u.of, "/.")
	if _, err := os.Stat(u.of); u.of != "" && (file || err == nil) {
		found, err := readReports(u.of)
		if err != nil {
			return nil, nil, err
		}
		session, err := o.open(ctx, nil)
		return session, found, err
	}
	if os.Getenv("IAPGUARD_MEMORY") == "" { // before anything is connected to
		missing := "runs are in the deployment's memory: name it with IAPGUARD_MEMORY=gs://BUCKET"
		if u.of != "" {
			missing = fmt.Sprintf("there is no file %s, and %s, or give a report", u.of, missing)
		}
		return nil, nil, usageError{errors.New(missing)}
	}
	session, err := o.open(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	var found []reconcile.Undoable
	if u.of == "" {
		found, err = session.undoer().Wave(ctx, u.wave)
	} else {
		found = make([]reconcile.Undoable, 1)
		if found[0], err = session.undoer().Run(ctx, u.of); err != nil {
			found = nil
		}
	}
	if errors.Is(err, reconcile.ErrNoRun) {
		err = usageError{err}
	}
	return session, found, err
}

// checkHold refuses a hold that may not last so long, before anything is written.
func (u *undoing) checkHold(runs []reconcile.Undoable) error {
	longest, err := longestHold(u.policy)
	if err == nil {
		err = policy.Hold{Scope: posture.Scope(runs[0].Target)}.CheckLength("--hold", u.hold, longest)
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}

// mostHeld bounds the holds of one undo: a holds file is read before every step, and a secret
// takes 64 KiB.
const mostHeld = 200

// holdFirst holds services where a holds file is known.
func (u *undoing) holdFirst(ctx context.Context, targets []posture.Target, reason string, out io.Writer) error {
	scopes := decide.ToHold(targets, mostHeld)
	if u.holds.path() == "" {
		stderr := u.holds.stderr()
		note(stderr, "no holds file is named, so a function that enforces will do these steps again unless a hold is placed:")
		for _, scope := range scopes {
			newScreen(stderr).print(line{lead: "  ", whole: true,
				text: fmt.Sprintf("iapguard hold %s --for %gh --reason %q", scope.Name(), u.hold.Hours(), reason)})
		}
		return nil
	}
	until := time.Now().Add(u.hold).UTC().Truncate(time.Second)
	return changeHolds(ctx, &u.holds, func(h policy.Holds) (policy.Holds, error) {
		for _, scope := range scopes {
			if h.On(posture.Target(scope), "", until) != nil {
				continue // held for longer than we would
			}
			placed := policy.Hold{Scope: scope, Until: until, Reason: reason, By: whoTypes()}
			h = h.With(placed)
			newScreen(out).print(heldLine(placed))
		}
		return h, nil
	})
}

func undoingLines(one reconcile.Undone) []line {
	lines := []line{{lead: one.Target.Name(), style: bold}}
	switch {
	case one.Gone:
		lines = append(lines, line{text: "    it is gone: nothing is to be taken back"})
	case one.Err != nil:
		lines = append(lines, line{lead: "    it cannot be taken back: ", text: one.Err.Error(), style: red})
	}
	planned := one.Planned
	for i, step := range planned.Steps {
		words := step.Words()
		lines = append(lines,
			line{lead: fmt.Sprintf("    %d. undo %-22s ", i+1, step.Op()), text: step.Resource, style: yellow, hang: 7},
			line{lead: "       ", text: changeText(report.Step{Field: words.Field, From: words.To, To: words.From}), hang: 9})
	}
	for _, step := range planned.Stays {
		lines = append(lines, line{lead: fmt.Sprintf("    %s of %s stays: ", step.Op(), step.Resource), hang: 7,
			text: staysBecause(planned.Target, step)})
	}
	for _, left := range planned.Left {
		lines = append(lines, line{lead: fmt.Sprintf("    %s of %s is left: ", left.Step.Op(), left.Step.Resource), hang: 7,
			text: left.Why, style: yellow})
		for _, by := range remedy.TakeBack(one.Seen, left.Step, left.Witnessed) {
			lines = append(lines, line{lead: "       by hand: ", text: by, whole: true})
		}
	}
	for _, door := range planned.Opens {
		lines = append(lines, line{lead: "  ! opens    ", text: fmt.Sprintf("%s  (%s)", door.Address, door.Kind), style: red})
	}
	return lines
}

// staysBecause is why undo leaves what a step did.
func staysBecause(target posture.Target, step plan.Step) string {
	switch change := step.Change.(type) {
	case plan.EnableAPI:
		return "others may rely on the API by now; where nobody does: " +
			command.DisableAPI(change.Service, target.Project).String()
	case plan.RevokeAccess, plan.WithdrawInvoker, plan.WithdrawAccess:
		return "nobody is let in without a name"
	}
	return "the new revision was made of what was there, so nothing is to take back"
}
