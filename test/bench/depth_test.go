package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

var chains = flag.Bool("chains", false, "print the calls of each longest chain")

// oneWay is added to each call, so that calls of one wave overlap.
const oneWay = 15 * time.Millisecond

// tracedCall is a call of an API, from when it was sent until it was answered.
type tracedCall struct {
	what        string
	began, done time.Time
}

// trace keeps the calls that the function makes.
type trace struct {
	mu    sync.Mutex
	began map[*http.Request]time.Time
	calls []tracedCall
}

func (c *trace) held(r *http.Request) {
	at := time.Now()
	time.Sleep(oneWay)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began[r] = at
}

func (c *trace) answered(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, tracedCall{r.Method + " " + r.URL.Path, c.began[r], time.Now()})
	delete(c.began, r)
}

// take gives the calls since it was last asked.
func (c *trace) take() []tracedCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.calls
	c.calls = nil
	return taken
}

// those are the calls of the memory's bucket, or all others.
func those(calls []tracedCall, memory bool) []tracedCall {
	other := func(c tracedCall) bool { return strings.Contains(c.what, "/storage/") != memory }
	return slices.DeleteFunc(slices.Clone(calls), other)
}

// longest is a longest chain of calls, each sent after the one before was answered: the round
// trips in a row.
func longest(calls []tracedCall) []tracedCall {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b tracedCall) int { return a.done.Compare(b.done) })
	before, depth := make([]int, len(calls)), make([]int, len(calls))
	end := -1
	for i, call := range calls {
		before[i], depth[i] = -1, 1
		for j := range i {
			if calls[j].done.Before(call.began) && depth[j] >= depth[i] {
				before[i], depth[i] = j, depth[j]+1
			}
		}
		if end < 0 || depth[i] > depth[end] {
			end = i
		}
	}
	var chain []tracedCall
	for i := end; i >= 0; i = before[i] {
		chain = append(chain, calls[i])
	}
	slices.Reverse(chain)
	return chain
}

func TestTheLongestChainIsFound(t *testing.T) {
	at := func(name string, began, done int) tracedCall {
		return tracedCall{name, time.UnixMilli(int64(began)), time.UnixMilli(int64(done))}
	}
	calls := []tracedCall{at("a", 0, 10), at("b", 1, 30), at("c", 11, 20), at("d", 21, 29), at("e", 31, 40)}
	var got []string
	for _, call := range longest(calls) {
		got = append(got, call.what)
	}
	if strings.Join(got, "") != "acde" {
		t.Errorf("the longest chain is %v, want a c d e", got)
	}
	if longest(nil) != nil {
		t.Error("no calls have a chain")
	}
}

// mail keeps what Pub/Sub pushes, so that one event is answered at a time.
type mail struct {
	mu   sync.Mutex
	came []message
}

type message struct{ path, method, body string }

func (m *mail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is cut off has no method
	var push struct {
		Message struct{ Data []byte }
	}
	var entry struct {
		ProtoPayload struct{ MethodName string }
	}
	_ = json.Unmarshal(body, &push) // likewise
	_ = json.Unmarshal(push.Message.Data, &entry)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.came = append(m.came, message{r.URL.Path, entry.ProtoPayload.MethodName, string(body)})
	w.WriteHeader(http.StatusNoContent)
}

// last is the last event of a method, and forgets all others.
func (m *mail) last(t *testing.T, e *withfunction.Env, method string) message {
	t.Helper()
	if err := e.Broker.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	came := m.came
	m.came = nil
	for _, each := range slices.Backward(came) {
		if strings.HasSuffix(each.method, method) {
			return each
		}
	}
	t.Fatalf("no event of %s came, of %d", method, len(came))
	return message{}
}

// deliver hands an event to the function, which answers when it is done with it.
func deliver(t *testing.T, to http.Handler, m message) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, m.path, strings.NewReader(m.body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	to.ServeHTTP(answer, request)
	if answer.Code >= 300 {
		t.Fatalf("%s: %d %s", m.method, answer.Code, answer.Body)
	}
}

// eventCalls are the calls that one event leads to.
type eventCalls struct {
	what        string
	floor, most int // of round trips in a row
	chain       []tracedCall
	memoryChain []tracedCall
	google      int // calls
	memory      int
	reports     int
}

// callsOfEvents delivers one event after the other, and counts what each leads to.
func callsOfEvents(t *testing.T) (counted []eventCalls) {
	calls, letters := &trace{began: map[*http.Request]time.Time{}}, &mail{}
	e := withfunction.Open(t, withfunction.Options{Policy: cloudtest.Policy(), Bucket: true, Held: calls.held,
		Answered: calls.answered})
	if err := e.Attach(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	hello, other := playground.Scenario[0], playground.Scenario[1]
	e.Build(other)
	deliver(t, e, letters.last(t, e, "forwardingRules.insert"))
	e.Build(hello)
	label := func() {
		e.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels",
			object{"labels": object{"at": time.Now().Format("150405-000000000")}})
	}
	describe := func(what string) func() {
		return func() {
			e.Call(http.MethodPatch, "/compute/v1/projects/demo-project/global/"+what, object{"description": "changed"})
		}
	}
	for _, each := range []struct {
		what, method string
		floor, most  int // round trips in a row
		change       func()
		outcome      report.Outcome
		cold         bool // another instance, which has just started
	}{
		{"the first, which protects", "globalForwardingRules.insert", 8, 18, nil, report.Protected, false},
		{"of the service, protected", "Services.UpdateService", 1, 2, label, report.Compliant, false},
		{"of its forwarding rule", "globalForwardingRules.patch", 1, 3, describe("forwardingRules/hello-https"),
			report.Compliant, false},
		{"of its backend service", "backendServices.patch", 1, 3, describe("backendServices/hello-backend"),
			report.Compliant, false},
		{"of its URL map", "urlMaps.patch", 1, 4, describe("urlMaps/hello-map"), report.Compliant, false},
		{"of the service, to a new instance", "Services.UpdateService", 3, 6, label, report.Compliant, true},
	} {
		if each.change != nil {
			each.change()
		}
		event := letters.last(t, e, each.method)
		var to http.Handler = e
		if each.cold {
			to = e.Another()
		}
		calls.take()
		before := len(e.Reports())
		deliver(t, to, event)
		e.Until(each.what, func() bool { return len(e.Reports()) > before })
		if got := e.Last().Outcome; got != each.outcome {
			t.Errorf("%s: %s, want %s", each.what, got, each.outcome)
		}
		all := calls.take()
		google, memory := those(all, false), those(all, true)
		counted = append(counted, eventCalls{what: each.what, floor: each.floor, most: each.most, chain: longest(google),
			memoryChain: longest(memory), google: len(google), memory: len(memory), reports: len(e.Reports()) - before})
	}
	return counted
}

// TestRoundTripsInARow prints how deep the calls of each event are, and how many there are. It
// fails where one grows: each bound is what was measured when it was written.
func TestRoundTripsInARow(t *testing.T) {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "event\tGoogle's round trips in a row\tat most\tfloor\tcalls\tof the memory in a row\tcalls\treports\t")
	for _, each := range callsOfEvents(t) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", each.what, len(each.chain), each.most, each.floor,
			each.google, len(each.memoryChain), each.memory, each.reports)
		if *chains {
			for _, chain := range [][]tracedCall{each.chain, each.memoryChain} {
				for i, call := range chain {
					t.Logf("%s: %d. %s", each.what, i+1, call.what)
				}
			}
		}
		if len(each.chain) > each.most {
			t.Errorf("%s: %d round trips in a row, more than %d", each.what, len(each.chain), each.most)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", table.String())
}
