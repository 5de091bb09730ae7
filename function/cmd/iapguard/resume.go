package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func newResumeCommand() *cobra.Command {
	var file holdsFlag
	command := &cobra.Command{
		Use:   "resume TARGET",
		Short: "Allow writes again that a hold stopped",
		Args:  oneHold,
		RunE: func(command *cobra.Command, args []string) error {
			named, err := policy.HoldOn(args[0])
			if err != nil {
				return usageError{err}
			}
			var wider *policy.Hold
			if err := changeHolds(command.Context(), &file, func(h policy.Holds) (left policy.Holds, err error) {
				left, wider, err = resumed(h, named, time.Now())
				return left, err
			}); err != nil {
				return err
			}
			printResumed(command.OutOrStdout(), named.Name(), wider)
			return nil
		},
	}
	file.add(command)
	return command
}

// resumed removes the hold of exactly this name. wider is a hold that still covers its
// scope, or nil; those of folders and organizations are not looked at.
func resumed(h policy.Holds, named policy.Hold, now time.Time) (left policy.Holds, wider *policy.Hold, err error) {
	left = h.Without(named.Name())
	if len(left.At(now)) == len(h.At(now)) {
		return h, nil, fmt.Errorf("there is no hold on exactly %s; iapguard status lists the holds", named.Name())
	}
	if named.Above != "" {
		return left, nil, nil
	}
	return left, left.On(posture.Target(named.Scope), "", now), nil
}

func printResumed(out io.Writer, name string, wider *policy.Hold) {
	fmt.Fprintf(out, "the hold on %s is lifted\n", name)
	if wider != nil {
		fmt.Fprintf(out, "it stays held by the hold on %s, until %s\n", wider.Name(), wider.Until.Format(time.RFC3339))
	}
}
