package main

import (
	"context"
	"io"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

func newPlanCommand() *cobra.Command {
	var o options
	var exitCode bool
	command := &cobra.Command{
		Use:   "plan TARGET...",
		Short: "Show what apply would do to these services, and why; nothing is written",
		Args:  wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			steps, err := planAll(command.Context(), &o, args, command.OutOrStdout())
			if err == nil && exitCode && steps {
				return statusError(exitPending)
			}
			return err
		},
	}
	o.add(command)
	command.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 when there are steps to take")
	return command
}

// planAll prints a plan for every target; steps says whether any has steps.
func planAll(ctx context.Context, o *options, args []string, out io.Writer) (steps bool, err error) {
	scopes, err := parseScopes(args)
	if err != nil {
		return false, err
	}
	session, targets, err := o.openFor(ctx, scopes, nil)
	if err != nil {
		return false, err
	}
	printer, err := o.printer(out)
	if err != nil {
		return false, err
	}
	failed := false
	for _, target := range targets {
		final, err := session.engine.Run(ctx, request("plan", target, true))
		if failed = printer.result(target, final, err) || failed; err == nil {
			steps = steps || len(final.Steps) > 0
		}
	}
	return steps, printer.end(failed)
}

// request is a run that a person asked for.
func request(command string, target posture.Target, dryRun bool) reconcile.Request {
	return reconcile.Request{
		Target: target, Consent: true, DryRun: dryRun,
		Cause: event.Cause{Kind: event.CommandReceived, Method: command, Key: "command:" + uuid.NewString()},
	}
}
