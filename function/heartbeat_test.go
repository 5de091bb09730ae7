package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/workqueue"
)

const eventsTopic = "projects/demo-project/topics/events"

// beating is a function that writes heartbeats, what it wrote, and what it logs.
type beating struct {
	*bench
	written map[string]string // the last nonce of each place
	lines   bytes.Buffer
	now     *clockwork.FakeClock
}

func newBeating(t *testing.T, remembered *memory.Memory) *beating {
	b := &beating{bench: newBench(t, settling), written: map[string]string{}}
	b.log = slog.New(slog.NewJSONHandler(&b.lines, nil))
	b.now = clockwork.NewFakeClockAt(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	b.clock = b.now
	b.pulse = &pulse{
		places: []string{"projects/demo-project", "organizations/12", eventsTopic}, stored: remembered.HeartbeatKey,
		now: b.clock.Now, log: b.log,
		write: func(_ context.Context, place, nonce string) error { b.written[place] = nonce; return nil },
	}
	b.pulse.beat(t.Context())
	return b
}

// logged is a heartbeat as it comes from the log of a place.
func logged(place, nonce string) string {
	return fmt.Sprintf(`{"logName":"%s/logs/iapguard-heartbeat","insertId":"1","timestamp":"2026-11-23T12:00:00Z",`+
		`"jsonPayload":{"iapguard":"heartbeat","nonce":%q}}`, place, nonce)
}

// published is a heartbeat as it comes from the events topic.
func published(nonce string) string {
	return fmt.Sprintf(`{"iapguard":"heartbeat","nonce":%q}`, nonce)
}

// heard delivers a message, and returns the line of the log that it leads to.
func (b *beating) heard(t *testing.T, path, body string) map[string]any {
	t.Helper()
	b.lines.Reset()
	calls, reports := b.calls(), len(b.reports.reports)
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	if answer.Code != http.StatusNoContent || b.calls() != calls || len(b.reports.reports) != reports {
		t.Errorf("%s: status %d, %d calls, %d reports; want 204 and none", body, answer.Code, b.calls()-calls,
			len(b.reports.reports)-reports)
	}
	var line map[string]any
	if b.lines.Len() > 0 {
		if err := json.Unmarshal(b.lines.Bytes(), &line); err != nil { // two lines are not one JSON text
			t.Errorf("%v in %s", err, b.lines.String())
		}
	}
	return line
}

func newMemory() *memory.Memory {
	return memory.New(memory.NewInProcess(), memory.Options{Clock: clockwork.NewRealClock()})
}

func TestHeartbeatIsLoggedOnceAndLeadsToNothing(t *testing.T) {
	b := newBeating(t, newMemory())
	b.now.Advance(90 * time.Second)
	for place, body := range map[string]string{
		"projects/demo-project": logged("projects/demo-project", b.written["projects/demo-project"]),
		"organizations/12":      logged("organizations/12", b.written["organizations/12"]),
		eventsTopic:             published(b.written[eventsTopic]),
	} {
		if line := b.heard(t, "/", body); line["msg"] != "heartbeat" || line["from"] != place || line["lag_seconds"] != 90.0 {
			t.Errorf("%s: %v", place, line)
		}
	}
}

func TestOnlyHeartbeatsOfOursAreBelieved(t *testing.T) {
	remembered := newMemory()
	b := newBeating(t, remembered)
	other := newBeating(t, newMemory())
	own, topics := b.written["projects/demo-project"], b.written[eventsTopic]
	at, sum, _ := strings.Cut(own, ".")
	for _, tc := range []struct{ name, path, body, says string }{
		{"another project's log", "/", logged("projects/evil-project", own), "a heartbeat is not believed"},
		{"another organization's log", "/", logged("organizations/13", b.written["organizations/12"]), "a heartbeat is not believed"},
		{"another place's nonce", "/", logged("projects/demo-project", b.written["organizations/12"]), "a heartbeat is not believed"},
		{"a nonce of another deployment", "/", logged("projects/demo-project", other.written["projects/demo-project"]),
			"a heartbeat is not believed"},
		{"a later time", "/", logged("projects/demo-project", at+"9."+sum), "a heartbeat is not believed"},
		{"a nonce of nothing", "/", logged("projects/demo-project", "1795435200"), "a heartbeat is not believed"},
		{"published with the log's nonce", "/", published(own), "a heartbeat is not believed"},
		{"no nonce", "/", logged("projects/demo-project", ""), ""},
		{"published without a nonce", "/", `{"iapguard":"heartbeat"}`, ""},
		{"among commands", "/commands", published(topics), ""},
	} {
		if line := b.heard(t, tc.path, tc.body); tc.says == "" && line["msg"] == "heartbeat" || tc.says != "" && line["msg"] != tc.says {
			t.Errorf("%s: %v, want %q", tc.name, line, tc.says)
		}
	}
	b.now.Advance(heartbeatLasts + time.Second)
	if line := b.heard(t, "/", logged("projects/demo-project", own)); line["msg"] != "a heartbeat is not believed" {
		t.Errorf("repeated later: %v", line)
	}
	if line := newBeating(t, remembered).heard(t, "/", logged("projects/demo-project", own)); line["msg"] != "heartbeat" {
		t.Errorf("in another instance: %v", line)
	}
}

func TestHeartbeatsThatWaitForTheKeyWaitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		p := &pulse{now: time.Now, stored: func(context.Context, []byte) ([]byte, error) {
			reads.Add(1)
			time.Sleep(5 * time.Second)
			return nil, memory.ErrUnreadable
		}}
		began := time.Now()
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				if _, _, err := p.heard(t.Context(), event.Cause{Nonce: "1.forged"}); !errors.Is(err, memory.ErrUnreadable) {
					t.Errorf("error %v, want that of the memory", err)
				}
			})
		}
		waiting.Wait()
		if waited := time.Since(began); waited != 5*time.Second || reads.Load() != 1 {
			t.Errorf("they waited for %s and %d answers of the memory, want 5s and one", waited, reads.Load())
		}
	})
}

func TestEveryDueCommandSendsAHeartbeat(t *testing.T) {
	b := newBeating(t, newMemory())
	clear(b.written)
	b.records, b.worker = dueRecords{newMemory()}, workqueue.NewWorker(workqueue.Options{Clock: b.clock})
	if err := b.due(t.Context()); err != nil || len(b.written) != 3 {
		t.Errorf("%v, %v", b.written, err)
	}
}

func TestAHeartbeatThatCannotBeWrittenIsAnErrorOfTheLog(t *testing.T) {
	b := newBeating(t, newMemory())
	b.pulse.write = func(context.Context, string, string) error { return context.DeadlineExceeded }
	b.lines.Reset()
	b.pulse.beat(t.Context())
	if got := strings.Count(b.lines.String(), `"level":"ERROR","msg":"a heartbeat cannot be written"`); got != 3 {
		t.Errorf("%d lines: %s", got, b.lines.String())
	}
}

func TestHeartbeatsBeginWhereTheVariableSays(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "projects/demo-project": 1, "folders/12,organizations/13": 2, eventsTopic: 1,
		"demo-project": -1, "projects/demo-project/": -1, "projects/demo-project, folders/12": -1, "organizations/x": -1,
	} {
		places, err := parseHeartbeats(text)
		if (err != nil) != (want < 0) || err == nil && len(places) != want {
			t.Errorf("%q: %q, %v", text, places, err)
		}
	}
}
