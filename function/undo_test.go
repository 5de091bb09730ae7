package function

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/playground"
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
	said, err = b.undo(t.Context(), order, "carol@example.com")
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
	said, err = b.undo(t.Context(), order, "carol@example.com")
	if err != nil || b.Ask(at, "") != http.StatusOK {
		t.Errorf("a wave of both runs: %v\n%s", err, strings.Join(said, "\n"))
	}
}
