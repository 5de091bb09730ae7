package main

import (
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"
)

func newCloseBreakerCommand() *cobra.Command {
	var reason, by string
	var talk sending
	var o options
	command := &cobra.Command{
		Use:   "close-breaker --reason REASON",
		Short: "Let the circuit breaker hold back nothing of what has failed until now",
		Long: "The circuit breaker holds a kind of step back for an hour after the same write did not hold, or kept everybody " +
			"out, several times. The deployment that the context names closes it; or this command does in its memory, where " +
			"IAPGUARD_MEMORY names that, with the permissions storage.objects.get, create and delete on the bucket. What fails " +
			"afterwards counts again.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if reason == "" {
				return usageError{errors.New("closing the circuit breaker has a reason: write --reason \"why\"")}
			}
			if os.Getenv("IAPGUARD_MEMORY") == "" {
				talk.endpoint = o.endpoint
				if sent, err := talk.sendInContext(command.Context(), command.OutOrStdout(),
					map[string]any{"command": "close-breaker", "reason": reason}); sent {
					return err
				}
			}
			o.format, o.stderr = "text", command.ErrOrStderr
			session, err := o.open(command.Context(), nil)
			if err != nil {
				return err
			}
			if !session.remembers {
				return usageError{errors.New("the circuit breaker is in the deployment's memory: name the deployment with " +
					"iapguard context use, or the memory with IAPGUARD_MEMORY=gs://BUCKET")}
			}
			by = cmp.Or(by, whoTypes())
			if err := session.engine.CloseBreaker(command.Context(), by, reason); err != nil {
				return err
			}
			newScreen(command.OutOrStdout()).printf("the circuit breaker is closed by %s: %s", by, reason)
			return nil
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why; iapguard status shows it")
	talk.addTalk(command)
	command.Flags().StringVar(&by, "by", "", "who; iapguard status shows it (default: the user who types)")
	command.Flags().StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	return command
}
