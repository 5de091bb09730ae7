package withfunction

import (
	"slices"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// received keeps a report, which must fit its schema and its attributes.
func (e *Env) received(one playground.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		e.t.Errorf("report %s does not fit its schema: %v", one.Data, err)
	}
	if want := report.TypePrefix + string(read.Outcome); one.Attributes["ce-type"] != want ||
		one.Attributes["ce-id"] != read.ID() {
		e.t.Errorf("attributes %v do not fit the report %s of %s", one.Attributes, read.Outcome, read.Subject())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reports = append(e.reports, read)
}

// Reports are all reports so far, in the order in which they came: that of
// their publishing, for one service.
func (e *Env) Reports() []report.Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.reports)
}

// Of are the reports on a service.
func (e *Env) Of(service string) []report.Report {
	return slices.DeleteFunc(e.Reports(), func(one report.Report) bool {
		return one.Target == nil || one.Target.Service != service
	})
}

// Outcomes are those of the reports on a service.
func (e *Env) Outcomes(service string) []report.Outcome {
	var outcomes []report.Outcome
	for _, one := range e.Of(service) {
		outcomes = append(outcomes, one.Outcome)
	}
	return outcomes
}

// Last is the latest report, empty when there is none.
func (e *Env) Last() report.Report { return last(e.Reports()) }

// LastOf is the latest report on a service, empty when there is none.
func (e *Env) LastOf(service string) report.Report { return last(e.Of(service)) }

func last(reports []report.Report) report.Report {
	if len(reports) == 0 {
		return report.Report{}
	}
	return reports[len(reports)-1]
}

// Safe says, whenever it is asked, whether the latest report on a service is
// that it is protected.
func (e *Env) Safe(service string) func() bool {
	return func() bool {
		outcome := e.LastOf(service).Outcome
		return outcome == report.Protected || outcome == report.Compliant
	}
}
