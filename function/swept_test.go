package function

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const (
	ofProject     = "cloudresourcemanager.projects.getIamPolicy"
	ofBackends    = "compute.backendServices.aggregatedList"
	sweptServices = 5
)

// guardedProject is a project whose services are guarded, and known to be since a day.
func guardedProject(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, cloudtest.Policy())
	for i := range sweptServices - 1 {
		name := fmt.Sprintf("s%d", i)
		b.Build(playground.LoadBalanced{Service: name, Region: "us-central1", Host: name + ".example.com"})
	}
	for range 2 {
		b.sweepIt(t)
		b.Later(25 * time.Hour)
	}
	b.reports.reports = nil
	return b
}

// sweepIt sweeps the project, and gives the calls that this took.
func (b *bench) sweepIt(t *testing.T) cloudtest.Calls {
	t.Helper()
	before := b.calls()
	command := []byte(`{"command":"sweep","target":"projects/` + playground.Project + `"}`)
	body, err := json.Marshal(map[string]any{"subscription": "s",
		"message": map[string]any{"data": command, "messageId": b.Now().String()}})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, CommandsPath, bytes.NewReader(body)))
	if answer.Code != http.StatusNoContent {
		t.Fatalf("the sweep is answered with %d", answer.Code)
	}
	return b.Calls().Own()[before:]
}

