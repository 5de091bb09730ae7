package function

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestARunThatACommandTookBackStaysSo(t *testing.T) {
	b := withDueRecords(t, cloudtest.Policy("publicInvokers: remove"))
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Fatal(got)
	}
	at := b.DefaultURL(playground.Scenario[0])
	order := event.Order{Name: "undo", Run: b.last(t).RunID}
	said, err := b.undo(t.Context(), order, "carol@example.com")
	if fault.Of(err).Kind != fault.Conflict || b.Ask(at, "") != http.StatusNotFound {
		t.Errorf("without yes: %v\n%s", err, strings.Join(said, "\n"))
	}
	order.Yes = true
	asked := b.Now()
	said, err = b.undoLater(t, order, nil)
	if waited := b.Now().Sub(asked); waited < holdKnownAfter {
		t.Errorf("it was taken back within %s: an instance that read the holds just before protects it again", waited)
	}
	if text := strings.Join(said, "\n"); err != nil || !strings.Contains(text, "5 of 5 steps undone") ||
		!strings.Contains(text, hello.Name()+" is held until") || b.Ask(at, "") != http.StatusOK {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := b.outcome(t, "the undo itself"); got != report.Held || b.last(t).WaitingFor.Who != "carol@example.com" {
		t.Errorf("the event of the undo leads to %s, %+v", got, b.last(t).WaitingFor)
	}
	if _, err := b.holds.ResumeHold(t.Context(), hello.Name()); err != nil {
		t.Fatal(err)
	}
	if got := b.outcome(t, "resumed"); got != report.Protected {
		t.Errorf("resumed: %s", got)
	}
	order = event.Order{Name: "undo", Policy: b.policies.inForce().Digest(), Since: b.Now().Add(-time.Hour), Yes: true}
	said, err = b.undoLater(t, order, nil)
	if err != nil || b.Ask(at, "") != http.StatusOK {
		t.Errorf("a wave of both runs: %v\n%s", err, strings.Join(said, "\n"))
	}
}

// A run that begins while an undo waits is of a service that nobody holds.
func TestAWaveTakesNothingBackThatIsNotHeld(t *testing.T) {
	b := withDueRecords(t, cloudtest.Policy("publicInvokers: remove"))
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Fatal(got)
	}
	b.Build(playground.Scenario[1])
	billing := playground.Scenario[1].Name()
	order := event.Order{Name: "undo", Policy: b.policies.inForce().Digest(), Since: b.Now().Add(-time.Hour), Yes: true}
	said, err := b.undoLater(t, order, func() {
		if code := b.command("apply", "meanwhile", billing); code != http.StatusNoContent {
			t.Errorf("apply: %d", code)
		}
	})
	if text := strings.Join(said, "\n"); err != nil || !strings.Contains(text, hello.Name()+": 5 of 5 steps undone") ||
		!strings.Contains(text, billing+": its run began meanwhile") || strings.Contains(text, billing+": takes back") {
		t.Errorf("%v\n%s", err, text)
	}
	if at := b.DefaultURL(playground.Scenario[1]); b.Ask(at, "") == http.StatusOK {
		t.Errorf("a stranger gets in at %s", at)
	}
}

// undoLater has a run taken back, and moves the clock ahead once while the undo waits until each
// instance knows of its hold. meanwhile is done before that; nil = nothing is.
func (b *bench) undoLater(t *testing.T, order event.Order, meanwhile func()) (said []string, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		said, err = b.undo(t.Context(), order, "carol@example.com")
	}()
	for moved := false; ; {
		select {
		case <-done:
			return said, err
		case <-time.After(100 * time.Millisecond):
		}
		if !moved && b.holds.heldAt(t.Context(), posture.Scope(hello), b.Now()) {
			moved = true
			time.Sleep(100 * time.Millisecond) // it waits
			if meanwhile != nil {
				meanwhile()
			}
			b.Later(holdKnownAfter)
		}
	}
}
