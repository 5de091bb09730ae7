package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// terminal is a terminal with a person before it.
type terminal struct {
	tty    *os.File // the program's side
	person *os.File // where the person types
	mu     sync.Mutex
	shown  bytes.Buffer
	over   chan struct{}
}

// newTerminal makes a terminal of so many columns. What is shown there is read all along.
func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: columns}); err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	made := &terminal{tty: tty, person: person, over: make(chan struct{})}
	go made.read()
	return made
}

func (m *terminal) read() {
	defer close(m.over)
	buffer := make([]byte, 4096)
	for {
		n, err := m.person.Read(buffer)
		m.mu.Lock()
		m.shown.Write(buffer[:n])
		m.mu.Unlock()
		if err != nil { // EIO: the program's side is closed
			return
		}
	}
}

// text is what was shown so far.
func (m *terminal) text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.ReplaceAll(m.shown.String(), "\r\n", "\n")
}

// end is all that was shown, once the program's side is closed.
func (m *terminal) end() string {
	m.tty.Close()
	<-m.over
	return m.text()
}

// types types when a text is shown.
func (m *terminal) types(t *testing.T, when, keys string) {
	t.Helper()
	m.sees(t, when)
	if _, err := m.person.WriteString(keys); err != nil {
		t.Error(err)
	}
}

// sees waits until a text is shown. A test that fails here would wait for ever otherwise.
func (m *terminal) sees(t *testing.T, what string) {
	t.Helper()
	for range 6000 {
		if strings.Contains(m.text(), what) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the terminal never shows %q:\n%s", what, m.text())
}

// runs runs a command line at the terminal, in this process.
func (m *terminal) runs(ctx context.Context, args ...string) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(m.tty)
	return runCommand(ctx, root, m.tty, m.tty)
}

// nightly makes a job that calls hello's own address.
func nightly(o *cloudtest.Env) {
	const jobs = "/v1/projects/demo-project/locations/europe-west1/jobs"
	o.CallAs(o.Owner(), http.MethodPost, jobs, map[string]any{"name": jobs[4:] + "/nightly",
		"httpTarget": map[string]any{"uri": "https://hello-123456789012.us-central1.run.app/n"}})
}

func TestApplyAsksAtATerminalAndTakesYesAlone(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	policy := written(t, "policy.yaml", cloudtest.Policy())
	args := []string{"apply", hello.Name(), "--policy", policy, "--endpoint", o.URL()}
	before := len(o.Calls().Writes())
	for _, answer := range []string{"n\n", "\n", "yess\n", "\x04"} {
		at := newTerminal(t, 80)
		go at.types(t, "Apply 6 steps to 1 service? [y/N] ", answer)
		status := at.runs(t.Context(), args...)
		if shown := at.end(); status != exitFailed || !strings.Contains(shown, "iapguard: nothing was written: not agreed to\n") {
			t.Errorf("%q: exit status %d, want %d and a line that says so:\n%s", answer, status, exitFailed, shown)
		}
	}
	if after := len(o.Calls().Writes()); after != before {
		t.Errorf("%d writes without a yes", after-before)
	}
	at := newTerminal(t, 80)
	go at.types(t, "[y/N]", "Yes\n")
	if status := at.runs(t.Context(), args...); status != exitDone || outside(o) != http.StatusNotFound {
		t.Errorf("a yes: exit status %d:\n%s", status, at.end())
	}
	at = newTerminal(t, 80) // nobody types here
	if status, shown := at.runs(t.Context(), args...), at.end(); status != exitDone || strings.Contains(shown, "[y/N]") ||
		!strings.Contains(shown, hello.Name()+": nothing is") {
		t.Errorf("nothing to write: exit status %d, want no question:\n%s", status, shown)
	}
}

func TestAWaitCountsDownAtATerminal(t *testing.T) {
	at := newTerminal(t, 80)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		at.sees(t, clearLine+"waiting 59m5")
		cancel()
	}()
	if err := waitUntil(ctx, at.tty, time.Now().Add(time.Hour), "a grant \x1b[31mholds"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if shown := at.end(); strings.Count(shown, clearLine+"waiting ") < 2 || !strings.Contains(shown, `a grant \x1b[31mholds`) ||
		strings.Contains(shown, "\n") || !strings.HasSuffix(shown, clearLine) {
		t.Errorf("%q, want one line that is written again and taken away", shown)
	}
	if err := waitUntil(t.Context(), io.Discard, time.Now(), "a grant holds"); err != nil {
		t.Errorf("a wait that is over: %v", err)
	}
	var said bytes.Buffer
	if err := waitUntil(ctx, &said, time.Now().Add(time.Hour), "a grant holds"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the wait was interrupted", err)
	}
	if strings.Count(said.String(), "\n") != 1 || !strings.HasPrefix(said.String(), "waiting 1h0m0s, until ") {
		t.Errorf("without a terminal: %q, want one line", &said)
	}
}

