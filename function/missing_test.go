package function

import (
	"errors"
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/workqueue"
)

const settlesAtOnce = "version: 1\nrules: [{name: everything, mode: report-only}]\n"

func TestAMissingServiceIsLookedAtAgain(t *testing.T) {
	b := newBench(t, settlesAtOnce)
	b.SetFaults(`[{"action":"status","method":"run.projects.locations.services.get","status":404,"times":1}]`)
	if err := b.deliver(t, "one", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatalf("after one 404: %v, want another delivery", err)
	}
	b.Later(missingFor)
	if err := b.deliver(t, "one", event.RunServiceChanged); err != nil {
		t.Fatal(err)
	}
	if got := b.reports.outcomes(); len(got) != 1 || got[0] != report.Waiting {
		t.Errorf("outcomes %v, want that the service, which is there, waits for accessors", got)
	}
}

func TestAServiceIsGoneWhenTwoLooksMissIt(t *testing.T) {
	b := newBench(t, settlesAtOnce)
	b.SetFaults(`[{"action":"status","method":"run.projects.locations.services.get","status":404}]`)
	if err := b.deliver(t, "one", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatalf("after one 404: %v, want another delivery", err)
	}
	b.Later(missingFor)
	if err := b.deliver(t, "one", event.RunServiceChanged); err != nil {
		t.Errorf("after two: %v, want the message acknowledged", err)
	}
	if err := b.deliver(t, "made again", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Errorf("after one 404 of a service that was made again: %v, want another delivery", err)
	}
	other := newBench(t, settlesAtOnce)
	other.SetFaults(`[{"action":"status","method":"run.projects.locations.services.get","status":404}]`)
	if err := other.deliver(t, "deleted", event.RunServiceDeleted); err != nil {
		t.Errorf("after its deletion: %v, want the message acknowledged", err)
	}
}
