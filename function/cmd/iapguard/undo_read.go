package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// readReports reads reports, one JSON object after the other, as -o writes them and
// as messages of the reports topic carry them. It returns them by service, in the
// order of the file. Only the last report of a run counts: an earlier one says what
// the run was about to do.
func readReports(name string) ([]reconcile.Undoable, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("reading report: %w", err)}
	}
	defer file.Close()
	var found []reconcile.Undoable
	decoder := json.NewDecoder(bufio.NewReader(file))
	for entry := 1; ; entry++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, usageError{fmt.Errorf("reading report %s: entry %d is not JSON: %w", name, entry, err)}
		}
		r, err := report.Read(raw)
		if err != nil {
			return nil, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		target, err := posture.ParseTarget(r.Subject())
		if err != nil {
			return nil, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		found = addReport(found, target, r)
	}
	if len(found) == 0 {
		return nil, usageError{fmt.Errorf("reading report %s: it is empty", name)}
	}
	return found, nil
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
