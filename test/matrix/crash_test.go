package matrix

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// everyRead is of how many reads one is a cell without -full. Writes and publishes all are.
const everyRead = 60

// ofCrash are the scenarios that are played without -full.
var ofCrash = []string{"global", "redeploy"}

func TestCrash(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "crash")
	for _, s := range played(ofCrash) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calls, want := undisturbed(t, s)
			total.count("calls without disturbance", len(calls))
			for i, at := range calls {
				if !*full && *only == "" && !at.changes && i%everyRead != everyRead-1 {
					continue
				}
				for _, when := range []string{"before", "after"} {
					cell := s.name + "/" + when + " " + at.String()
					if !asked(cell) {
						continue
					}
					t.Run(when+" "+strings.ReplaceAll(at.String(), "/", "_"), func(t *testing.T) {
						t.Parallel()
						taken(t)
						w := open(t, s)
						reached := w.crash(at, when == "after")
						w.end(want)
						total.add(t, w, reached)
					})
				}
			}
		})
	}
}

// crash has an instance killed at a call, and starts another. It reports whether the call
// was made. Somebody else changes something in between.
func (w *world) crash(at id, after bool) bool {
	w.t.Helper()
	reached := make(chan struct{})
	var once sync.Once
	w.scenarioBegins(func(c *call) {
		if c.id() != at {
			return
		}
		once.Do(func() {
			if after {
				c.send()
			}
			w.kill()
			close(reached)
		})
		c.drop()
	})
	killed := w.until(reached)
	w.hook(nil)
	if !w.scenario.alone {
		w.disturb()
	}
	if killed {
		w.start()
	}
	if w.scenario.alone {
		w.settle()
		w.disturb()
	}
	return killed
}

// drop leaves a call without an answer: who made it has gone.
func (c *call) drop() {
	c.answer, c.status = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, errGone
}

// scenarioBegins plays a scenario up to its event, with a hook from the start of the
// instance on, or from where the matrix begins.
func (w *world) scenarioBegins(with hook) {
	w.t.Helper()
	if w.scenario.before == nil {
		w.hook(with)
	}
	w.begin()
	if w.scenario.before != nil {
		w.scenario.before(w)
		w.calls()
		w.hook(with)
	}
	w.scenario.event(w)
}

// until waits until a point is reached, and reports false where all is done before.
func (w *world) until(reached <-chan struct{}) bool {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case <-reached:
			return true
		case <-time.After(2 * time.Millisecond):
			if w.settled() {
				return false
			}
		}
	}
	w.t.Fatalf("it never settled; reports: %s\nlog:\n%s", w.outcomeList(), w.log.short())
	return false
}

// undisturbed plays a scenario without any disturbance. It returns the calls that are made,
// and how everything ends with the changes of other people.
func undisturbed(t *testing.T, s scenario) (calls []id, want map[string]any) {
	t.Helper()
	if !t.Run("undisturbed", func(t *testing.T) {
		taken(t)
		w := open(t, s)
		w.scenarioBegins(nil)
		w.settle()
		calls = w.calls()
		if s.later != nil {
			s.later(w)
			w.settle()
		}
		w.disturb()
		want = w.end(nil)
		if complaints := w.judged(); len(complaints) > 0 {
			t.Errorf("%s\nreports: %s\nlog:\n%s", strings.Join(complaints, "\n"), w.outcomeList(), w.log.short())
		}
	}) {
		t.FailNow()
	}
	return calls, want
}
