package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
)

func newHoldCommand() *cobra.Command {
	var file holdsFlag
	var length time.Duration
	var reason, by, policyName string
	var talk sending
	command := &cobra.Command{
		Use:   "hold TARGET --for 4h --reason REASON",
		Short: "Stop every write to a service, location, project, folder or organization at once, for a time",
		Args:  oneHold,
		RunE: func(command *cobra.Command, args []string) error {
			hold, err := policy.HoldOn(args[0])
			if err != nil {
				return usageError{err}
			}
			if length <= 0 || reason == "" {
				return usageError{errors.New("a hold has an end and a reason: write --for 4h --reason \"why\"")}
			}
			if sent, err := talk.instead(command.Context(), &file, command.OutOrStdout(), map[string]any{
				"command": "hold", "target": args[0], "for": length.String(), "reason": reason}); sent {
				return err
			}
			longest, err := longestHold(policyName)
			if err == nil {
				err = hold.CheckLength("--for", length, longest)
			}
			if err != nil {
				return usageError{err}
			}
			now := time.Now().UTC().Truncate(time.Second)
			hold.Since, hold.Until, hold.Reason, hold.By = now, now.Add(length), reason, cmp.Or(by, whoTypes())
			add := func(h policy.Holds) (policy.Holds, error) { return h.Adding(hold, longest, now) }
			if err := changeHolds(command.Context(), &file, add); err != nil {
				return err
			}
			newScreen(command.OutOrStdout()).print(heldLine(hold), endHoldLine(args[0]))
			return nil
		},
	}
	file.add(command)
	talk.addTalk(command)
	command.Flags().DurationVar(&length, "for", 0, "how long, like 4h")
	command.Flags().StringVar(&reason, "reason", "", "why; it goes into the reports")
	command.Flags().StringVar(&policyName, "policy", "",
		"policy file that says how long a hold may last (default: $IAPGUARD_POLICY)")
	command.Flags().StringVar(&by, "by", "", "who; it goes into the reports (default: the user who types)")
	return command
}

// heldLine says that a hold stands.
func heldLine(hold policy.Hold) line {
	return textLine("%s is held until %s", hold.Name(), hold.Until.Format(time.RFC3339))
}

// endHoldLine says how a hold ends earlier.
func endHoldLine(target string) line {
	return line{lead: "to end it earlier: ", text: "iapguard resume " + target, whole: true}
}

// instead sends a command to the deployment that a context names, where no holds file is named,
// and reports whether it did.
func (s *sending) instead(ctx context.Context, file *holdsFlag, out io.Writer, body map[string]any) (sent bool, err error) {
	if file.path() != "" {
		return false, nil
	}
	s.endpoint = file.endpoint
	return s.sendInContext(ctx, out, body)
}

// sendInContext sends a command to the deployment that a context names, and reports whether one does.
func (s *sending) sendInContext(ctx context.Context, out io.Writer, body map[string]any) (sent bool, err error) {
	if _, err := findContext(s.context); errors.Is(err, errNoContext) {
		return false, nil
	}
	return true, s.send(ctx, body, out)
}

// longestHold is how long a hold may last by a policy, "" = that of $IAPGUARD_POLICY, if any.
func longestHold(policyName string) (time.Duration, error) {
	name := cmp.Or(policyName, os.Getenv("IAPGUARD_POLICY"))
	if name == "" {
		return policy.Policy{}.LongestHold(), nil
	}
	rules, err := policy.Read(name, time.Now())
	return rules.LongestHold(), err
}

func changeHolds(ctx context.Context, named *holdsFlag, change func(policy.Holds) (policy.Holds, error)) error {
	holds, err := named.open(ctx)
	if err != nil {
		return err
	}
	return holds.change(ctx, change)
}

func oneHold(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{
			fmt.Errorf("%d targets: write one, like %s projects/PROJECT[/locations/LOCATION[/services/SERVICE]], "+
				"folders/NUMBER or organizations/NUMBER", len(args), command.CommandPath())}
	}
	return nil
}

func whoTypes() string {
	if current, err := user.Current(); err == nil && current.Username != "" {
		return current.Username
	}
	return "unknown"
}
