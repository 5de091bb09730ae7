package matrix

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/oracle/inprocess"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// world is one local cloud with a scenario in it, and what stands between it and the
// instances that guard it.
type world struct {
	*cloudtest.Env
	t        *testing.T
	scenario scenario
	oracle   judge.World
	doors    http.Handler
	gate     *httptest.Server // Google's APIs
	topics   string           // Pub/Sub
	front    *httptest.Server // what messages are pushed to
	hooked   atomic.Pointer[hook]
	current  atomic.Pointer[instance] // takes what is pushed
	kills    atomic.Int64
	log      *output // of all instances
	prober   *prober
	stirred  atomic.Int64  // when something was written last
	stirs    chan struct{} // wakes the prober
	dueAt    time.Time     // when it was last asked for what is due
	unread   bool          // facts may stay unread

	mu         sync.Mutex
	counted    map[string]int // calls of each name
	firsts     map[string]*httptest.ResponseRecorder
	passed     []id
	resources  map[string]bool // that started reports named
	reports    []report.Report
	deliveries []delivered
	found      found
}

// found is what was seen of a world that may not be.
type found struct {
	complaints     []string
	unsafe, silent int
	kept, lost     int
	event          int // how many events were published
	foreign        int // how many changes other people made
}

// delivered is one answer to one message.
type delivered struct {
	path, message, insertID string
	status                  int
	took                    time.Duration
}

// open makes a world with a scenario in it.
func open(t *testing.T, s scenario) *world {
	t.Helper()
	forget(t)
	var ago atomic.Int64
	clock := func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }
	if s.old {
		ago.Store(int64(time.Hour))
	}
	w := &world{Env: cloudtest.Start(t, playground.Options{IAMPropagation: s.late, Clock: clock}), t: t, scenario: s, log: &output{},
		counted: map[string]int{}, firsts: map[string]*httptest.ResponseRecorder{}, resources: map[string]bool{},
		stirs: make(chan struct{}, 1)}
	w.doors = inprocess.Doors(w.Cloud.DataPlane())
	w.oracle = judge.World{API: w.Cloud, Doors: w.doors}
	s.build(w)
	ago.Store(0)
	time.Sleep(2 * s.late) // what was granted is in effect
	if err := w.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.openGate()
	w.openTopics()
	w.openFront()
	if err := w.OnReport(t.Context(), w.received); err != nil {
		t.Fatal(err)
	}
	w.probe()
	return w
}

// forget lets go of a world once its test has ended. Package testing keeps a subtest until
// all beside it have ended, with the array of its cleanups: others take their places.
func forget(t *testing.T) {
	t.Cleanup(func() { // the last to be called
		for range 64 {
			t.Cleanup(func() {})
		}
	})
}

