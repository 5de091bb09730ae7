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
	said, err = b.undoLater(t, order)
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
	said, err = b.undoLater(t, order)
	if err != nil || b.Ask(at, "") != http.StatusOK {
		t.Errorf("a wave of both runs: %v\n%s", err, strings.Join(said, "\n"))
	}
}

// undoLater has a run taken back, and moves the clock ahead once while the undo waits until each
// instance knows of its hold.
func (b *bench) undoLater(t *testing.T, order event.Order) (said []string, err error) {
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
		if !moved && b.holds.heldAt(posture.Scope(hello), b.Now()) {
			moved = true
			time.Sleep(100 * time.Millisecond) // it waits
			b.Later(holdKnownAfter)
		}
	}
}
