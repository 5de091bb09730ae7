package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// printer prints reports and keeps them in the file of -o.
type printer struct {
	out, stderr io.Writer
	json        bool
	kept        *outputFile // nil without -o
}

func (o *options) printer(out io.Writer) (*printer, error) {
	p := &printer{out: out, stderr: o.stderr(), json: o.format == "json"}
	if o.output == "" {
		return p, nil
	}
	var err error
	p.kept, err = createOutput(o.output)
	return p, err
}

// end closes the file of -o. Failures become the exit status.
func (p *printer) end(failed bool) error {
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

// keep writes a report to the file of -o. Close returns an error of the write.
func (p *printer) keep(r report.Report) {
	if p.kept != nil {
		_ = json.NewEncoder(p.kept).Encode(r)
	}
}

// show prints a report. An error of the write ends the program with exitFailed.
func (p *printer) show(r report.Report) {
	if p.json {
		_ = json.NewEncoder(p.out).Encode(r)
		return
	}
	newScreen(p.out).print(reportLines(r)...)
}

// result shows how a look at a service ended, and reports whether it counts as a failure.
func (p *printer) result(target posture.Target, final report.Report, err error) (failed bool) {
	if err != nil {
		newScreen(p.stderr).print(errorLines(fmt.Errorf("%s: %w", target, unwrapFinal(err)))...)
		return true
	}
	p.keep(final)
	p.show(final)
	return lookedStatus(final) != exitDone
}

// unwrapFinal shortens an error that ends a run without a report to its reason.
func unwrapFinal(err error) error {
	if errors.Is(err, reconcile.ErrGone) {
		return reconcile.ErrGone
	}
	return err
}
