package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// printer prints reports and keeps them in the file of -o.
type printer struct {
	out  io.Writer
	json bool
	kept *outputFile // nil without -o
	// recorded says that a recorder writes the reports to kept.
	recorded bool
	sums     sums
}

func (o *options) printer(out io.Writer) (*printer, error) {
	p := &printer{out: out, json: o.format == "json"}
	if o.output == "" {
		return p, nil
	}
	var err error
	p.kept, err = createOutput(o.output)
	return p, err
}

// end closes the file of -o. Failures become the exit status.
func (p *printer) end(failed bool) error {
	if !p.json && p.sums.services() > 1 {
		fmt.Fprintln(p.out, p.sums)
	}
	if p.kept != nil {
		if err := p.kept.Close(); err != nil {
			return err
		}
	}
	if failed {
		return statusError(exitFailed)
	}
	return nil
}

// note prints on standard error why a service has no report, and progress what
// the command waits for.
func (p *printer) note(line string)     { fmt.Fprintln(os.Stderr, "iapguard:", line) }
func (p *printer) progress(line string) { fmt.Fprintln(os.Stderr, line) }

// keep writes a report to the file of -o. Close returns an error of the write.
func (p *printer) keep(r report.Report) {
	if p.kept != nil && !p.recorded {
		_ = json.NewEncoder(p.kept).Encode(r)
	}
}

// show prints a report. An error of the write ends the program with exitFailed.
func (p *printer) show(r report.Report) {
	if p.json {
		_ = json.NewEncoder(p.out).Encode(r)
		return
	}
	p.sums.add(r)
	fmt.Fprint(p.out, text(r))
}

// result shows how a run ended, and reports whether it counts as a failure.
func (p *printer) result(target posture.Target, final report.Report, err error) (failed bool) {
	if err != nil {
		p.note(fmt.Sprintf("%s: %v", target, unwrapFinal(err)))
		return true
	}
	p.keep(final)
	p.show(final)
	return final.Outcome == report.Blocked || final.Outcome == report.Failed
}

// unwrapFinal shortens an error that ends a run without a report to its reason.
func unwrapFinal(err error) error {
	if errors.Is(err, reconcile.ErrGone) {
		return reconcile.ErrGone
	}
	return err
}
