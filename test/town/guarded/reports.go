package guarded

import (
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// received keeps a report, which must fit its schema and its attributes.
func (o *Town) received(one stage.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		o.t.Errorf("report %s does not fit its schema: %v", one.Data, err)
	}
	if want := report.TypePrefix + string(read.Outcome); one.Attributes["ce-type"] != want || one.Attributes["ce-id"] != read.ID() {
		o.t.Errorf("attributes %v do not fit the report %s of %s", one.Attributes, read.Outcome, read.Subject())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, read)
}

// Reports are all reports so far, in the order in which they came: that of
// their publishing, for one service.
func (o *Town) Reports() []report.Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.reports)
}

// Of are the reports on a service.
func (o *Town) Of(service string) []report.Report {
	return slices.DeleteFunc(o.Reports(), func(one report.Report) bool {
		return one.Target == nil || one.Target.Service != service
	})
}

// Outcomes are those of the reports on a service.
func (o *Town) Outcomes(service string) []report.Outcome {
	var outcomes []report.Outcome
	for _, one := range o.Of(service) {
		outcomes = append(outcomes, one.Outcome)
	}
	return outcomes
}

// Last is the latest report, empty when there is none.
func (o *Town) Last() report.Report { return last(o.Reports()) }

// LastOf is the latest report on a service, empty when there is none.
func (o *Town) LastOf(service string) report.Report { return last(o.Of(service)) }

func last(reports []report.Report) report.Report {
	if len(reports) == 0 {
		return report.Report{}
	}
	return reports[len(reports)-1]
}

// Safe says, whenever it is asked, whether the latest report on a service is
// that it is protected.
func (o *Town) Safe(service string) func() bool {
	return func() bool {
		outcome := o.LastOf(service).Outcome
		return outcome == report.Protected || outcome == report.Compliant
	}
}
