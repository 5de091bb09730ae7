package process

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// point is where in its walk an instance is when SIGTERM comes.
type point struct {
	name string
	// call is the call of Google's APIs that it makes then, nil for none. It is
	// sent on once the instance is stopping; with answer, it has taken effect by then.
	call   func(*http.Request) bool
	answer bool
	// publishes is what stands in the message that it publishes then, "" for none.
	publishes string
	// never says that the call or message gets no further as long as the instance lives.
	never bool
	// kill says that SIGKILL comes instead.
	kill bool
	// remembers says that the call is one to the memory.
	remembers bool
}

// reads leaves out what is asked at the start, before there is anything to observe.
func reads(r *http.Request) bool {
	return !changes(r) && !strings.HasSuffix(r.URL.Path, ":testIamPermissions")
}

func changes(r *http.Request) bool {
	return r.Method == http.MethodPatch || strings.HasSuffix(r.URL.Path, ":setIamPolicy")
}

func lastStep(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/services/hello:setIamPolicy") && strings.Contains(bodyOf(r), `"bindings"`) &&
		!strings.Contains(bodyOf(r), "allUsers")
}

// bodyOf reads a request's body and puts it back.
func bodyOf(r *http.Request) string {
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

var points = []point{
	{name: "while it observes", call: reads},
	{name: "while it observes, which does not end", call: reads, never: true},
	{name: "while started is published", publishes: report.TypePrefix + "started"},
	{name: "while started is published, which does not end", publishes: report.TypePrefix + "started", never: true},
	{name: "right before the first write", call: changes},
	{name: "right before a write that does not begin", call: changes, never: true},
	{name: "right after a write", call: changes, answer: true},
	{name: "right after a write that is not answered", call: changes, answer: true, never: true},
	{name: "right after the last write", call: lastStep, answer: true},
	{name: "while the last report is published", publishes: report.TypePrefix + "protected"},
	{name: "while the last report is published, which does not end", publishes: report.TypePrefix + "protected",
		never: true},
}

func TestNothingIsHalfDoneWhereverAnInstanceIsStopped(t *testing.T) {
	for _, at := range points {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			hello := playground.Scenario[:1]
			o.Build(hello...)
			stopped := &stopped{o: o, at: at}
			stopped.first = run(t, o.Env, stopped.apis(), "PUBSUB_EMULATOR_HOST="+stopped.broker())
			o.to(stopped.first)
			o.push(16)
			o.deployed("deployed", hello)
			<-stopped.first.ended
			o.check(at, stopped)
			o.to(run(t, o.Env, o.URL()))
			o.settled()
			o.safe(hello)
			o.againIsNothing(hello)
			for _, step := range []string{"services.setIamPolicy", "services.patch", "backendServices.patch"} {
				if taken := o.writes().Taken().Of(step); len(taken) > 2 {
					t.Errorf("%d times %s in all, want no step taken twice: %+v", len(taken), step, taken)
				}
			}
		})
	}
}

// check looks at what an instance leaves that was stopped.
func (o *fixture) check(at point, s *stopped) {
	o.t.Helper()
	if !s.reached() {
		o.t.Fatalf("the instance was never where it was to be stopped:\n%s", s.first.log.String())
	}
	await(o.t, "all that was reported is known", func() bool { return o.pushed(playground.ReportsTopic).Pending == 0 })
	written := o.writes().Taken()
	if len(written) > 0 && !(at.publishes != "" && at.never) {
		await(o.t, "a report lists all that was written", func() bool {
			last, outcomes := o.latest()
			return outcomes[report.Started] == 1 && listed(last[playground.Scenario[0].Name()]) >= len(written)
		})
	}
	last, outcomes := o.latest()
	if one := last[playground.Scenario[0].Name()]; len(written) == 0 && one.Outcome != "" &&
		one.Outcome != report.Started {
		o.t.Errorf("%s is reported where nothing was written: %+v", one.Outcome, one)
	}
	o.t.Logf("%d writes by the first instance, outcomes %v", len(written), outcomes)
}

// listed is how many writes a report lists, such as may have failed too.
func listed(r report.Report) int {
	n := 0
	for _, step := range r.Steps {
		if step.Result == report.StepDone || step.Result == report.StepFailed {
			n++
		}
	}
	return n
}

// stopped is an instance with what stands between it and the local cloud, which stops
// it at a point of its walk.
type stopped struct {
	o     *fixture
	at    point
	first *instance

	mu   sync.Mutex
	once bool
}

func (s *stopped) reached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once
}

// stop stops the instance, the first time, and returns when it may go on.
func (s *stopped) stop() {
	s.mu.Lock()
	again := s.once
	s.once = true
	s.mu.Unlock()
	if again {
		return
	}
	if s.at.kill {
		s.first.kill()
		return
	}
	s.first.terminate()
	if s.at.never {
		<-s.first.ended
		return
	}
	await(s.o.t, "the instance refuses work", func() bool { return s.first.healthy() != http.StatusOK })
}

// apis is where the instance finds Google's APIs.
func (s *stopped) apis() string {
	target, err := url.Parse(s.o.URL())
	if err != nil {
		s.o.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // the instance has gone
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch here := s.at.call != nil && s.at.call(r); {
		case here && s.at.answer:
			answer := httptest.NewRecorder()
			proxy.ServeHTTP(answer, r)
			s.stop()
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		case here:
			s.stop()
			if (s.at.never || s.at.kill) && !s.first.alive() {
				return // it never was sent
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	s.o.t.Cleanup(server.Close)
	return server.URL
}

// broker is where the instance finds Pub/Sub: bytes are handed on as they come.
func (s *stopped) broker() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.o.t.Fatal(err)
	}
	var group sync.WaitGroup
	s.o.t.Cleanup(func() { listener.Close(); group.Wait() })
	group.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { s.connect(from) })
		}
	})
	return listener.Addr().String()
}

func (s *stopped) connect(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", s.o.Broker.Address())
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		from.Close()
	}()
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		if s.at.publishes != "" && bytes.Contains(chunk[:n], []byte(s.at.publishes)) {
			s.stop()
			if !s.first.alive() {
				return
			}
		}
		if _, failed := to.Write(chunk[:n]); err != nil || failed != nil {
			return
		}
	}
}
