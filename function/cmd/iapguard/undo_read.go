package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// readReports reads a file of reports, in any form that report.ReadAll takes. It returns them by
// service, in the order of the file. Only the last report of a run counts: an earlier one says
// what the run was about to do.
func readReports(name string) ([]reconcile.Undoable, error) {
	reports, err := reportsIn(name)
	if err != nil {
		return nil, err
	}
	var found []reconcile.Undoable
	for i, r := range reports {
		target, err := posture.ParseTarget(r.Subject())
		if err != nil {
			return nil, usageError{fmt.Errorf("reading report %s: report %d: %w", name, i+1, err)}
		}
		found = addReport(found, target, r)
	}
	if len(found) == 0 {
		return nil, usageError{fmt.Errorf("reading report %s: it is empty", name)}
	}
	return found, nil
}

// reportsIn reads a file of reports, "-" = standard input.
func reportsIn(name string) ([]report.Report, error) {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return nil, usageError{fmt.Errorf("reading report: %w", err)}
		}
		defer file.Close()
	}
	reports, err := report.ReadAll(bufio.NewReader(file))
	if err != nil {
		return nil, usageError{fmt.Errorf("reading report %s: %w", name, err)}
	}
	return reports, nil
}

// addReport adds a report, in place of an earlier one of the same run.
func addReport(found []reconcile.Undoable, target posture.Target, r report.Report) []reconcile.Undoable {
	at := slices.IndexFunc(found, func(u reconcile.Undoable) bool { return u.Target == target })
	if at < 0 {
		return append(found, reconcile.Undoable{Target: target, Reports: []report.Report{r}})
	}
	reports := found[at].Reports
	if last := len(reports) - 1; reports[last].RunID == r.RunID {
		reports[last] = r
		return found
	}
	found[at].Reports = append(reports, r)
	return found
}
