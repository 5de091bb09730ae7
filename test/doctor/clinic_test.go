package doctor

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	patience = 60 * time.Second
	agent    = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
)

const policy = `version: 1
rules:
  - name: everything
    mode: enforce
    redeploy: enforce
    access:
      members: ["user:alice@example.com"]
    settle: 0s
    propagation: 0s
`

var hello = stage.Scenario[0]

// town is a local cloud with function instances to which only refused requests,
// alerts and commands are delivered: nothing heals by itself.
type town struct {
	*stage.Stage
	t         *testing.T
	instances []*function.Function
	// queued hands each target on by the work topic; held is called before each
	// call that an instance makes. Both are set before it is built.
	queued bool
	held   func(*http.Request)

	ahead   atomic.Int64 // nanoseconds
	mu      sync.Mutex
	reports []report.Report
}

// build deploys hello and protects it.
func build(t *testing.T, policy string, instances int) *town {
	t.Helper()
	return (&town{t: t}).built(policy, instances)
}

func (o *town) built(policy string, instances int) *town {
	t := o.t
	t.Helper()
	s, err := stage.Start(t.Context(), stage.Options{Clock: o.now})
	if err != nil {
		t.Fatal(err)
	}
	o.Stage = s
	t.Cleanup(o.close)
	if err := s.OnReport(t.Context(), o.add); err != nil {
		t.Fatal(err)
	}
	for range instances {
		o.instances = append(o.instances, o.function(policy))
	}
	o.wire()
	for _, step := range []func(context.Context, stage.Client) error{hello.Deploy, hello.Balance} {
		if err := step(t.Context(), o.developer()); err != nil {
			t.Fatal(err)
		}
	}
	o.publish(stage.CommandsTopic, `{"command":"apply","id":"protect","target":"`+hello.Name()+`"}`)
	o.comesTo("hello is protected", func() bool {
		if last := o.last(); last.Outcome == report.Deferred && last.WaitingFor.Until.After(o.now()) {
			o.later(last.WaitingFor.Until.Sub(o.now()))
		}
		return o.count(report.Protected) == 1
	})
	o.sees("at first", http.StatusOK)
	return o
}

func (o *town) now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

// later moves the clock of everybody in town.
func (o *town) later(d time.Duration) { o.ahead.Add(int64(d)) }

func (o *town) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := o.Close(ctx); err != nil {
		o.t.Errorf("closing the stage: %v", err)
	}
	for _, each := range o.instances {
		if err := each.Close(); err != nil {
			o.t.Errorf("closing a function: %v", err)
		}
	}
}

func (o *town) function(policy string) *function.Function {
	o.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText, config.Clock = o.endpoint(), []byte(policy), o.now
	config.ReportsTopic, config.PubSubHost = stage.ReportsTopic, o.Broker.Address()
	if o.queued {
		config.WorkTopic = stage.WorkTopic
	}
	f, err := function.New(o.t.Context(), config, slog.New(slog.NewTextHandler(o.t.Output(), nil)))
	if err != nil {
		o.t.Fatal(err)
	}
	return f
}

// endpoint is where instances find Google's APIs.
func (o *town) endpoint() string {
	if o.held == nil {
		return o.URL()
	}
	to, err := url.Parse(o.URL())
	if err != nil {
		o.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.held(r)
		proxy.ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	return server.URL
}

// wire delivers to the instances in turn.
func (o *town) wire() {
	o.t.Helper()
	var turn atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.instances[int(turn.Add(1))%len(o.instances)].ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	o.withSink()
	for topic, path := range map[string]string{stage.EventsTopic: "/", stage.WorkTopic: "/work", stage.CommandsTopic: "/commands"} {
		if err := o.Broker.Push(o.t.Context(), delivery.Subscription{
			Name: "projects/demo-project/subscriptions/" + topic[strings.LastIndexByte(topic, '/')+1:], Topic: topic, Endpoint: server.URL + path,
			AckDeadline: 600 * time.Second, MinBackoff: 50 * time.Millisecond, MaxBackoff: 500 * time.Millisecond,
			DeadLetterTopic: stage.DeadLettersTopic, MaxDeliveryAttempts: 100,
		}); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *town) add(received stage.Report) {
	one, err := report.Read(received.Data)
	if err != nil {
		o.t.Errorf("report %s does not fit its schema: %v", received.Data, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, one)
}

func (o *town) all() []report.Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]report.Report(nil), o.reports...)
}

func (o *town) last() report.Report {
	all := o.all()
	if len(all) == 0 {
		return report.Report{}
	}
	return all[len(all)-1]
}

func (o *town) count(outcome report.Outcome) int {
	n := 0
	for _, one := range o.all() {
		if one.Outcome == outcome {
			n++
		}
	}
	return n
}