// openFront begins to push messages to the current instance, as Cloud Run's front end does.
func (w *world) openFront() {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	w.front = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		began := time.Now()
		status := w.handOver(client, r, body)
		w.mu.Lock()
		w.deliveries = append(w.deliveries, delivered{r.URL.Path, messageID(body), insertID(body), status, time.Since(began)})
		w.mu.Unlock()
		rw.WriteHeader(status)
	}))
	w.t.Cleanup(w.front.Close)
	for topic, path := range map[string]string{playground.EventsTopic: "/", playground.WorkTopic: "/work",
		playground.CommandsTopic: "/commands"} {
		if err := w.Broker.Push(w.t.Context(), delivery.Subscription{
			Name: "projects/" + playground.Project + "/subscriptions/matrix-" + path[1:] + "push", Topic: topic,
			Endpoint: w.front.URL + path, Ordered: path == "/work", AckDeadline: 600 * time.Second,
			MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, DeadLetterTopic: playground.DeadLettersTopic,
			MaxDeliveryAttempts: 100,
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// handOver gives an instance's answer to a message; one that is gone answers as Cloud Run
// does in its place.
func (w *world) handOver(client *http.Client, r *http.Request, body []byte) int {
	to := w.current.Load()
	if to == nil {
		return http.StatusServiceUnavailable
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, to.url+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError
	}
	request.Header = r.Header.Clone()
	answer, err := client.Do(request)
	if err != nil {
		return http.StatusServiceUnavailable
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	return answer.StatusCode
}

// pushed is a push request of Pub/Sub.
type pushed struct {
	Message struct {
		Data      []byte `json:"data"`
		MessageID string `json:"messageId"`
	} `json:"message"`
}

func messageID(body []byte) string {
	var push pushed
	_ = json.Unmarshal(body, &push) // only a push has an id
	return push.Message.MessageID
}

func insertID(body []byte) string {
	var push pushed
	var entry struct {
		InsertID string `json:"insertId"`
	}
	_ = json.Unmarshal(body, &push)
	_ = json.Unmarshal(push.Message.Data, &entry)
	return entry.InsertID
}

// changed publishes that a service was changed, as the log's sink does.
func (w *world) changed(service string) {
	w.t.Helper()
	w.found.event++
	parts := strings.Split(service, "/")
	w.Publish(playground.EventsTopic, fmt.Sprintf(
		`{"insertId":"event-%d","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"%s",`+
			`"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"%s","service_name":"%s"}},`+
			`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService","resourceName":"%s"}}`,
		w.found.event, w.Now().UTC().Format(time.RFC3339Nano), parts[3], parts[5], service))
}

// sweep has everything looked at, as Cloud Scheduler does once a day: what was acknowledged
// while it could not be done is done then.
func (w *world) sweep() {
	w.t.Helper()
	w.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
}

// settle waits until every message was handled and what had to wait is done with.
func (w *world) settle() {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !w.settled(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it never settled; reports: %s\nlog:\n%s", w.outcomeList(), w.log.short())
		}
	}
}

// settled reports whether every message was handled, and nothing waits. It is Cloud
// Scheduler, too: what waits is looked at every moment, not every minute.
func (w *world) settled() bool {
	for _, each := range w.Broker.State() {
		if each.Pending > 0 {
			return false
		}
	}
	if !w.waits() {
		return true
	}
	if time.Since(w.dueAt) > 200*time.Millisecond {
		w.dueAt = time.Now()
		w.Publish(playground.CommandsTopic, `{"command":"due","id":"`+fmt.Sprint(w.dueAt.UnixNano())+`"}`)
	}
	return false
}

// longWait is a wait that no matrix waits out: the count of a load balancer is asked again after five
// minutes, where it could not be read.
const longWait = 2 * time.Minute

// waits reports whether the last report on some service is that it is not yet time, and soon is.
func (w *world) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := map[string]report.Report{}
	for _, each := range w.reports {
		if each.Outcome != report.Started {
			last[each.Subject()] = each
		}
	}
	for _, each := range last {
		until := each.WaitingFor
		if each.Outcome == report.Deferred && (until == nil || until.Until == nil || time.Until(*until.Until) < longWait) {
			return true
		}
	}
	return false
}

// published notes the resources that a started report names.
func (w *world) published(message *pubsubpb.PubsubMessage) {
	if message.GetAttributes()["ce-type"] != report.TypePrefix+string(report.Started) {
		return
	}
	started, err := report.Read(message.GetData())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.found.complaints = append(w.found.complaints, fmt.Sprintf("a started report cannot be read: %v", err))
	}
	for _, step := range started.Steps {
		w.resources[step.Resource] = true
	}
}

// announced complains of a write to something that no started report has named.
func (w *world) announced(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for resource := range w.resources {
		if strings.Contains(c.request.URL.Path, "/"+resource[strings.LastIndexByte(resource, '/')+1:]) {
			return
		}
	}
	w.found.complaints = append(w.found.complaints, "written without started: "+c.name)
}

// received keeps a report, and has the oracle judge it while nothing has moved on.
func (w *world) received(one playground.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		w.complain("the report %s does not fit its schema: %v", one.Data, err)
		return
	}
	complaints := w.untrue(read)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, read)
	if len(complaints) > 0 { // the others say the same of other addresses
		w.found.unsafe++
		w.found.complaints = append(w.found.complaints, "unsafe: "+complaints[0])
	}
}

// untrue is what a report says that visitors disprove.
func (w *world) untrue(r report.Report) []string {
	if r.Target == nil || !slices.Contains([]report.Outcome{report.Compliant, report.Protected, report.Redeployed}, r.Outcome) &&
		string(r.Exposed) != "no" {
		return nil
	}
	entries, err := w.oracle.Knock(w.scenario.estate)
	if err != nil {
		return []string{err.Error()}
	}
	entries = slices.DeleteFunc(entries, func(entry judge.Entry) bool { return entry.Service != r.Subject() })
	said := judge.Report{Service: r.Subject(), Exposed: cmp.Or(string(r.Exposed), "no"), Outcome: string(r.Outcome)}
	for _, d := range r.Doors {
		said.Doors = append(said.Doors, judge.Door{Kind: string(d.Kind), Address: d.Address, Via: d.Via,
			Guard: string(d.Guard), Why: d.Why})
	}
	one := w.scenario.estate
	one.Services = nil // the report mentions no other
	return judge.Judge(one, entries, []judge.Report{said})
}

func (w *world) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(w.found.complaints, text) {
		w.found.complaints = append(w.found.complaints, text)
	}
}

// outcomeList lists the outcomes of the reports, in order.
func (w *world) outcomeList() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, each := range w.reports {
		name := each.Subject()
		all = append(all, name[strings.LastIndexByte(name, '/')+1:]+" "+string(each.Outcome))
	}
	return strings.Join(all, ", ")
}
