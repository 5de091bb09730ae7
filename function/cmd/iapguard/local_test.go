//go:build !deployed

package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/attach"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// lines is what a command has printed so far.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

// The first terminal of deploy/docs/how-to/refused-visitors.md.
func TestRefusalsLetTheLocalFunctionDiagnoseThem(t *testing.T) {
	for _, denials := range []bool{true, false} {
		running := cloudtest.Start(t, playground.Options{Clock: time.Now}) // the function runs by the machine's clock
		if err := running.DeployFunction(t.Context()); err != nil {
			t.Fatal(err)
		}
		protect, err := attach.Function(t.Context(), running.Playground, attach.Options{Denials: denials,
			Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		if err != nil {
			t.Fatal(err)
		}
		running.Keep(protect)
		var printed lines
		shown := newOutcomes(&printed, "text")
		if err := running.OnReport(t.Context(), shown.add); err != nil {
			t.Fatal(err)
		}
		if err := play(t.Context(), running.Playground, localFlags{once: true}, shown); err != nil {
			t.Fatal(err)
		}
		running.Cloud.DataPlane().Stick(playground.Scenario[0].Name(), false)
		answered := running.Ask(playground.Scenario[0].Host, "user:alice@example.com")
		for deadline := time.Now().Add(20 * time.Second); denials && !printed.has("redeployed") &&
			time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		running.Idle()
		if answered != http.StatusForbidden || printed.has("STUCK_REVISION: ") != denials ||
			printed.has("redeployed") != denials {
			t.Errorf("with denials %t alice is answered %d, and this is printed:\n%s", denials, answered,
				printed.text.String())
		}
	}
}

func TestBeliefsAreFlags(t *testing.T) {
	options, err := localFlags{beliefs: []string{"keep-tag-urls", "refuse-service-agents"}}.options()
	if want := (belief.Beliefs{KeepTagURLs: true, RefuseServiceAgents: true}); err != nil || options.Beliefs != want {
		t.Errorf("%+v, %v; want %+v", options.Beliefs, err, want)
	}
	err = execute(t, "local", "--belief", "keep-tag-urls", "--belief", "frob")
	if usage := (usageError{}); !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), `"frob"`) || !strings.Contains(err.Error(), strings.Join(belief.Names(), ", ")) {
		t.Errorf("a wrong name: %v, want one line with all names", err)
	}
	help := beliefsHelp()
	for _, each := range belief.All() {
		if !strings.Contains(help, each.Name+" ") || !strings.Contains(help, each.Alternative) {
			t.Errorf("the help does not list %s: %s", each.Name, help)
		}
	}
}

func TestWhatTheLocalCloudCannotDoIsSaidAtTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		args   []string
		says   string
		status int
	}{
		{[]string{"local", "--once", "--latency", "-5ms"}, "--latency is -5ms", exitUsage},
		{[]string{"local", "--once", "--paused"}, "leave --once and --cloud-only out", exitUsage},
		{[]string{"local", "--cloud-only", "--paused"}, "leave --once and --cloud-only out", exitUsage},
		{[]string{"local", "--cloud-only", "--addr", taken.Addr().String()}, "address already in use: write --addr 127.0.0.1:",
			exitFailed},
	} {
		var out, said bytes.Buffer
		if status := run(t.Context(), tc.args, &out, &said); status != tc.status || !strings.Contains(said.String(), tc.says) {
			t.Errorf("%v: exit status %d, said %q; want %d and %q", tc.args, status, said.String(), tc.status, tc.says)
		}
	}
}

func TestDoctorShowsTheVerdictOfEachService(t *testing.T) {
	o := shops(t)
	out, err := say(t, "doctor", "projects/"+playground.Project, "--endpoint", o.URL())
	hello, quiet := strings.Index(out, playground.Scenario[0].Name()), strings.Index(out, "services/a-quiet")
	if err != nil || hello < 0 || quiet < 0 || !strings.Contains(out, "next: iapguard doctor projects/") {
		t.Errorf("of a project: %v\n%s", err, out)
	}
}
