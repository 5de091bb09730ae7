package function

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// jumping is the clock of an instance that jumps while the cloud's goes on. What waits for a
// length of time goes on too, as timers of an operating system do.
type jumping struct {
	*cloudtest.Clock
	off atomic.Int64
}

func (j *jumping) Now() time.Time                  { return j.Clock.Now().Add(time.Duration(j.off.Load())) }
func (j *jumping) Since(t time.Time) time.Duration { return j.Now().Sub(t) }
func (j *jumping) Until(t time.Time) time.Duration { return t.Sub(j.Now()) }

// by sets how far the clock is off.
func (j *jumping) by(d time.Duration) { j.off.Store(int64(d)) }

// jumpingBench is a bench whose memory is a bucket, and the clock of its instance.
func jumpingBench(t *testing.T, policy string) (*bench, *jumping) {
	t.Helper()
	setup := benchConfig(t, policy, "IAPGUARD_MEMORY="+playground.MemoryBucket)
	if err := setup.cloud.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock := &jumping{Clock: setup.cloud.Clock()}
	setup.config.Clock = clock
	return startBench(t, setup), clock
}

// jumps are how far the clock of an instance jumps, in both directions.
var jumps = []time.Duration{-30 * time.Hour, -3 * time.Hour, 3 * time.Hour, 30 * time.Hour}

func TestWorkThatWaitsOutlastsAJumpOfTheClock(t *testing.T) {
	for name, keys := range map[string][]string{
		"in the sender's hands": {"settle: 30s"}, "in a due record": {"settle: 10m"}, "for propagation": {"propagation: 7m"},
	} {
		for _, jump := range jumps {
			for _, back := range []bool{false, true} {
				t.Run(name+" "+jump.String()+map[bool]string{true: " and back"}[back], func(t *testing.T) {
					b, clock := jumpingBench(t, cloudtest.Policy(keys...))
					b.Later(24 * time.Hour)
					b.touch("a")
					b.minute(t)
					if got := b.last(t).Outcome; got != report.Deferred {
						t.Fatalf("%s, want deferred", got)
					}
					clock.by(jump)
					b.minute(t)
					if back {
						clock.by(0)
					}
					for range 45 { // four settle times bound the wait, and a jump begins that once more
						b.Later(time.Minute)
						b.minute(t)
					}
					if code := b.Ask(playground.Scenario[0].Host, ""); b.last(t).Outcome == report.Deferred || code == http.StatusOK {
						t.Errorf("%s, and a stranger gets %d; want it protected", b.last(t).Outcome, code)
					}
				})
			}
		}
	}
}

// minute is what happens in one minute: the sender delivers once more, and Cloud Scheduler sends the command due.
func (b *bench) minute(t *testing.T) {
	t.Helper()
	if err := b.deliver(t, "deployed", event.RunServiceChanged); err != nil && !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatal(err)
	}
	if got := b.command("due", "due "+b.Now().String(), ""); got != http.StatusNoContent && got != http.StatusServiceUnavailable {
		t.Fatalf("due: status %d", got)
	}
}

func TestAMissingServiceIsSoughtAgainAfterTheClockWentBack(t *testing.T) {
	b, clock := jumpingBench(t, settlesAtOnce)
	b.SetFaults(`[{"action":"status","method":"run.projects.locations.services.get","status":404,"times":1}]`)
	if err := b.deliver(t, "one", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatalf("after one 404: %v, want another delivery", err)
	}
	clock.by(-3 * time.Hour)
	b.SetFaults(`[{"action":"status","method":"run.projects.locations.services.get","status":404,"times":1}]`)
	if err := b.deliver(t, "one", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatalf("after another: %v, want another delivery", err)
	}
	b.Later(missingFor)
	if err := b.deliver(t, "one", event.RunServiceChanged); err != nil {
		t.Error(err)
	}
	if got := b.last(t).Outcome; got != report.Waiting {
		t.Errorf("%s, want that the service, which is there, waits for accessors", got)
	}
}