func TestProgressIsShownAtATerminalAlone(t *testing.T) {
	at := newTerminal(t, 100)
	p := newProgress(at.tty, "services looked at", 4, 0)
	for p.isHidden() {
		time.Sleep(time.Millisecond)
	}
	for range 3 {
		p.add()
		time.Sleep(150 * time.Millisecond) // the bar is drawn ten times a second at most
	}
	p.end()
	shown := at.end()
	for _, want := range []string{"services looked at", "75%", "(3/4", "services/s", "s]"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the bar lacks %q: %q", want, shown)
		}
	}
	var said bytes.Buffer
	quiet := newProgress(&said, "services looked at", 4, 0)
	quiet.add()
	quiet.end()
	if said.Len() > 0 {
		t.Errorf("without a terminal: %q", &said)
	}
}

// isHidden reports whether the bar is not shown yet.
func (p *progress) isHidden() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bar == nil
}

// through is a way to a local cloud on which a test meets each request, and each answer.
func through(
	t *testing.T, o *cloudtest.Env, meet func(*http.Request), answer func(*http.Response) error,
) (address string) {
	t.Helper()
	to, err := url.Parse(o.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse, proxy.ErrorLog = answer, log.New(io.Discard, "", 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		meet(r)
		r.Host = to.Host
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// slowCloud is a way to a local cloud on which turning IAP on takes until it is let go.
type slowCloud struct {
	URL          string
	begun, letGo chan struct{}
}

func newSlowCloud(t *testing.T, o *cloudtest.Env) *slowCloud {
	t.Helper()
	slow := &slowCloud{begun: make(chan struct{}, 9), letGo: make(chan struct{})}
	slow.URL = through(t, o, func(r *http.Request) {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/global/backendServices/hello-backend") {
			slow.begun <- struct{}{}
			<-slow.letGo
		}
	}, nil)
	return slow
}

// created matches when a service was created.
var created = regexp.MustCompile(`"createTime": ?"[^"]+"`)

// aged is a way to a local cloud on which all is an hour older: what is new waits for nothing.
func aged(t *testing.T, o *cloudtest.Env) (address string) {
	t.Helper()
	return through(t, o, func(r *http.Request) { r.Header.Del("Accept-Encoding") }, func(r *http.Response) error {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		text = created.ReplaceAll(text, []byte(`"createTime":"`+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)+`"`))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		r.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return nil
	})
}

// process is a command line in a process of its own, at a terminal that is its controlling
// one, so that Ctrl-C is a signal there.
func process(t *testing.T, at *terminal, folder string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], args...)
	command.Dir = folder
	command.Env = []string{asCommand + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TERM=xterm", "NO_COLOR=1"}
	command.Stdin, command.Stdout, command.Stderr = at.tty, at.tty, at.tty
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() }) // it has ended, unless the test failed
	return command
}

// exitOf is the exit status of a process.
func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

const ctrlC = "\x03"

func TestTheFirstCtrlCFinishesTheStepThatIsUnderWay(t *testing.T) {
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("with a file %t", kept), func(t *testing.T) {
			o, hello, folder := cloudtest.Start(t, playground.Options{}), playground.Scenario[0], t.TempDir()
			o.Build(hello)
			slow := newSlowCloud(t, o)
			policy := written(t, "policy.yaml", cloudtest.Policy())
			args := []string{"apply", hello.Name(), "--policy", policy, "--endpoint", slow.URL}
			if kept {
				args = append(args, "-o", "reports.json")
			}
			at := newTerminal(t, 500)
			command := process(t, at, folder, args...)
			at.types(t, "[y/N]", "y\n")
			<-slow.begun
			at.types(t, "[3/6]", ctrlC)
			at.sees(t, "finishing enable-iap on projects/demo-project/global/backendServices/hello-backend; "+
				"a second Ctrl-C ends at once")
			close(slow.letGo)
			got := exitOf(command.Wait())
			shown := at.end()
			for _, want := range []string{"[4/6] ~ enable-iap", "interrupted: 4 of 6 steps taken\n",
				"  done      ~ enable-iap             projects/demo-project/global/backendServices/hello-backend\n",
				"  not done  - revoke-public          " + hello.Name() + "\n",
				"to go on: iapguard apply " + hello.Name() + " --policy " + policy + " --endpoint " + slow.URL + "\n"} {
				if !strings.Contains(shown, want) {
					t.Errorf("the terminal lacks %q", want)
				}
			}
			if got != exitInterrupted || strings.Contains(shown, "[5/6]") || strings.Contains(shown, "context canceled") {
				t.Errorf("exit status %d, want %d and no further step:\n%s", got, exitInterrupted, shown)
			}
			carriesOutWhatItSays(t, o, folder, shown)
		})
	}
}

