package process

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/port"
)

func TestMain(m *testing.M) { binary.Main(m) }

// killAfter is what Cloud Run leaves between SIGTERM and SIGKILL. Source:
// run/docs/container-contract.
const killAfter = 10 * time.Second

// instance is the binary in a process of its own.
type instance struct {
	t       *testing.T
	url     string
	process *os.Process
	log     output
	ended   chan struct{}
	state   *os.ProcessState // after ended
	term    sync.Once
	killed  atomic.Bool // by SIGKILL alone
}

// output is what a process prints.
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

// run starts an instance for a local cloud, which finds Google's APIs at an endpoint,
// and waits until it serves.
func run(t *testing.T, o *cloudtest.Env, endpoint string, more ...string) *instance {
	t.Helper()
	return runUnder(t, o, cloudtest.Policy("limits: {perProject: 1000, overall: 1000}"), endpoint, more...)
}

// runUnder is run under another policy.
func runUnder(t *testing.T, o *cloudtest.Env, text, endpoint string, more ...string) *instance {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := append([]string{
		"IAPGUARD_POLICY=" + policy, "IAPGUARD_SELF=" + playground.FunctionAccount, "IAPGUARD_ENDPOINT=" + endpoint,
		"IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic, "PUBSUB_EMULATOR_HOST=" + o.Broker.Address(),
	}, more...)
	for {
		i := start(t, environ...)
		await(t, "the function serves", func() bool { return i.healthy() == http.StatusOK || !i.alive() })
		if !i.alive() && strings.Contains(i.log.String(), "address already in use") {
			continue // somebody else was quicker to take the port
		}
		t.Cleanup(i.end)
		return i
	}
}

func (i *instance) alive() bool {
	select {
	case <-i.ended:
		return false
	default:
		return true
	}
}

// start starts the binary with nothing in its environment but this and a port.
func start(t *testing.T, environ ...string) *instance {
	t.Helper()
	i := &instance{t: t, url: "http://" + port.Free(t), ended: make(chan struct{})}
	command := exec.Command(binary.Deployed(t), "serve")
	command.Stdout, command.Stderr = &i.log, &i.log
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PORT=" + i.url[len("http://127.0.0.1:"):]}, environ...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	i.process = command.Process
	go func() {
		_ = command.Wait() // its state has the result
		i.state = command.ProcessState
		close(i.ended)
	}()
	return i
}

// healthy is what /healthz answers, 0 when nobody does.
func (i *instance) healthy() int {
	response, err := http.Get(i.url + "/healthz")
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// terminate sends SIGTERM, and SIGKILL if the process is still there when its
// time is over.
func (i *instance) terminate() {
	i.term.Do(func() {
		if err := i.process.Signal(syscall.SIGTERM); err != nil {
			i.t.Errorf("sending SIGTERM: %v", err)
		}
		go func() {
			select {
			case <-i.ended:
			case <-time.After(killAfter):
				_ = i.process.Kill() // it may have ended just now
			}
		}()
	})
}

// kill sends SIGKILL without any warning, and waits until the process has gone.
func (i *instance) kill() {
	i.killed.Store(true)
	if err := i.process.Kill(); err != nil {
		i.t.Errorf("sending SIGKILL: %v", err)
	}
	<-i.ended
}

// end terminates the instance, which must go by itself and without an error.
func (i *instance) end() {
	if i.killed.Load() {
		return
	}
	i.terminate()
	<-i.ended
	if !i.state.Success() {
		i.t.Errorf("iapguard serve ended with %s, want exit status 0 before SIGKILL:\n%s", i.state, i.log.String())
	}
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(cloudtest.Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
