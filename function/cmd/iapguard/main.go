// Command iapguard protects Cloud Run services with Identity-Aware Proxy: as a
// deployed function (serve), by hand (plan, apply), and with a local slice of
// Google Cloud to try it on (local).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// usageError is wrong usage or unreadable input: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// statusError ends the program with a status of its own; what there was to say
// has been printed.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that has ended is an error of the write, and ends no step
	ctx, stop := interruptible(context.Background(), func() { os.Exit(exitInterrupted) })
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes a command line and returns its exit status. Output that could not
// be written is a failure, whatever else the command did.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	return runCommand(ctx, root, stdout, stderr)
}

// runCommand executes the command line that a root command was given.
func runCommand(ctx context.Context, root *cobra.Command, stdout, stderr io.Writer) int {
	out, said := &output{to: stdout}, &output{to: stderr}
	root.SetOut(out)
	root.SetErr(said)
	err := root.ExecuteContext(ctx)
	var status statusError // 0 = the error says why
	_ = errors.As(err, &status)
	interrupted := ctx.Err() != nil
	if out.err != nil && status != exitInterrupted {
		err, status, interrupted = fmt.Errorf("writing output: %w", out.err), 0, false
	}
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case interrupted && status == exitFailed:
		return exitInterrupted
	case status != 0:
		return int(status)
	case interrupted && errors.Is(err, context.Canceled):
		err = errInterrupted
	}
	if err != nil && strings.Contains(err.Error(), noCredentials) {
		err = fmt.Errorf("nobody is logged in: run %s, or set GOOGLE_APPLICATION_CREDENTIALS (%w)", command.Login(), err)
	}
	// An error may hold text from outside. That it cannot be written leaves the exit status.
	newScreen(said).print(errorLines(err)...)
	switch {
	case interrupted:
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// noCredentials is in the error of Google's library where nobody is logged in.
const noCredentials = "could not find default credentials"

// errorLines are an error for a person.
func errorLines(err error) []line {
	first, rest, more := strings.Cut(err.Error(), "\n")
	lines := []line{{lead: "iapguard: ", text: first, style: red, hang: 2}}
	if more {
		lines = append(lines, textLines(rest)...)
	}
	return lines
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "iapguard",
		Short:         "Keep every Cloud Run service reachable only through Identity-Aware Proxy",
		Version:       function.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noMore,
		RunE:          serve,

		PersistentPreRun: func(command *cobra.Command, _ []string) { allowLinks(command) },
	}
	root.SetHelpFunc(showHelp)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w%s (see %s --help)", err, flagLike(command, err), command.CommandPath())}
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newServeCommand(), newPlanCommand(), newApplyCommand(), newAuditCommand(), newDoctorCommand(),
		newUndoCommand(), newSendCommand(), newApproveCommand(), newContextCommand(), newExplainCommand(), newHoldCommand(), newResumeCommand(), newCloseBreakerCommand(),
		newStatusCommand(), newReportsCommand(), newVerifyCommand(), newPolicyCommand(), newCompletionCommand(), newVersionCommand())
	addLocalCommand(root)
	addManCommand(root)
	addExamples(root)
	addCompletions(root)
	return root
}

// noMore refuses arguments, naming the first.
func noMore(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command or argument %.80q%s (see %s --help)", args[0],
			commandLike(command, args[0]), command.CommandPath())}
	}
	return nil
}