// carriesOutWhatItSays types what an interrupted apply says: how to undo it, then how to go on.
func carriesOutWhatItSays(t *testing.T, o *cloudtest.Env, folder, shown string) {
	t.Helper()
	t.Chdir(folder)
	iap := func() any {
		on, _ := o.Call(http.MethodGet, "/compute/v1/projects/demo-project/global/backendServices/hello-backend", nil)["iap"].(map[string]any)
		return on["enabled"]
	}
	typed := func(lead, more string) []string {
		_, rest, found := strings.Cut(shown, lead+"iapguard ")
		words, _, _ := strings.Cut(rest, "\n")
		words, _, _ = strings.Cut(words, "   (")
		if !found {
			t.Fatalf("nothing is said after %q:\n%s", lead, shown)
		}
		return strings.Fields(strings.Replace(words, "EMAIL", typist, 1) + more)
	}
	if iap() != true {
		t.Error("the step that was under way did not take effect")
	}
	if out, err := say(t, typed("to undo: ", " --yes")...); err != nil || iap() != false {
		t.Errorf("to undo: %v, IAP on: %v\n%s", err, iap(), out)
	}
	if out, err := say(t, typed("to go on: ", " --yes")...); err != nil || outside(o) != http.StatusNotFound {
		t.Errorf("to go on: %v\n%s", err, out)
	}
}

func TestTheSecondCtrlCEndsAtOnce(t *testing.T) {
	o, hello, folder := cloudtest.Start(t, playground.Options{}), playground.Scenario[0], t.TempDir()
	o.Build(hello)
	slow := newSlowCloud(t, o)
	t.Cleanup(func() { close(slow.letGo) })
	at := newTerminal(t, 500)
	command := process(t, at, folder, "apply", hello.Name(), "--policy", written(t, "policy.yaml", cloudtest.Policy()),
		"--endpoint", slow.URL, "--yes", "-o", "reports.json")
	<-slow.begun
	at.types(t, "[3/6]", ctrlC)
	at.types(t, "a second Ctrl-C ends at once", ctrlC)
	got := exitOf(command.Wait()) // the step is still under way
	shown := at.end()
	for _, want := range []string{"ended at once: 3 of 6 steps taken\n", "to undo: iapguard undo reports.json --account EMAIL",
		"enable-iap on projects/demo-project/global/backendServices/hello-backend may have taken effect or not\n"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the terminal lacks %q", want)
		}
	}
	if got != exitInterrupted {
		t.Errorf("exit status %d, want %d:\n%s", got, exitInterrupted, shown)
	}
	kept, err := os.ReadFile(filepath.Join(folder, "reports.json"))
	if err != nil || !strings.Contains(string(kept), `"outcome":"started"`) {
		t.Errorf("the evidence is lost: %v\n%s", err, kept)
	}
}

func TestCtrlCAtTheQuestionAndInAWaitWritesNothingMore(t *testing.T) {
	o, hello, folder := cloudtest.Start(t, playground.Options{}), playground.Scenario[0], t.TempDir()
	o.Build(hello)
	policy := written(t, "policy.yaml", cloudtest.Policy("propagation: 9m"))
	args := []string{"apply", hello.Name(), "--policy", policy, "--endpoint", aged(t, o)}
	at, before := newTerminal(t, 500), len(o.Calls().Writes())
	command := process(t, at, folder, args...)
	at.types(t, "[y/N]", ctrlC)
	if got, shown := exitOf(command.Wait()), at.end(); got != exitInterrupted ||
		!strings.Contains(shown, "iapguard: interrupted: nothing was written\n") || len(o.Calls().Writes()) != before {
		t.Errorf("at the question: exit status %d:\n%s", got, shown)
	}
	at = newTerminal(t, 500)
	command = process(t, at, folder, append(args, "--yes")...)
	at.types(t, "waiting ", ctrlC)
	if got, shown := exitOf(command.Wait()), at.end(); got != exitInterrupted ||
		!strings.Contains(shown, "interrupted: 4 of 6 steps taken\n") || strings.Contains(shown, "finishing") {
		t.Errorf("in a wait: exit status %d:\n%s", got, shown)
	}
}

