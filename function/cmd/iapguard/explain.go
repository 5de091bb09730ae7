package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/event"
)

// newExplainCommand is `iapguard explain`: what each event or log entry is,
// which service or backend it concerns, or why it is ignored. It reads nothing
// from any cloud.
func newExplainCommand() *cobra.Command {
	var format string
	var self []string
	cmd := &cobra.Command{
		Use:   "explain [FILE...]",
		Short: "Say what events and log entries are, and why they are ignored",
		Long: `Explain says of each event or log entry what it is and which service or
backend service it concerns, or why it is ignored. It reads JSON (one object,
an array, one a line), YAML as "gcloud logging read" prints it, CloudEvents and
Pub/Sub pushes. Without FILE, and for "-", it reads standard input.`,
		Example: "  gcloud logging read 'protoPayload.serviceName=\"run.googleapis.com\"' --format=json | iapguard explain",
		RunE: func(cmd *cobra.Command, files []string) error {
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--format %q: use text or json", format)}
			}
			if own := os.Getenv("IAPGUARD_SELF"); len(self) == 0 && own != "" {
				writers, err := function.ParseWriters(os.Getenv("IAPGUARD_WRITERS"))
				if err != nil {
					return usageError{err}
				}
				self = append([]string{own}, writers.Accounts()...)
			}
			e := newExplainer(cmd, format, event.Self{Principals: self, UserAgent: function.Product})
			return e.explain(cmd.InOrStdin(), files)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, or json: one object a line")
	cmd.Flags().StringSliceVar(&self, "self", nil,
		"e-mails of iapguard's own service accounts, whose writes are ignored as own: several with commas, "+
			"or the flag again (default $IAPGUARD_SELF and those of $IAPGUARD_WRITERS)")
	return cmd
}

// explainer prints explanations in the order of what they explain.
type explainer struct {
	out      *bufio.Writer
	screen   rendering
	progress io.Writer // nil: not a terminal
	self     event.Self
	summary  *summary // nil with --format json
	entries  int
	causes   int
}

func newExplainer(cmd *cobra.Command, format string, self event.Self) *explainer {
	e := &explainer{out: bufio.NewWriter(cmd.OutOrStdout()), screen: newScreen(cmd.OutOrStdout()).rendering, self: self}
	if format == "text" {
		e.summary = &summary{}
	}
	if terminal := terminalBehind(cmd.ErrOrStderr()); terminal != nil {
		e.progress = terminal
	}
	return e
}

// explain reads every file, also after one that cannot be read, and returns all
// errors.
func (e *explainer) explain(stdin io.Reader, files []string) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	var unread []error
	for _, file := range files {
		err := e.file(file, stdin)
		var w writeError
		if errors.As(err, &w) {
			return err
		}
		if err != nil {
			unread = append(unread, err)
		}
	}
	e.showProgress(true)
	if e.summary != nil {
		_, _ = e.out.WriteString(e.screen.render(e.summary.lines())) // Flush returns its error
	}
	if err := e.out.Flush(); err != nil {
		return fmt.Errorf("writing explanations: %w", err)
	}
	if len(unread) > 0 {
		return usageError{errors.Join(unread...)}
	}
	return nil
}

// writeError is an error of our output, which ends the reading.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

func (e *explainer) file(name string, stdin io.Reader) error {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("opening what to explain: %w", err)
		}
		defer f.Close()
		in = f
	}
	err := event.Read(flushing{in, e.out}, e.self, func(line int, r event.Result) error {
		return e.result(name, line, r)
	})
	if err != nil {
		return fmt.Errorf("explaining %s: %w", name, err)
	}
	return nil
}

// flushing prints the explanations so far before it waits for more input, so that
// the output keeps up with a slow producer ("tail -f").
type flushing struct {
	io.Reader
	out *bufio.Writer
}

func (f flushing) Read(b []byte) (int, error) {
	if err := f.out.Flush(); err != nil {
		return 0, writeError{err}
	}
	return f.Reader.Read(b)
}

func (e *explainer) result(file string, line int, r event.Result) error {
	e.entries++
	if r.Cause != nil {
		e.causes++
	}
	text, err := e.text(explainResult(file, line, r))
	if err != nil {
		return err
	}
	if e.summary != nil {
		e.summary.add(r)
	}
	if _, err := e.out.WriteString(text); err != nil {
		return writeError{err}
	}
	e.showProgress(false)
	return nil
}

// text is how one explanation is printed.
func (e *explainer) text(x explanation) (string, error) {
	if e.summary != nil {
		return e.screen.render([]line{x.line()}), nil
	}
	text, err := x.json()
	return string(text) + "\n", err
}

// showProgress keeps one line on a terminal up to date.
func (e *explainer) showProgress(done bool) {
	const often = 5000 // entries
	if e.progress == nil || e.entries < often || !done && e.entries%often != 0 {
		return
	}
	end := ""
	if done {
		end = "\n"
	}
	// A terminal that is gone does not stop the command.
	_, _ = fmt.Fprintf(e.progress, "\rexplained %d entries, %d of them causes%s", e.entries, e.causes, end)
}
