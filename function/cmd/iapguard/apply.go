package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/iapguard/iapguard/internal/cloud/topic"
)

// applying is what the user typed, and where the command reads and prints.
type applying struct {
	options
	yes bool
	// overLimit lets services change although a limit of the policy is used up.
	overLimit bool
	in        io.Reader
	out       io.Writer
}

func newApplyCommand() *cobra.Command {
	var a applying
	command := &cobra.Command{
		Use:   "apply TARGET... | PLAN",
		Short: "Protect these services now, or carry out a reviewed plan exactly",
		Args:  wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			a.in, a.out = command.InOrStdin(), command.OutOrStdout()
			return a.run(command.Context(), args)
		},
	}
	a.addWriting(command)
	command.Flags().BoolVar(&a.yes, "yes", false, "do not ask on a terminal")
	command.Flags().BoolVar(&a.overLimit, "over-limit", false,
		"go on although a limit of the policy is used up")
	return command
}

func (a *applying) run(ctx context.Context, args []string) error {
	jobs, scopes, err := parseJobs(args)
	if err != nil {
		return err
	}
	records := &recorder{}
	session, targets, err := a.openFor(ctx, scopes, records)
	if err != nil {
		return err
	}
	for _, target := range targets {
		jobs = append(jobs, job{target: target})
	}
	for i := range jobs {
		jobs[i].overLimit = a.overLimit
	}
	if !a.yes && !agreed(a.in, len(jobs)) {
		return errors.New("nothing was written: not agreed to")
	}
	printer, err := a.printer(a.out)
	if err != nil {
		return err
	}
	if printer.kept != nil {
		records.file, printer.recorded = printer.kept, true
	}
	if session.reportsTopic != "" {
		reports, err := topic.Open(ctx, session.reportsTopic, session.pubSubHost)
		if err != nil {
			return usageError{err}
		}
		defer reports.Close()
		records.topic = reports
	}
	failed := false
	for _, job := range jobs {
		final, err := session.applyJob(ctx, job, printer)
		failed = printer.result(job.target, final, err) || failed
	}
	return printer.end(failed)
}

// agreed asks the person at the terminal that in is. Elsewhere typing the command
// was the consent.
func agreed(in io.Reader, services int) bool {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return true
	}
	fmt.Fprintf(os.Stderr, "Protect %s? iapguard plan shows what would be done. Type yes: ", counted(services, "service"))
	line, _ := bufio.NewReader(file).ReadString('\n') // what cannot be read is not yes
	return strings.TrimSpace(line) == "yes"
}
