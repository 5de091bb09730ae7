package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

var taken = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)

const guard = "guard@demo-project.iam.gserviceaccount.com"

// undoable is a cloud of services whose ingress we restricted.
type undoable struct {
	mu      sync.Mutex
	version map[string]string // by service; "" = v1
	refuses int               // how many reads of the log a quota refuses
	fails   map[string]error  // what an undoing ends with, once for each service
	sleeps  int
	undone  []string
}

func (u *undoable) Observe(_ context.Context, target posture.Target) (posture.Posture, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if target.Service == "gone" {
		return posture.Posture{}, fault.New(fault.ServiceGone, "no such service")
	}
	version := u.version[target.Service]
	if version == "" {
		version = "v1"
	}
	return posture.Posture{Target: target, ProjectNumber: "1", Service: posture.Service{UID: "uid", Version: version,
		Ingress: posture.IngressInternalLoadBalancing}}, nil
}

func (u *undoable) Trail(_ context.Context, p posture.Posture, _ []string) event.Trail {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refuses--; u.refuses >= 0 {
		return event.Trail{Unread: map[string]error{p.Target.Project: fault.New(fault.Quota, "too many reads")}}
	}
	return event.Trail{Writes: []event.Write{{Cause: event.Cause{Kind: event.RunServiceChanged, Project: p.Target.Project,
		Location: p.Target.Location, Service: p.Target.Service, Principal: guard, UserAgent: "iapguard/1", At: taken}, Complete: true,
		Settings: map[string]string{"ingress": string(posture.IngressInternalLoadBalancing)}}}}
}

func (u *undoable) Describe(_ context.Context, p *posture.Posture, asked policy.Asked) error {
	if asked.Folders && p.Target.Service != "elsewhere" {
		p.Ancestors = posture.Ancestors{Known: true, Folders: []string{"folders/1"}}
	}
	return nil
}

func (u *undoable) Undo(_ context.Context, step plan.Step, as string) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	service := step.Resource[strings.LastIndex(step.Resource, "/")+1:]
	if err := u.fails[service]; err != nil {
		delete(u.fails, service)
		return "", err
	}
	u.undone = append(u.undone, service+"@"+step.Version+as)
	return "v2", nil
}

// Now and Sleep are the clock: waiting takes no time.
func (*undoable) Now() time.Time { return taken }
func (u *undoable) Sleep(ctx context.Context, _ time.Duration) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sleeps++
	return ctx.Err()
}

