//go:build !deployed

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// outcomes prints reports as they come and remembers how each service stands.
type outcomes struct {
	out  io.Writer
	json bool

	mu   sync.Mutex
	last map[string]report.Outcome
}

func newOutcomes(out io.Writer, format string) *outcomes {
	o := &outcomes{out: out, json: format == "json", last: map[string]report.Outcome{}}
	for _, service := range playground.Scenario {
		o.last[service.Name()] = "" // nothing was said of it yet
	}
	return o
}

func (o *outcomes) add(received playground.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	outcome := report.Outcome(strings.TrimPrefix(received.Attributes["ce-type"], report.TypePrefix))
	if subject := received.Attributes["ce-subject"]; subject != "" {
		o.last[subject] = outcome
	}
	if o.json {
		if line, err := received.Structured(); err == nil { // reports are JSON that we encoded ourselves
			fmt.Fprintf(o.out, "%s\n", line)
		}
		return
	}
	fmt.Fprintln(o.out, lineOf(outcome, received))
}

// lineOf returns a report on one line.
func lineOf(outcome report.Outcome, received playground.Report) string {
	var read report.Report
	if err := json.Unmarshal(received.Data, &read); err != nil {
		return fmt.Sprintf("unreadable report: %v", err)
	}
	var ops []string
	for _, step := range read.Steps {
		ops = append(ops, step.Op)
	}
	what := read.Cause.Method
	if what == "" {
		what = read.Cause.Kind
	}
	line := fmt.Sprintf("%-10s %-62s after %s", outcome, read.Subject(), what)
	if len(ops) > 0 {
		line += ": " + strings.Join(ops, ", ")
	}
	if read.Verdict != "" {
		line += "\n           " + read.Verdict + ": " + read.Why
	}
	if read.WaitingFor != nil {
		line += " (waiting: " + read.WaitingFor.What + ")"
	}
	return line
}

// settle waits until every message has been handled and every service has
// ended protected or compliant. Messages that other clients published to a
// Pub/Sub emulator cannot be counted, so the outcomes decide.
func (o *outcomes) settle(ctx context.Context, idle func(context.Context) error) error {
	for {
		if err := idle(ctx); err != nil {
			return fmt.Errorf("playing the scenario: %w; %s", err, o.unsettled())
		}
		if o.unsettled() == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "iapguard:", o.unsettled())
			return statusError(exitFailed)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unsettled names the services that did not end well, "" when all did.
func (o *outcomes) unsettled() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var bad []string
	for name, outcome := range o.last {
		if outcome != report.Protected && outcome != report.Compliant {
			bad = append(bad, fmt.Sprintf("%s ended %q", name, outcome))
		}
	}
	sort.Strings(bad)
	return strings.Join(bad, "; ")
}
