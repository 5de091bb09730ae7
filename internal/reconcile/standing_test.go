package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// stoppedAt is a clock that stands still.
type stoppedAt struct{ at time.Time }

func (s stoppedAt) Now() time.Time { return s.at }

// Sleep does not wait.
func (s stoppedAt) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestWhatChangesAStateIsReported(t *testing.T) {
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	closes, closed, at := now.Add(30*time.Hour), now.Add(20*time.Hour), now.Add(time.Minute)
	r := &run{Engine: &Engine{Surroundings: Surroundings{Clock: stoppedAt{now}}}}
	blocked := func() report.Report {
		return report.Report{
			RunID: "a", ObservedAt: now, Outcome: report.Blocked, PlanID: "1", Calls: 7, ClosesAt: &closes, Exposed: door.Yes,
			Findings: []report.Finding{{Code: "SHARED_BACKEND", Why: "web serves api too"}},
			Steps:    []report.Step{{Op: "enable-iap", Resource: "web", Result: report.StepPlanned, VersionBefore: "1"}},
			Doors:    []report.Door{{Address: "hello.run.app", Guard: door.GuardOpen}},
			Callers:  []report.Caller{{Name: "job", Requests: 3, LastSeen: &now}},
			Advice:   []string{"it closes in 30 hours, at 2026-12-01T14:00:00Z: split web"},
		}
	}
	first := r.stateOf(blocked())
	for name, tc := range map[string]struct {
		change  func(*report.Report)
		reports bool
	}{
		"another run, at another cost": {func(f *report.Report) { f.RunID, f.Calls, f.ObservedAt = "b", 9, at }, false},
		"another event":                {func(f *report.Report) { f.Cause = report.Cause{Key: "2"} }, false},
		"versions":                     {func(f *report.Report) { f.PlanID, f.Steps[0].VersionBefore = "2", "2" }, false},
		"further requests of a caller": {func(f *report.Report) { f.Callers[0].Requests, f.Callers[0].LastSeen = 4, &at }, false},
		"the time until it closes": {func(f *report.Report) {
			f.Advice = []string{"it closes in 29 hours, at 2026-12-01T14:00:01Z: split web"}
		}, false},
		"a notice that is due": {func(f *report.Report) { f.ClosesAt = &closed }, true},
		"a finding":            {func(f *report.Report) { f.Findings[0].Why = "web serves shop too" }, true},
		"a door":               {func(f *report.Report) { f.Doors[0].Guard = door.GuardIAP }, true},
		"a step":               {func(f *report.Report) { f.Steps = nil }, true},
		"a caller":             {func(f *report.Report) { f.Callers[0].Name = "other" }, true},
		"advice":               {func(f *report.Report) { f.Advice[0] += " or web2" }, true},
		"the policy":           {func(f *report.Report) { f.Policy = &report.Policy{Digest: "2"} }, true},
		"exposure":             {func(f *report.Report) { f.Exposed = door.Unknown }, true},
		"the outcome":          {func(f *report.Report) { f.Outcome = report.Waiting }, true},
	} {
		final := blocked()
		tc.change(&final)
		if got := r.stateOf(final) != first; got != tc.reports {
			t.Errorf("%s: another state is %t, want %t", name, got, tc.reports)
		}
	}
	final := blocked()
	if final.Outcome = report.Protected; r.stateOf(final) != "" {
		t.Error("what does not last is known as a state")
	}
}
