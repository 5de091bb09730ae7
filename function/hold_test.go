package function

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// holdsFile puts a bench under a holds file; write replaces its text.
func (b *bench) holdsFile(t *testing.T, text string) (write func(text string)) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "holds.yaml")
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	b.keepHolds(name)
	return write
}

// keepHolds has a process that starts now read the holds of a file.
func (b *bench) keepHolds(name string) {
	config := Config{Holds: name, Clock: b.Clock()}
	b.engine.Holds = newHoldsSource(config, &policySource{clock: b.Clock()}, b.engine.Memory, b.log).current
}

func held(scope string, until time.Time) string {
	return fmt.Sprintf("version: 1\nholds: [{target: %s, until: %q, reason: a load test, by: alice}]\n",
		scope, until.UTC().Format(time.RFC3339))
}

const noHolds = "version: 1\n"

func TestHoldStopsEveryWriteUntilItEnds(t *testing.T) {
	b := newBench(t, cloudtest.Policy("publicInvokers: remove"))
	until := b.Now().Add(time.Hour).Truncate(time.Second)
	b.holdsFile(t, held("projects/demo-project", until))
	for name, outcome := range map[string]func() report.Outcome{
		"an event": func() report.Outcome { return b.outcome(t, "deployed") },
		"by hand":  func() report.Outcome { return b.byHand(t) },
	} {
		if got := outcome(); got != report.Held || b.writes() > 0 {
			t.Errorf("%s: %s with %d writes, want held and none", name, got, b.writes())
		}
	}
	final := b.last(t)
	if w := final.WaitingFor; w == nil || w.Who != "alice" || !strings.Contains(w.What, "a load test") ||
		w.Until == nil || !w.Until.Equal(until) {
		t.Errorf("waiting for %+v, want alice's load test until %s", w, until)
	}
	if len(final.Steps) == 0 || final.Exposed != door.Yes {
		t.Errorf("steps %v, exposed %s: want what is held to be reported", final.Steps, final.Exposed)
	}
	b.Later(61 * time.Minute)
	if got := b.outcome(t, "a sweep"); got != report.Protected {
		t.Errorf("after it has ended: %s, want protected", got)
	}
}

func TestHoldElsewhereStopsNothing(t *testing.T) {
	b := newBench(t, cloudtest.Policy("publicInvokers: remove"))
	b.holdsFile(t, held("projects/demo-project/locations/us-central1/services/other", b.Now().Add(time.Hour)))
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Errorf("%s, want protected", got)
	}
}

func TestUnreadableHoldsStopEveryWrite(t *testing.T) {
	b := newBench(t, cloudtest.Policy("publicInvokers: remove"))
	write := b.holdsFile(t, "rubbish")
	if got := b.outcome(t, "deployed"); got != report.Held || b.writes() > 0 {
		t.Errorf("%s with %d writes, want held and none", got, b.writes())
	}
	why := b.last(t).WaitingFor.What
	if !strings.Contains(why, "cannot be read") || !strings.Contains(why, "holds.yaml:1:1: ") {
		t.Errorf("waiting for %q, want the file and what is wrong with it", why)
	}
	write(noHolds)
	if got := b.outcome(t, "a sweep"); got != report.Protected {
		t.Errorf("once they can be read: %s, want protected", got)
	}
}

func TestCompliantServiceStaysCompliantUnderAHold(t *testing.T) {
	b := newBench(t, cloudtest.Policy("publicInvokers: remove"))
	write := b.holdsFile(t, noHolds)
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Fatal(got)
	}
	write(held(hello.Name(), b.Now().Add(time.Hour)))
	if got := b.outcome(t, "again"); got != report.Compliant {
		t.Errorf("%s, want compliant", got)
	}
}

// interrupter is an applier that calls then after its first step.
type interrupter struct {
	reconcile.Cloud
	then func()
}

func (i *interrupter) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	version, err := i.Cloud.Apply(ctx, step, as)
	if i.then != nil {
		i.then()
		i.then = nil
	}
	return version, err
}

func TestHoldBetweenTwoWritesStopsTheSecond(t *testing.T) {
	b := newBench(t, cloudtest.Policy("publicInvokers: remove"))
	write := b.holdsFile(t, noHolds)
	b.engine.Cloud = &interrupter{b.engine.Cloud, func() { write(held(hello.Name(), b.Now().Add(time.Hour))) }}
	if got := b.outcome(t, "deployed"); got != report.Held {
		t.Errorf("%s, want held", got)
	}
	if got := b.writes(); got != 1 {
		t.Errorf("%d writes, want the one before the hold", got)
	}
}

func TestHoldChangesNothingWhereNothingIsWritten(t *testing.T) {
	b := newBench(t, cloudtest.Policy("mode: report-only", "settle: 30s"))
	b.holdsFile(t, held(hello.Name(), b.Now().Add(time.Hour)))
	if got := b.outcome(t, "deployed"); got != report.Planned {
		t.Errorf("%s, want planned", got)
	}
}
