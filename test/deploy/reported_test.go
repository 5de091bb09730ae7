package deploy_test

import (
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// reported collects a report, which must fit its schema.
func (e *fixture) reported(one playground.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		e.t.Errorf("report %s does not fit its schema: %v", one.Data, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reports = append(e.reports, read)
}

// about returns the reports on a service, oldest first.
func (e *fixture) about(service string) []report.Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []report.Report
	for _, one := range e.reports {
		if one.Target != nil && one.Target.Service == service {
			found = append(found, one)
		}
	}
	return found
}

// first is the first report on a service with an outcome, empty when there is none.
func (e *fixture) first(service string, outcome report.Outcome) report.Report {
	for _, one := range e.about(service) {
		if one.Outcome == outcome {
			return one
		}
	}
	return report.Report{}
}

// last is the latest report on a service, empty when there is none.
func (e *fixture) last(service string) report.Report {
	if all := e.about(service); len(all) > 0 {
		return all[len(all)-1]
	}
	return report.Report{}
}

// until waits until a condition holds.
func (e *fixture) until(what string, holds func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(cloudtest.Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("timed out waiting until %s", what)
		}
	}
}
