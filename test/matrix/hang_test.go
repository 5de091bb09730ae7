package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deadline is the acknowledgement deadline of what is pushed (deploy/intake.yaml).
const deadline = 600 * time.Second

// hangCell is one call that never ends.
type hangCell struct {
	at     id
	after  bool // it takes effect first
	always bool // and so does each later one of its name
}

func (h hangCell) String() string {
	often, when := "once", "before"
	if h.always {
		often = "always"
	}
	if h.after {
		when = "after the effect of"
	}
	return fmt.Sprintf("%s %s %s", often, when, h.at.name)
}

// hangCells are all that go with the calls of an undisturbed run.
func hangCells(calls []id) []hangCell {
	var cells []hangCell
	seen := map[string]bool{}
	for _, at := range calls {
		if seen[at.name] {
			continue
		}
		seen[at.name] = true
		cells = append(cells, hangCell{at, false, false}, hangCell{at, false, true})
		if at.changes || strings.HasPrefix(at.name, "memory POST") {
			cells = append(cells, hangCell{at, true, false})
		}
	}
	return cells
}

// ofHang are the cells without -full: one read of a service, and one publish.
var ofHang = []string{"once before publish started",
	"once before GET /v2/projects/demo-project/locations/us-central1/services/hello:getIamPolicy"}

func TestHang(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "hang")
	calls, want := undisturbed(t, two)
	t.Run("files", func(t *testing.T) { t.Parallel(); hangingFiles(t, want, total) })
	t.Run("operations", func(t *testing.T) { t.Parallel(); hangingOperations(t, want, total) })
	for _, s := range []scenario{two, twoByWriter} {
		if s.name != two.name && !*full {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calls, want := calls, want
			if s.name != two.name {
				calls, want = undisturbed(t, s)
			}
			for _, cell := range hangCells(calls) {
				if !*full && *only == "" && !slices.Contains(ofHang, cell.String()) ||
					!asked("hang/"+s.name+"/"+cell.String()) || s.name != two.name && !strings.Contains(cell.at.name, "Token") {
					continue
				}
				t.Run(strings.ReplaceAll(cell.String(), "/", "_"), func(t *testing.T) {
					t.Parallel()
					takenOf(t, idle)
					w := open(t, s)
					reached := w.hang(cell, total)
					w.end(want)
					total.add(t, w, reached)
				})
			}
		})
	}
}

// twoByWriter is two, written by an account whose tokens have to be asked for.
var twoByWriter = scenario{name: "two by a writer", policy: two.policy, environ: asWriter, estate: two.estate,
	build: func(w *world) { two.build(w); employ(w) }, event: two.event, later: two.later, outcome: two.outcome, entitled: two.entitled}

// hang has a call never end until the messages of both services are answered.
func (w *world) hang(cell hangCell, total *summary) bool {
	w.t.Helper()
	w.unread = true
	hangs, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.scenarioBegins(func(c *call) {
		if c.name != cell.at.name || !cell.always && c.n > 1 {
			return
		}
		if cell.after {
			c.send()
		}
		once.Do(func() { close(hangs) })
		<-release
		if !cell.after {
			c.drop() // long after who waited for it
		}
	})
	reached := w.until(hangs)
	w.bothAnswered(total)
	w.hook(nil)
	close(release)
	w.disturb()
	w.sweep()
	return reached
}

// bothAnswered has the other service changed, and waits for an answer to its message and to
// the first one.
func (w *world) bothAnswered(total *summary) {
	w.t.Helper()
	w.changed(regional.Name())
	for _, event := range []string{fmt.Sprintf("event-%d", w.found.event), "event-1"} {
		took := w.answerOf(event)
		if took > deadline {
			w.complain("%s was answered after %s, past its deadline", event, took)
		}
		total.slowest(took)
	}
}

// answerOf waits for the first answer to an event's message, and says how long it took.
func (w *world) answerOf(event string) time.Duration {
	w.t.Helper()
	for until := time.Now().Add(deadline); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		at := slices.IndexFunc(w.deliveries, func(d delivered) bool { return d.insertID == event })
		if at >= 0 {
			defer w.mu.Unlock()
			return w.deliveries[at].took
		}
		w.mu.Unlock()
	}
	w.t.Fatalf("%s is not answered by its deadline; reports: %s\nlog:\n%s", event, w.outcomeList(), w.log.short())
	return 0
}

// hangingFiles lets reads of the policy and of the holds hang, as those of a mount do that
// lost its server: from the start on, and later.
func hangingFiles(t *testing.T, want map[string]any, total *summary) {
	for _, variable := range []string{"IAPGUARD_POLICY", "IAPGUARD_HOLDS"} {
		for _, later := range []bool{false, true} {
			name := variable + " from the start on"
			if later {
				name = variable + " later"
			}
			if !*full && *only == "" && name != "IAPGUARD_HOLDS later" || !asked("hang/files/"+name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := open(t, two)
				w.hangFile(variable, later, total)
				w.end(want)
				total.add(t, w, true)
			})
		}
	}
}

// hangFile lets reads of a file hang until the messages of both services are answered.
func (w *world) hangFile(variable string, later bool, total *summary) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "file.yaml")
	text := "version: 1\nholds: []\n"
	if variable == "IAPGUARD_POLICY" {
		text = w.scenario.policy
	}
	good := func() {
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			w.t.Fatal(err)
		}
	}
	stuck := func() {
		_ = os.Remove(file) // where it is there
		if err := syscall.Mkfifo(file, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if later {
		good()
	} else {
		stuck()
	}
	w.start(variable + "=" + file)
	if later {
		stuck()
	}
	w.scenario.event(w)
	w.bothAnswered(total)
	fifo := file + ".fifo"
	if err := os.Rename(file, fifo); err != nil {
		w.t.Fatal(err)
	}
	good()
	// Who reads the old one gets what the new one holds.
	if pipe, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_, _ = pipe.WriteString(text)
		pipe.Close()
	}
	if variable == "IAPGUARD_POLICY" {
		time.Sleep(rereadAfter)
		w.changed(regional.Name()) // its look has the policy read again, and those beside it do not wait for that
		w.settle()
	}
	w.disturb()
	w.sweep()
}

// rereadAfter is after how long a policy that was read, or could not be, is read again.
const rereadAfter = 16 * time.Second

// hangingOperations lets the operations of writes never end.
func hangingOperations(t *testing.T, want map[string]any, total *summary) {
	if !*full {
		return // an operation may take five minutes
	}
	for _, method := range []string{"compute.backendServices.patch", "run.projects.locations.services.patch"} {
		if !asked("hang/operations/" + method) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := open(t, two)
			w.SetFaults(`[{"action":"hang-operation","method":"` + method + `","resource":"hello","times":1}]`)
			w.scenarioBegins(nil)
			w.bothAnswered(total)
			w.SetFaults(`[]`)
			w.disturb()
			w.sweep()
			w.end(want)
			total.add(t, w, true)
		})
	}
}

// slowest keeps the longest time of all: it is printed, and nothing depends on it.
func (s *summary) slowest(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const what = "seconds for the slowest answer"
	s.more[what] = max(s.more[what], int(took.Round(time.Second)/time.Second))
}