// lookIn looks at hello as a later message of one sweep leads to it.
func (b *bench) lookIn(t *testing.T, sweep string) (report.Report, cloudtest.Calls) {
	t.Helper()
	before := b.calls()
	cause := event.Cause{Kind: event.CommandReceived, Key: "sweep", EventID: sweep, At: b.Now(), Command: &event.Command{Name: "sweep"}}
	item, err := newItem(event.Work{Cause: cause, Target: hello, GiveUpAt: b.Now().Add(GiveUpAfter)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.look(t.Context(), item, b.Now()); err != nil {
		t.Fatal(err)
	}
	return b.last(t), b.Calls().Own()[before:]
}

func (b *bench) turnIAP(on bool) {
	b.Call(http.MethodPatch, "/compute/v1/projects/"+playground.Project+"/global/backendServices/hello-backend",
		map[string]any{"iap": map[string]any{"enabled": on}})
}

func TestTheLooksOfASweepShareTheirProject(t *testing.T) {
	b := guardedProject(t)
	calls := b.sweepIt(t)
	for _, shared := range []string{ofProject, ofBackends} {
		if got := len(calls.Of(shared)); got != 1 {
			t.Errorf("%d services: %s was called %d times, want once", sweptServices, shared, got)
		}
	}
	if services := len(calls.Of("run.projects.locations.services.get")); services != sweptServices {
		t.Errorf("%d services were read, want each of %d", services, sweptServices)
	}
	if most := 5*sweptServices + 25; len(calls) > most {
		t.Errorf("%d calls, want 5 a service and 25 a project at most", len(calls))
	}
	if got := b.reports.outcomes(); len(got) != sweptServices || slices.ContainsFunc(got, func(o report.Outcome) bool {
		return o != report.Compliant
	}) {
		t.Errorf("outcomes %v, want %d times compliant", got, sweptServices)
	}
}

// What looks share is wrong: it is older than a change, and no event said so.
func TestNothingIsWrittenByWhatLooksShare(t *testing.T) {
	b := guardedProject(t)
	b.turnIAP(false)
	began := b.Now()
	last, calls := b.lookIn(t, "a")
	if asked := len(calls.Of("pubsub.projects.subscriptions.list")); last.Outcome != report.Protected || asked != 1 {
		t.Fatalf("IAP is off: %s, and callers were looked for %d times; want that it goes on, and once", last.Outcome, asked)
	}
	b.Later(25 * time.Hour)
	writes := b.writes()
	last, calls = b.lookIn(t, "b")
	if last.Outcome != report.Compliant || len(calls.Of(ofProject)) != 1 || !last.ObservedAt.After(began) {
		t.Fatalf("%s, %d reads of the project; want it compliant by one", last.Outcome, len(calls.Of(ofProject)))
	}
	first := last.ObservedAt
	b.Later(time.Minute)
	last, _ = b.lookIn(t, "b")
	read := last.ObservedAt
	if last.Outcome != report.Compliant || read.Sub(first) < time.Minute {
		t.Fatalf("a minute later: %s, observed at %s, want that it says when it was read anew", last.Outcome, read)
	}

	b.turnIAP(false)
	b.Later(30 * time.Second)
	if last, calls = b.lookIn(t, "b"); !last.ObservedAt.Equal(read) || len(calls.Of(ofBackends)) != 0 {
		t.Errorf("it was observed at %s by %d lists, want those of %s, and that it says so", last.ObservedAt,
			len(calls.Of(ofBackends)), read)
	}
	b.Later(30 * time.Second)
	if last, _ = b.lookIn(t, "b"); last.Outcome != report.Protected || b.writes() != writes+1 {
		t.Errorf("a minute later: %s and %d writes, want IAP on by one", last.Outcome, b.writes()-writes)
	}
}

func TestASweepWithoutAnIDSharesNothing(t *testing.T) {
	b := guardedProject(t)
	for range 2 {
		if last, calls := b.lookIn(t, ""); last.Outcome != report.Compliant || len(calls.Of(ofBackends)) != 1 {
			t.Errorf("%s by %d lists, want each look to read its own", last.Outcome, len(calls.Of(ofBackends)))
		}
	}
}

// Something is known that what looks share does not show: the memory has it, or an event came.
func TestASweepDoesNotOverruleWhatIsKnown(t *testing.T) {
	for name, learn := range map[string]func(*bench){
		"the memory has it": func(b *bench) {
			_, err := b.memory.UpdateService(t.Context(), memory.ServiceID{Target: hello},
				func(s *memory.Service) bool { return s.SeeWanted(b.Now()) })
			if err != nil {
				t.Fatal(err)
			}
		},
		"an event came": func(b *bench) {
			b.turnIAP(true) // as it was
			if err := b.deliver(t, "event", event.BackendServiceChanged); err != nil {
				t.Fatal(err)
			}
			b.turnIAP(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := guardedProject(t)
			b.lookIn(t, "a")
			b.turnIAP(false)
			learn(b)
			if last, _ := b.lookIn(t, "a"); last.Outcome != report.Protected {
				t.Errorf("%s, want IAP turned on by a look that reads by itself", last.Outcome)
			}
		})
	}
}

// What looks share is partial, or was not read: it is read again by a look that shares nothing.
func TestWhatLooksShareDecidesNothingWhereItIsPartial(t *testing.T) {
	for name, list := range map[string]string{
		"partial":  `[{"action":"partial-lists","method":"` + ofBackends + `","place":"global","times":1}]`,
		"denied":   `[{"action":"status","method":"` + ofBackends + `","status":403,"times":1}]`,
		"a remark": `[{"action":"status","method":"run.projects.locations.domainmappings.list","status":403,"times":1}]`,
		"not read": `[{"action":"status","method":"` + ofProject + `","status":403,"times":1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			b := guardedProject(t)
			writes := b.writes()
			b.SetFaults(list)
			last, calls := b.lookIn(t, "a")
			if read := min(len(calls.Of(ofBackends)), len(calls.Of(ofProject))); last.Outcome != report.Compliant || read != 2 ||
				b.writes() > writes {
				t.Errorf("%s, %d readings and %d writes; want compliant by a second reading, and none", last.Outcome, read,
					b.writes()-writes)
			}
			b.SetFaults("[]")
			if last, calls = b.lookIn(t, "b"); last.Outcome != report.Compliant || len(calls.Of(ofBackends)) != 1 {
				t.Errorf("another sweep: %s by %d lists, want it compliant by lists of its own", last.Outcome,
					len(calls.Of(ofBackends)))
			}
		})
	}
}