func TestAReaderThatEndsIsOneClearLine(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	before := len(o.Calls().Writes())
	for _, name := range []string{"plan", "apply"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		command := exec.Command(os.Args[0], name, hello.Name(), "--policy", written(t, "policy.yaml", cloudtest.Policy()),
			"--holds", written(t, "holds.yaml", "holds: []\n"), "--endpoint", o.URL())
		command.Env = []string{asCommand + "=1", "HOME=" + t.TempDir()}
		var said bytes.Buffer
		command.Stdout, command.Stderr = write, &said
		got := exitOf(command.Run())
		write.Close()
		if got != exitFailed || strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "(broken pipe)") {
			t.Errorf("%s: exit status %d, %q, want %d and one line", name, got, &said, exitFailed)
		}
	}
	if after := len(o.Calls().Writes()); after != before {
		t.Errorf("%d writes of a plan that nobody saw", after-before)
	}
}

func TestCtrlCFinishesTheStepOfAnUndo(t *testing.T) {
	o, reports := applied(t)
	slow := newSlowCloud(t, o)
	at := newTerminal(t, 300)
	command := process(t, at, t.TempDir(), "undo", reports, "--account", typist, "--yes", "--endpoint", slow.URL)
	<-slow.begun
	if _, err := at.person.WriteString(ctrlC); err != nil {
		t.Fatal(err)
	}
	at.sees(t, "^C")
	close(slow.letGo)
	got, shown := exitOf(command.Wait()), at.end()
	if got != exitInterrupted || !strings.Contains(shown, ": 3 of ") || !strings.Contains(shown, ": interrupted\n") ||
		strings.Contains(shown, "context canceled") {
		t.Errorf("exit status %d, want %d, three steps undone, and the rest not:\n%s", got, exitInterrupted, shown)
	}
	if out, err := say(t, "undo", reports, "--account", typist, "--yes", "--endpoint", o.URL()); err != nil ||
		!strings.Contains(out, " steps undone") {
		t.Errorf("once more: %v\n%s", err, out)
	}
}

func TestServicesWaitSideBySide(t *testing.T) {
	t.Setenv("IAPGUARD_HOLDS", written(t, "none.yaml", "version: 1\nholds: []\n"))
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	policy := written(t, "policy.yaml", cloudtest.Policy("propagation: 2s"))
	var out, said bytes.Buffer
	args := []string{"apply", "projects/demo-project", "--policy", policy, "--endpoint", aged(t, o)}
	status := run(t.Context(), args, &out, &said)
	if status != exitDone || strings.Count(out.String(), "PROTECTED ") != 2 {
		t.Fatalf("exit status %d:\n%s%s", status, &out, &said)
	}
	text := out.String()
	if strings.Index(text, "~ enable-iap             backendServices/") < strings.LastIndex(text, "[3/6]") {
		t.Errorf("a service waits for the other one's end:\n%s", text)
	}
	if lines := strings.Count(said.String(), "\n"); lines > 2 || lines != strings.Count(said.String(), "waiting ") {
		t.Errorf("%q, want one line at the begin of each wait", &said)
	}
}

func TestAnInterruptedPlanShowsWhatItHas(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	begun, never := make(chan struct{}, 9), make(chan struct{})
	address := through(t, o, func(r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/services/billing:getIamPolicy") {
			begun <- struct{}{}
			<-never
		}
	}, nil)
	t.Cleanup(func() { close(never) }) // before the server closes
	at, folder := newTerminal(t, 300), t.TempDir()
	policy := written(t, "policy.yaml", cloudtest.Policy())
	command := process(t, at, folder, "plan", "projects/demo-project", "--policy", policy, "--endpoint", address,
		"-o", "plan.json")
	<-begun
	at.types(t, "services looked at", ctrlC) // the bar
	got, shown := exitOf(command.Wait()), at.end()
	if got != exitInterrupted || !strings.Contains(shown, playground.Scenario[0].Name()+"\n  PLANNED") ||
		!strings.Contains(shown, "interrupted: 1 of 2 services were looked at\n") {
		t.Errorf("exit status %d, want %d and the plan of the one:\n%s", got, exitInterrupted, shown)
	}
	if kept, err := readPlan(filepath.Join(folder, "plan.json")); err != nil || len(kept) != 1 {
		t.Errorf("the file has %d plans, %v, want the one", len(kept), err)
	}
}
