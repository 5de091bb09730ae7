package deploy

import (
	"database/sql"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/report"
)

// rows returns the result of a view, its columns as text.
func rows(t *testing.T, db *sql.DB, view string) [][]string {
	t.Helper()
	found, err := db.Query(inSQLite(t, view))
	if err != nil {
		t.Fatalf("%s: %v\n%s", view, err, inSQLite(t, view))
	}
	defer found.Close()
	names, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for found.Next() {
		cells := make([]sql.NullString, len(names))
		targets := make([]any, len(names))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := found.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = cell.String
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// stored returns the warehouse after the week: every report once, every third twice,
// because Pub/Sub delivers at least once.
func stored(t *testing.T, w *week) *sql.DB {
	t.Helper()
	db := warehouse(t, w.Now)
	for i, one := range w.Reports() {
		event, err := one.Event("demo-project")
		if err != nil {
			t.Fatal(err)
		}
		attributes := map[string]string{"ce-id": event.ID(), "ce-type": event.Type()}
		insert(t, db, event.Data(), attributes, one.ObservedAt)
		if i%3 == 0 {
			insert(t, db, event.Data(), attributes, one.ObservedAt.Add(time.Minute))
		}
	}
	return db
}

// views checks the answers of the views about the week.
func (w *week) views(t *testing.T) {
	db := stored(t, w)
	t.Run("minutes exposed per team", func(t *testing.T) { w.minutes(t, rows(t, db, "minutes_exposed_per_team")) })
	t.Run("who keeps undoing", func(t *testing.T) { w.undoing(t, rows(t, db, "who_keeps_undoing")) })
	t.Run("exemptions about to expire", func(t *testing.T) { w.expiring(t, rows(t, db, "exemptions_about_to_expire")) })
}

// minutes compares the view with the strangers' observations. Both clocks advance while
// the week is played, so they may differ by that time.
func (w *week) minutes(t *testing.T, got [][]string) {
	slack := time.Since(w.began) + time.Minute
	shown := map[string]map[string]time.Duration{}
	for _, row := range got {
		date, team := row[0], row[1]
		minutes, err := time.ParseDuration(row[3] + "m")
		if err != nil {
			t.Fatalf("row %q: %v", row, err)
		}
		if shown[date] == nil {
			shown[date] = map[string]time.Duration{}
		}
		shown[date][team] += minutes
	}
	open := 0
	for date, teams := range w.open {
		for team, want := range teams {
			if team == "" {
				team = "(no label)"
			}
			open++
			if diff := shown[date][team] - want; math.Abs(float64(diff)) > float64(slack) {
				t.Errorf("%s, team %s: exposed for %s, but strangers got in for %s", date, team, shown[date][team], want)
			}
			delete(shown[date], team)
		}
	}
	for date, teams := range shown {
		for team, minutes := range teams {
			if minutes > slack {
				t.Errorf("%s, team %s: exposed for %s, and no stranger got in", date, team, minutes)
			}
		}
	}
	if open < 10 {
		t.Errorf("strangers got in on %d days of teams: the week is too quiet to show anything", open)
	}
}

func (w *week) undoing(t *testing.T, got [][]string) {
	var days []string
	for _, one := range w.Of(billing.Service) {
		if date := one.ObservedAt.UTC().Format(time.DateOnly); one.Outcome == report.Contested &&
			!slices.Contains(days, date) {
			days = append(days, date)
		}
	}
	if len(got) != 1 {
		t.Fatalf("%d rows, want one: %q", len(got), got)
	}
	row := got[0]
	want := []string{"dev@example.com", row[1], "demo-project", "us-central1", "billing", "finance", "iap.enabled"}
	if diff := cmp.Diff(want, row[:7]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Terraform was applied every three hours for a day and a half, which is eight
	// times in any 24 hours, and nine where the play takes next to no time; each
	// sweep in between protected anew.
	if wanted := strconv.Itoa(len(days)); row[7] != "8" && row[7] != "9" || len(days) < 2 || row[8] != wanted {
		t.Errorf("%s rounds on %s days, want 8 or 9 on %s", row[7], row[8], wanted)
	}
}

func (w *week) expiring(t *testing.T, got [][]string) {
	if len(got) != 1 {
		t.Fatalf("%d rows, want legacy's: archive's exemption lasts two months, pilot's is over: %q", len(got), got)
	}
	// It ends with its last day: the play does at six, seven days after its beginning.
	want := []string{"5", "finance", "SEC-12", "cannot sign in", "demo-project", "us-central1", "legacy", "finance", "yes"}
	if diff := cmp.Diff(want, got[0][1:10]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
