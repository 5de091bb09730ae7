package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

func newResumeCommand() *cobra.Command {
	var file holdsFlag
	var talk sending
	command := &cobra.Command{
		Use:   "resume TARGET",
		Short: "Allow writes again that a hold stopped",
		Args:  oneHold,
		RunE: func(command *cobra.Command, args []string) error {
			named, err := policy.HoldOn(args[0])
			if err != nil {
				return usageError{err}
			}
			if sent, err := talk.instead(command.Context(), &file, command.OutOrStdout(),
				map[string]any{"command": "resume", "target": args[0]}); sent {
				return err
			}
			ended, err := endGlass(command.Context(), named, &file)
			if err != nil {
				return err
			}
			if ended {
				newScreen(command.OutOrStdout()).printf("what was opened on purpose at %s is closed at the next look", named.Name())
				if file.path() == "" {
					return nil
				}
			}
			var wider *policy.Hold
			lifted := false
			if err := changeHolds(command.Context(), &file, func(h policy.Holds) (left policy.Holds, err error) {
				left, wider, err = resumed(h, named, time.Now())
				if ended && errors.Is(err, errNoHold) {
					return h, nil
				}
				lifted = err == nil
				return left, err
			}); err != nil {
				return err
			}
			if lifted {
				printResumed(command.OutOrStdout(), named.Name(), wider)
			}
			return nil
		},
	}
	file.add(command)
	talk.addTalk(command)
	return command
}

var errNoHold = errors.New("there is no hold on exactly")

// endGlass ends what was opened on purpose at a service, where the deployment's memory is
// named. It reports whether anything was.
func endGlass(ctx context.Context, named policy.Hold, file *holdsFlag) (bool, error) {
	if named.Scope.Service == "" || os.Getenv("IAPGUARD_MEMORY") == "" {
		return false, nil
	}
	session, err := (&options{format: "text", endpoint: file.endpoint, stderr: file.stderr}).open(ctx, nil)
	if err != nil {
		return false, err
	}
	return reconcile.EndBreakGlass(ctx, session.engine.Memory, posture.Target(named.Scope), time.Now())
}

// resumed removes the hold of exactly this name. wider is a hold that still covers its
// scope, or nil; those of folders and organizations are not looked at.
func resumed(h policy.Holds, named policy.Hold, now time.Time) (left policy.Holds, wider *policy.Hold, err error) {
	left = h.Without(named.Name())
	if len(left.At(now)) == len(h.At(now)) {
		return h, nil, fmt.Errorf("%w %s; iapguard status lists the holds", errNoHold, named.Name())
	}
	if named.Above != "" {
		return left, nil, nil
	}
	return left, left.On(posture.Target(named.Scope), "", now), nil
}

func printResumed(out io.Writer, name string, wider *policy.Hold) {
	screen := newScreen(out)
	screen.printf("the hold on %s is lifted", name)
	if wider != nil {
		screen.printf("it stays held by the hold on %s, until %s", wider.Name(), wider.Until.Format(time.RFC3339))
	}
}