func TestAHoldOutlastsAJumpOfTheClockBack(t *testing.T) {
	for _, back := range jumps[:2] {
		t.Run(back.String(), func(t *testing.T) {
			setup := benchConfig(t, cloudtest.Policy())
			setup.config.Holds = filepath.Join(t.TempDir(), "holds.yaml")
			hold := held("projects/demo-project", setup.cloud.Now().Add(time.Hour))
			if err := os.WriteFile(setup.config.Holds, []byte(hold), 0o600); err != nil {
				t.Fatal(err)
			}
			clock := &jumping{Clock: setup.cloud.Clock()}
			setup.config.Clock = clock
			b := startBench(t, setup)
			for _, off := range []time.Duration{0, back, 0} {
				clock.by(off)
				if got := b.outcome(t, "deployed "+b.Now().String()); got != report.Held || b.writes() > 0 {
					t.Errorf("off by %s: %s with %d writes, want held and none", off, got, b.writes())
				}
			}
			b.Later(61 * time.Minute)
			if got := b.outcome(t, "after the hold"); got != report.Protected {
				t.Errorf("after it has ended: %s, want protected", got)
			}
		})
	}
}

func TestWhatALimitPutsOffOutlastsAJumpOfTheClock(t *testing.T) {
	for _, jump := range jumps {
		t.Run(jump.String(), func(t *testing.T) {
			b, clock := jumpingBench(t, cloudtest.Policy("limits: {perProject: 1, overall: 1}"))
			b.Build(neighbour)
			b.Later(24 * time.Hour) // nobody's limit bounds what is new
			if got := b.outcome(t, "deployed"); got != report.Protected {
				t.Fatalf("%s, want protected", got)
			}
			beside, err := posture.ParseTarget(neighbour.Name())
			if err != nil {
				t.Fatal(err)
			}
			cause := event.Cause{Kind: event.RunServiceChanged, Key: "beside", At: b.Now()}
			if err := b.dispatch(t.Context(), cause, []posture.Target{beside}); err != nil {
				t.Fatal(err)
			}
			if got := b.last(t); got.Outcome == report.Protected || b.Ask(neighbour.Host, "") != http.StatusOK {
				t.Fatalf("%s, want it put off by the limit", got.Outcome)
			}
			clock.by(jump)
			for range 2 * 60 {
				b.Later(time.Minute)
				b.minute(t)
			}
			if got := b.lastOn(neighbour.Name()).Outcome; b.Ask(neighbour.Host, "") == http.StatusOK {
				t.Errorf("%s, and strangers get in; want it protected: %+v", got, b.lastOn(neighbour.Name()).WaitingFor)
			}
		})
	}
}

func TestAPlanCanBeApprovedAfterAJumpOfTheClock(t *testing.T) {
	for _, jump := range jumps {
		t.Run(jump.String(), func(t *testing.T) {
			b, clock := jumpingBench(t, cloudtest.Policy("mode: approve", "approvers: [\"serviceAccount:"+approver+"\"]"))
			if got := b.outcome(t, "deployed"); got != report.Planned {
				t.Fatalf("%s, want planned", got)
			}
			old := b.last(t).PlanID
			clock.by(jump)
			approve := func(planID string) error {
				_, err := b.approve(t.Context(), event.Order{Name: "approve", PlanID: planID}, approver)
				return err
			}
			stale := jump < 0 || jump >= 24*time.Hour // of the future, or too old
			if err := approve(old); stale != (err != nil) || stale && fault.Of(err).Kind != fault.Conflict {
				t.Fatalf("the plan of before: %v, want a conflict: %t", err, stale)
			}
			if stale {
				if b.Ask(playground.Scenario[0].Host, "") != http.StatusOK {
					t.Error("a plan that was not approved was carried out")
				}
				if got := b.command("plan", "once more", hello.Name()); got != http.StatusNoContent {
					t.Fatalf("planned again: status %d", got)
				}
				if err := approve(b.last(t).PlanID); err != nil {
					t.Fatalf("planned again: %v", err)
				}
			}
			if got := b.last(t).Outcome; got != report.Protected {
				t.Errorf("%s, want protected", got)
			}
		})
	}
}
