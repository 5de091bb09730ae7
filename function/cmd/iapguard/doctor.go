package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

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
		Use:   "doctor TARGET",
		Short: "Say why this service answers 403, and what to do; nothing is written",
		Long: `Doctor looks at one service that answers "403 Forbidden" or "Your client does
not have permission to get URL", and at everything before it, and says what is
wrong in one verdict, what it looked at, and what to type next.`,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{
					errors.New("one target: write iapguard doctor projects/PROJECT/locations/LOCATION/services/SERVICE")}
			}
			target, err := posture.ParseTarget(args[0])
			if err != nil {
				return usageError{err}
			}
			return o.diagnose(command.Context(), target, command.OutOrStdout())
		},
	}
	o.add(command)
	command.Flags().StringSliceVar(&o.self, "self", nil,
		"e-mails of iapguard's own service accounts, whose new revisions are redeploys (default $IAPGUARD_SELF)")
	return command
}

// diagnose prints what is wrong with a service.
func (o *doctorOptions) diagnose(ctx context.Context, target posture.Target, out io.Writer) error {
	session, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	if len(o.self) > 0 {
		session.engine.Self.Principals = o.self
	}
	printer, err := o.printer(out)
	if err != nil {
		return err
	}
	asked := request("doctor", target, true)
	asked.Diagnose = true
	final, err := session.engine.Run(ctx, asked)
	if err != nil || final.Verdict == "" || printer.json {
		return printer.end(printer.result(target, final, err))
	}
	printer.keep(final)
	fmt.Fprint(out, diagnosisText(final))
	return printer.end(final.Outcome == report.Blocked || final.Outcome == report.Failed)
}

// diagnosisText writes a diagnosis for somebody who is new to IAP: what is wrong,
// the evidence, and what to type next.
func diagnosisText(r report.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n  %s\n  %s\n\nWhat was looked at\n", r.Subject(), r.Verdict, r.Why)
	for _, each := range r.Evidence {
		fmt.Fprintf(&b, "  %s\n      %s\n", each.What, each.Found)
	}
	if len(r.Advice) > 0 {
		b.WriteString("\nWhat to do next\n")
	}
	for _, line := range r.Advice {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}
