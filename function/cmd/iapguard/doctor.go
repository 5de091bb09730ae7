package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	options
	self []string
}

func newDoctorCommand() *cobra.Command {
	var o doctorOptions
	command := &cobra.Command{
		Use:   "doctor TARGET...",
		Short: "Say why a service answers 403, and what to do; nothing is written",
		Long: `Doctor looks at one service that answers "403 Forbidden" or "Your client does
not have permission to get URL", and at everything before it, and says what is
wrong in one verdict, what it looked at, and what to type next. Of the services of
a project or location it shows the verdict of each, those to act on last.`,
		Args: wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			scopes, err := parseScopes(args)
			if err != nil {
				return err
			}
			return o.diagnose(command.Context(), scopes, command.OutOrStdout())
		},
	}
	o.add(command)
	command.Flags().StringSliceVar(&o.self, "self", nil,
		"e-mails of iapguard's own service accounts, whose new revisions are redeploys (default $IAPGUARD_SELF)")
	return command
}

// diagnose prints what is wrong with the services of scopes.
func (o *doctorOptions) diagnose(ctx context.Context, scopes []posture.Scope, out io.Writer) error {
	session, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	targets, unlisted := session.list(ctx, scopes)
	if err := errors.Join(slices.Collect(maps.Values(unlisted))...); err != nil {
		return err
	}
	if len(o.self) > 0 {
		session.engine.Self.Principals = o.self
	}
	printer, err := o.printer(out)
	if err != nil {
		return err
	}
	failed := false
	var found []report.Report
	for _, target := range targets {
		asked := request("doctor", target, true)
		asked.Diagnose = true
		final, err := session.engine.Run(ctx, asked)
		if err != nil || final.Verdict == "" || printer.json {
			failed = printer.result(target, final, err) || failed
			continue
		}
		printer.keep(final)
		failed = failed || final.Outcome == report.Blocked || final.Outcome == report.Failed
		found = append(found, final)
	}
	lines := diagnosesLines(found)
	if len(targets) == 1 && len(found) == 1 {
		lines = diagnosisLines(found[0])
	}
	newScreen(out).print(lines...)
	return printer.end(failed)
}

// unremarkable are verdicts about a service that needs nobody.
var unremarkable = []string{string(doctor.NothingFound), string(doctor.OldNews)}

// diagnosesLines are a line for each service, those that need somebody last.
func diagnosesLines(found []report.Report) []line {
	act := func(r report.Report) int {
		if slices.Contains(unremarkable, string(r.Verdict)) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(found, func(x, y report.Report) int { return cmp.Compare(act(x), act(y)) })
	var lines []line
	for _, r := range found {
		lines = append(lines, line{lead: fmt.Sprintf("%-24s ", r.Verdict), text: r.Subject(),
			style: verdictStyle(r), hang: 2})
		if act(r) == 1 {
			lines = append(lines, textLine("  %s", r.Why),
				line{lead: "  next: ", text: "iapguard doctor " + r.Subject(), whole: true})
		}
	}
	return lines
}

func verdictStyle(r report.Report) style {
	if slices.Contains(unremarkable, string(r.Verdict)) {
		return green
	}
	return red
}

// diagnosisLines are a diagnosis for somebody who is new to IAP: what is wrong, the
// evidence, and what to type next.
func diagnosisLines(r report.Report) []line {
	lines := []line{{lead: r.Subject(), style: bold}, {}, {lead: "  " + string(r.Verdict), style: verdictStyle(r)},
		{lead: "  ", text: r.Why}, {}, {lead: "What was looked at", style: bold}}
	for _, each := range r.Evidence {
		lines = append(lines, line{lead: "  ", text: each.What}, line{lead: "      ", text: each.Found, style: dim})
	}
	if len(r.Advice) > 0 {
		lines = append(lines, line{}, line{lead: "What to do next", style: bold})
	}
	for _, advice := range r.Advice {
		lines = append(lines, line{lead: "  ", text: advice, whole: true, hang: 4})
	}
	return lines
}