// comesTo waits until a condition holds while messages still come again.
func (o *town) comesTo(what string, holds func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("it never came about that %s; the last report is %+v", what, o.last())
		}
	}
}

// until waits until every message was handled and a condition holds.
func (o *town) until(what string, holds func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	for {
		if err := o.Broker.Idle(ctx); err != nil {
			o.t.Fatalf("waiting until %s: %v; the last report is %+v", what, err, o.last())
		}
		if holds() {
			return
		}
		select {
		case <-ctx.Done():
			o.t.Fatalf("it never came about that %s; the last report is %+v", what, o.last())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ended waits for the end of what follows from one refused request, alert or
// command, and holds it against a verdict and an outcome.
func (o *town) ended(verdict string, outcome report.Outcome) report.Report {
	o.t.Helper()
	o.until(verdict+" ends "+string(outcome), func() bool { return o.last().Verdict == verdict && o.last().Outcome == outcome })
	if last := o.last(); last.Why == "" || len(last.Evidence) < 4 {
		o.t.Errorf("%s: why %q, evidence %v", verdict, last.Why, last.Evidence)
	}
	return o.last()
}

func (o *town) developer() stage.Client { return stage.Client{URL: o.URL(), Caller: stage.Developer} }

func (o *town) call(method, path string, body any) map[string]any {
	o.t.Helper()
	answer, err := o.developer().Call(o.t.Context(), method, path, body)
	if err != nil {
		o.t.Fatal(err)
	}
	return answer
}

func (o *town) invokers(bindings ...any) {
	o.t.Helper()
	o.call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"version": 3, "bindings": bindings}})
}

func (o *town) publish(topic, data string) {
	o.t.Helper()
	if _, err := o.Broker.Publish(o.t.Context(), delivery.Message{Topic: topic, Data: []byte(data)}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *town) faults(list string) {
	o.t.Helper()
	response, err := http.Post(o.URL()+"/_local/faults", "application/json", strings.NewReader(list))
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		o.t.Fatalf("setting %s: %d %s %v", list, response.StatusCode, text, err)
	}
}

// visit asks at a host as somebody, and gives the status.
func (o *town) visit(host, who string) int {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.DataURL()+"/", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	request.Host = host
	if who != "" {
		request.Header.Set("X-Local-User", who)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		o.t.Fatal(err)
	}
	return response.StatusCode
}

// sees holds what alice is answered at the load balancer against a status.
func (o *town) sees(when string, want int) {
	o.t.Helper()
	if got := o.visit(hello.Host, "user:alice@example.com"); got != want {
		o.t.Errorf("%s alice is answered %d, want %d", when, got, want)
	}
}

// ours counts calls of the function that were answered well: reads, or writes.
func (o *town) ours(write bool, method string) int {
	o.t.Helper()
	response, err := http.Get(o.URL() + "/_local/calls")
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	var calls []struct {
		Principal, Method string
		Status            int
		Write             bool
	}
	if err := json.NewDecoder(response.Body).Decode(&calls); err != nil {
		o.t.Fatal(err)
	}
	n := 0
	for _, call := range calls {
		if strings.HasSuffix(call.Principal, stage.FunctionAccount) && call.Write == write && strings.HasSuffix(call.Method, method) && (!write || call.Status < 300) {
			n++
		}
	}
	return n
}

// revisions counts the service's revisions.
func (o *town) revisions() int {
	o.t.Helper()
	list, _ := o.call(http.MethodGet, "/v2/"+hello.Name()+"/revisions", nil)["revisions"].([]any)
	return len(list)
}

// withSink begins the delivery of refused requests.
func (o *town) withSink() {
	o.t.Helper()
	if err := o.Cloud.Logs().AddSink(logging.Sink{Name: "refused-requests", Filter: stage.RequestsFilter, Topic: stage.EventsTopic}); err != nil {
		o.t.Fatal(err)
	}
}

// withoutSink ends the delivery of refused requests.
func (o *town) withoutSink() {
	o.t.Helper()
	owner := stage.Client{URL: o.URL()}
	if _, err := owner.Call(o.t.Context(), http.MethodDelete, "/v2/projects/demo-project/sinks/refused-requests", nil); err != nil {
		o.t.Fatal(err)
	}
}

// logged is the latest refused request in Cloud Run's log.
func (o *town) logged() map[string]any {
	o.t.Helper()
	owner := stage.Client{URL: o.URL()}
	answer, err := owner.Call(o.t.Context(), http.MethodPost, "/v2/entries:list", map[string]any{
		"resourceNames": []any{"projects/demo-project"}, "filter": stage.RequestsFilter, "orderBy": "timestamp desc", "pageSize": 1,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	entries, _ := answer["entries"].([]any)
	if len(entries) == 0 {
		o.t.Fatal("no refused request is logged")
	}
	return entries[0].(map[string]any)
}
