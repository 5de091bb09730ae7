package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/port"
)

// hostVariable makes the test binary the function in a process of its own, so that its time on the
// processor, and its profile, are without the local cloud's.
const hostVariable = "TEST_BENCH_HOST"

func TestMain(m *testing.M) {
	if address := os.Getenv(hostVariable); address != "" {
		if err := serveFunction(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	binary.Main(m)
}

// serveFunction serves the function, what its process used of the processor, and a switch of its
// profile, until it is interrupted.
func serveFunction(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var environ []string
	for _, pair := range os.Environ() {
		if strings.HasPrefix(pair, "IAPGUARD_") || strings.HasPrefix(pair, "PUBSUB_") {
			environ = append(environ, pair)
		}
	}
	config, err := function.ReadConfig(environ)
	if err != nil {
		return err
	}
	protect, err := function.New(ctx, config, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", protect)
	mux.HandleFunc("/_processor", func(w http.ResponseWriter, _ *http.Request) {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, used.Utime.Nano()+used.Stime.Nano())
	})
	mux.HandleFunc("/_profile", func(w http.ResponseWriter, r *http.Request) {
		var profile bytes.Buffer
		if err := pprof.StartCPUProfile(&profile); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // it ends when the profile has to
		pprof.StopCPUProfile()
		_, _ = w.Write(profile.Bytes())
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { <-ctx.Done(); _ = server.Close() }()
	_ = server.ListenAndServe() // it was closed, or a caller finds nobody
	return nil
}

// host is the function in a process of its own.
type host struct {
	t        *testing.T
	url      string
	pid      int
	messages atomic.Int64
}

// startHost starts the function for a local cloud, under a policy.
func startHost(t *testing.T, cloud *playground.Playground, policy string) *host {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	address := port.Free(t)
	command := exec.Command(self)
	command.Stderr = os.Stderr
	command.Env = []string{hostVariable + "=" + address, "IAPGUARD_ENDPOINT=" + cloud.URL(), "IAPGUARD_POLICY=" + path,
		"IAPGUARD_SELF=" + playground.FunctionAccount, "IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic,
		"PUBSUB_EMULATOR_HOST=" + cloud.Broker.Address()}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Errorf("the function ended with %v", err)
		}
	})
	h := &host{t: t, url: "http://" + address, pid: command.Process.Pid}
	until(t, "the function serves", func() bool {
		response, err := http.Get(h.url + function.HealthPath)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return h
}

// until waits until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// processor is how long the process has had a processor.
func (h *host) processor() time.Duration {
	h.t.Helper()
	response, err := http.Get(h.url + "/_processor")
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var used time.Duration
	if _, err := fmt.Fscan(response.Body, &used); err != nil {
		h.t.Fatal(err)
	}
	return used
}

// sweep has the function look at a service, and returns what that took of a processor.
func (h *host) sweep(service playground.LoadBalanced) time.Duration {
	h.t.Helper()
	return h.timed("sweep", service.Name())
}

// timed sends a command about several targets, side by side, and returns what that took of a processor.
func (h *host) timed(command string, targets ...string) time.Duration {
	h.t.Helper()
	before := h.processor()
	var group sync.WaitGroup
	for _, target := range targets {
		group.Go(func() { h.command(command, target) })
	}
	group.Wait()
	return h.processor() - before
}

// command sends the function a command about a target, and returns when it is carried out.
func (h *host) command(name, target string) {
	command, err := json.Marshal(object{"command": name, "target": target})
	if err != nil {
		h.t.Error(err)
		return
	}
	push, err := json.Marshal(object{"subscription": "s",
		"message": object{"data": command, "messageId": fmt.Sprint(h.messages.Add(1))}})
	if err != nil {
		h.t.Error(err)
		return
	}
	response, err := http.Post(h.url+function.CommandsPath, "application/json", bytes.NewReader(push))
	if err != nil {
		h.t.Error(err)
		return
	}
	response.Body.Close()
	if response.StatusCode >= 300 {
		h.t.Errorf("%s of %s: status %d", name, target, response.StatusCode)
	}
}

// profiled is where the processor's time goes while work is done: the functions of the most time of
// their own and of what they call, as go tool pprof has them.
func (h *host) profiled(work func()) string {
	h.t.Helper()
	going, stop := io.Pipe()
	type answer struct {
		profile []byte
		err     error
	}
	came := make(chan answer, 1)
	go func() {
		response, err := http.Post(h.url+"/_profile", "text/plain", going)
		if err != nil {
			came <- answer{err: err}
			return
		}
		defer response.Body.Close()
		profile, err := io.ReadAll(response.Body)
		came <- answer{profile, err}
	}()
	_, _ = stop.Write([]byte("on")) // the answer says whether it was taken
	work()
	stop.Close()
	got := <-came
	if got.err != nil {
		h.t.Fatal(got.err)
	}
	path := filepath.Join(h.t.TempDir(), "profile")
	if err := os.WriteFile(path, got.profile, 0o600); err != nil {
		h.t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=400", path).Output()
	if err != nil {
		h.t.Fatal(err)
	}
	return string(out)
}

// shares are the parts of a profile that functions and what they call take, for those that are named.
func shares(profile string, named ...string) string {
	var found []string
	for line := range strings.Lines(profile) {
		field := strings.Fields(line)
		if len(field) < 6 {
			continue
		}
		name := strings.Join(field[5:], " ")
		if slices.ContainsFunc(named, func(n string) bool { return strings.HasSuffix(name, n) }) {
			found = append(found, field[4]+" "+name[strings.LastIndexByte(name, '/')+1:])
		}
	}
	return strings.Join(found, ", ")
}
