package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/port"
)

// instance is the deployed program in a process of its own.
type instance struct {
	url     string
	process *os.Process
	ended   chan struct{}
	how     error // after ended: how it ended, nil = by itself and without an error
	killed  atomic.Bool
}

// output is what processes print.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// short is what it says without what every line has.
func (o *output) short() string {
	var short strings.Builder
	for line := range strings.Lines(o.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			short.WriteString(line)
			continue
		}
		at, _ := fields["time"].(string)
		fmt.Fprintf(&short, "%.23s %v %v", at, fields["severity"], fields["message"])
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if !slices.Contains([]string{"time", "severity", "message", "logging.googleapis.com/sourceLocation", "project",
				"location", "mode", "rule", "id", "service"}, key) {
				fmt.Fprintf(&short, " %s=%v", key, fields[key])
			}
		}
		short.WriteString("\n")
	}
	return short.String()
}

// start starts an instance with the scenario's policy and environment, waits until it
// serves, and sends it what is pushed from now on. More overrides the environment.
func (w *world) start(more ...string) *instance {
	w.t.Helper()
	i := w.begin(more...)
	if !i.alive() {
		w.t.Fatalf("the function does not start:\n%s", w.log.String())
	}
	return i
}

// begin is start for an instance that may be killed before it serves.
func (w *world) begin(more ...string) *instance {
	w.t.Helper()
	for {
		i := w.launch(more...)
		w.current.Store(i)
		await(w.t, "the function serves", func() bool { return i.healthy() || !i.alive() })
		if i.alive() || i.killed.Load() || !strings.Contains(w.log.String(), "address already in use") {
			return i
		}
	}
}

// launch starts the program and waits for nothing.
func (w *world) launch(more ...string) *instance {
	w.t.Helper()
	policy := filepath.Join(w.t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(w.scenario.policy), 0o600); err != nil {
		w.t.Fatal(err)
	}
	address := port.Free(w.t)
	_, number, _ := strings.Cut(address, ":")
	i := &instance{url: "http://" + address, ended: make(chan struct{})}
	command := exec.Command(binary.Deployed(w.t), "serve")
	command.Stdout, command.Stderr = w.log, w.log
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PORT=" + number, "IAPGUARD_POLICY=" + policy,
		"IAPGUARD_SELF=" + playground.FunctionAccount, "IAPGUARD_ENDPOINT=" + w.gate.URL,
		"IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic, "PUBSUB_EMULATOR_HOST=" + w.topics,
		"IAPGUARD_MEMORY=" + playground.MemoryBucket}, append(w.scenario.environ, more...)...)
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	i.process = command.Process
	go func() {
		i.how = command.Wait()
		close(i.ended)
	}()
	w.t.Cleanup(i.end)
	return i
}

func (i *instance) alive() bool {
	select {
	case <-i.ended:
		return false
	default:
		return true
	}
}

func (i *instance) healthy() bool {
	response, err := http.Get(i.url + "/healthz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// kill sends SIGKILL to the current instance without any warning, and waits until the
// process has gone.
func (w *world) kill() {
	i := w.current.Load()
	if i.killed.Swap(true) {
		return
	}
	_ = i.process.Kill() // it may have ended just now
	<-i.ended
	w.kills.Add(1)
}

// end lets the instance go.
func (i *instance) end() {
	if !i.alive() {
		return
	}
	_ = i.process.Signal(syscall.SIGKILL) // it may have ended just now
	<-i.ended
}

// patience is how long what must come is waited for.
const patience = 5 * time.Minute

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
