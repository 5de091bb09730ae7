package memory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
)

func TestPlacedHoldsAreKeptForAMonthAndAreFew(t *testing.T) {
	var d memory.Deployment
	place := func(scope string, at time.Time, length time.Duration) error {
		return d.PlaceHold(at, memory.PlacedHold{Scope: scope, Until: at.Add(length), Reason: strings.Repeat("r", 1000),
			By: "alice"})
	}
	if err := place("projects/a", began, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := place("projects/a", began.Add(time.Minute), time.Hour); err != nil || len(d.Placed) != 2 ||
		d.Placed[0].InForce(began.Add(time.Minute)) || !d.Placed[1].InForce(began.Add(time.Hour)) {
		t.Errorf("%v, %+v: want the second in place of the first, which is kept", err, d.Placed)
	}
	if d.ResumeHold("projects/b", began) || !d.ResumeHold("projects/a", began.Add(2*time.Minute)) ||
		d.ResumeHold("projects/a", began.Add(2*time.Minute)) {
		t.Errorf("lifted %+v", d.Placed)
	}
	later := began.Add(31 * 24 * time.Hour)
	var err error
	placed := 0
	for ; err == nil && placed < 100; placed++ {
		err = place(fmt.Sprintf("projects/p-%d", placed), later, time.Hour)
	}
	if err == nil || len(d.Placed) != 50 || placed != 51 {
		t.Errorf("%d holds, the last with %v: want 50, and no older ones", len(d.Placed), err)
	}
	if err := place("projects/p-7", later, time.Hour); err != nil {
		t.Errorf("another hold on a scope that is held: %v", err)
	}
	store := memory.NewInProcess()
	if _, err := open(store).UpdateDeployment(t.Context(), func(stored *memory.Deployment) bool {
		*stored = d
		return true
	}); err != nil || len(content(t, store, "deployment")) > 32<<10 {
		t.Errorf("%v, %d bytes", err, len(content(t, store, "deployment")))
	}
	if err := place("projects/b", later.Add(2*time.Hour), time.Hour); err != nil || len(d.Placed) != 50 {
		t.Errorf("%v, %d holds: want one of those that ended dropped", err, len(d.Placed))
	}
}