// undoer is what takes the runs of some services back, with these runs.
func (u *undoable) undoer(t *testing.T, services ...string) (*Undoer, []Undoable) {
	t.Helper()
	m := memory.New(memory.NewInProcess(), memory.Options{Clock: clockwork.NewRealClock()})
	undoer := &Undoer{Cloud: u, Memory: m, Clock: u, Self: event.Self{Principals: []string{guard}}}
	for _, service := range services {
		target := posture.Target{Project: "demo-project", Location: "us-central1", Service: service}
		step := report.StepOf(plan.Step{Resource: target.Name(), Change: plan.RestrictIngress{From: posture.IngressAll,
			To: posture.IngressInternalLoadBalancing}}, report.StepDone)
		step.At, step.VersionAfter = &taken, "v1"
		raw, err := json.Marshal(step)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.UpdatePlan(t.Context(), "run-of-"+service, func(p *memory.Plan) bool {
			p.Service, p.UID, p.Steps = target.Name(), "uid", []json.RawMessage{raw}
			p.Decide("d1")
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := undoer.Wave(t.Context(), Wave{Policy: "d1", Since: taken})
	if err != nil || len(runs) != len(services) {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	return undoer, runs
}

func TestUndoOfManyServicesGoesOnWhereOneFails(t *testing.T) {
	u := &undoable{fails: map[string]error{"denied": fault.New(fault.Denied, "not allowed"),
		"moved": fault.New(fault.Conflict, "at another version")}}
	undoer, runs := u.undoer(t, "a", "b", "denied", "gone", "moved")
	var held []posture.Target
	undoer.Hold = func(_ context.Context, targets []posture.Target, reason string) error {
		if held = targets; len(u.undone) > 0 || !strings.Contains(reason, "undo of run-of-a and others") {
			t.Errorf("held after %v, because of %q", u.undone, reason)
		}
		return nil
	}
	done, err := undoer.Undo(t.Context(), runs...)
	slices.Sort(u.undone)
	if got := strings.Join(u.undone, " "); err != nil || got != "a@v1 b@v1 moved@v1" || len(held) != 5 {
		t.Errorf("undone %q, %d held, %v", got, len(held), err)
	}
	lines := FailuresOf(done)
	if len(lines) != 1 || !strings.Contains(lines[0], "services/denied: undoing step restrict-ingress") {
		t.Errorf("failures %q", lines)
	}
	if !done[3].Gone || len(done[4].Taken) != 1 {
		t.Errorf("the one that is gone: %+v; the one that had moved: %d steps", done[3].Gone, len(done[4].Taken))
	}
}

func TestUndoWritesAsTheWriterOfTheFolder(t *testing.T) {
	u := &undoable{}
	undoer, runs := u.undoer(t, "a", "elsewhere")
	undoer.Writers = Writers{"folders/1": "+writer@demo-project.iam.gserviceaccount.com"}
	done, err := undoer.Undo(t.Context(), runs...)
	if got := strings.Join(u.undone, " "); err != nil || got != "a@v1+writer@demo-project.iam.gserviceaccount.com" {
		t.Errorf("%q, %v", got, err)
	}
	if lines := FailuresOf(done); len(lines) != 1 || !strings.Contains(lines[0], "no account writes to") {
		t.Errorf("%q", lines)
	}
}

func TestNothingIsUndoneThatCouldNotBeHeld(t *testing.T) {
	u := &undoable{}
	undoer, runs := u.undoer(t, "a")
	undoer.Hold = func(context.Context, []posture.Target, string) error { return errors.New("no holds file") }
	if done, err := undoer.Undo(t.Context(), runs...); err == nil || len(done) > 0 || len(u.undone) > 0 {
		t.Errorf("%v, %v, undone %q", done, err, u.undone)
	}
}

func TestUndoWaitsWhereTheLogAnswersNoMore(t *testing.T) {
	u := &undoable{refuses: 5}
	undoer, runs := u.undoer(t, "a")
	if done, err := undoer.Undo(t.Context(), runs...); err != nil || len(done[0].Taken) != 1 || u.sleeps != 5 {
		t.Errorf("%+v, %v, %d pauses", done, err, u.sleeps)
	}
	u = &undoable{refuses: 1000}
	undoer, runs = u.undoer(t, "a")
	done, err := undoer.Undo(t.Context(), runs...)
	if err != nil || len(done[0].Taken) > 0 || len(done[0].Planned.Left) != 1 {
		t.Errorf("%+v, %v: want the step left, because nothing witnesses it", done, err)
	}
}

func TestAnInterruptedUndoSaysWhatItDidNotLookAt(t *testing.T) {
	u := &undoable{}
	undoer, runs := u.undoer(t, "a", "b")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	done := undoer.Take(ctx, undoer.Plan(ctx, runs))
	if lines := FailuresOf(done); len(lines) != 2 || !strings.Contains(lines[0], "interrupted") || len(u.undone) > 0 {
		t.Errorf("%q, undone %q", lines, u.undone)
	}
}

func TestOneRunIsFoundByItsId(t *testing.T) {
	u := &undoable{}
	undoer, _ := u.undoer(t, "a")
	run, err := undoer.Run(t.Context(), "run-of-a")
	if err != nil || run.Target.Service != "a" || ReasonOf([]Undoable{run}) != "undo of run-of-a" {
		t.Errorf("%+v, %v", run, err)
	}
	for _, none := range []func() error{
		func() error { _, err := undoer.Run(t.Context(), "another"); return err },
		func() error {
			_, err := undoer.Wave(t.Context(), decide.Wave{Policy: "d2", Since: taken})
			return err
		},
	} {
		if err := none(); !errors.Is(err, ErrNoRun) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%v", err)
		}
	}
}
