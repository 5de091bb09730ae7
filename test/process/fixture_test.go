package process

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// fixture is a local cloud whose messages are pushed to an instance, or to several in turn.
type fixture struct {
	*cloudtest.Env
	t       *testing.T
	front   *httptest.Server
	current atomic.Pointer[[]*httputil.ReverseProxy]
	turn    atomic.Int64  // counts what was handed to one of them
	inHand  atomic.Int64  // requests that the instance has not answered
	entered func(n int64) // called for each that comes; set before any does
	header  http.Header   // added to each; set before any comes

	mu       sync.Mutex
	reports  []report.Report
	onReport func(report.Report) // called for each; set before any comes
}

func open(t *testing.T) *fixture { return openWith(t, playground.Options{}) }

func openWith(t *testing.T, options playground.Options) *fixture {
	t.Helper()
	o := &fixture{Env: cloudtest.Start(t, options), t: t}
	o.front = httptest.NewServer(o)
	t.Cleanup(o.front.Close)
	if err := o.OnReport(t.Context(), o.received); err != nil {
		t.Fatal(err)
	}
	return o
}

// received keeps a report, which must fit its schema.
func (o *fixture) received(one playground.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		o.t.Errorf("report %s does not fit its schema: %v", one.Data, err)
	}
	o.mu.Lock()
	o.reports = append(o.reports, read)
	o.mu.Unlock()
	if o.onReport != nil {
		o.onReport(read)
	}
}

// latest gives the latest report on each service, and how many reports there are of
// each outcome.
func (o *fixture) latest() (last map[string]report.Report, outcomes map[report.Outcome]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, outcomes = map[string]report.Report{}, map[report.Outcome]int{}
	for _, one := range o.reports {
		last[one.Subject()] = one
		outcomes[one.Outcome]++
	}
	return last, outcomes
}

// to sends what is pushed from now on to these instances in turn.
func (o *fixture) to(instances ...*instance) {
	var proxies []*httputil.ReverseProxy
	for _, i := range instances {
		target, err := url.Parse(i.url)
		if err != nil {
			o.t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 300}
		// An instance that is gone answers nothing, which Cloud Run answers the same way.
		proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		proxies = append(proxies, proxy)
	}
	o.current.Store(&proxies)
}

// ServeHTTP is Cloud Run's front end: it hands each request to an instance that is there.
func (o *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := o.inHand.Add(1)
	defer o.inHand.Add(-1)
	if o.entered != nil {
		o.entered(n)
	}
	for name, values := range o.header {
		r.Header[name] = values
	}
	proxies := *o.current.Load()
	proxies[int(o.turn.Add(1))%len(proxies)].ServeHTTP(w, r)
}

// push pushes the topics of events and work, so many messages at once.
func (o *fixture) push(concurrency int) {
	o.t.Helper()
	for topic, path := range map[string]string{playground.EventsTopic: "/", playground.WorkTopic: "/work"} {
		if err := o.Broker.Push(o.t.Context(), delivery.Subscription{
			Name: "projects/" + playground.Project + "/subscriptions/test-" + path[1:] + "push", Topic: topic,
			Endpoint:    o.front.URL + path,
			AckDeadline: 600 * time.Second, MinBackoff: 100 * time.Millisecond, MaxBackoff: time.Second,
			DeadLetterTopic: playground.DeadLettersTopic, MaxDeliveryAttempts: 100, Concurrency: concurrency,
			Account: playground.PushAccount, Audience: playground.FunctionAudience,
		}); err != nil {
			o.t.Fatal(err)
		}
	}
}

// pushed is what a topic's push subscription has done.
func (o *fixture) pushed(topic string) delivery.SubscriptionState {
	o.t.Helper()
	for _, each := range o.Broker.State() {
		if each.Topic == topic {
			return each
		}
	}
	o.t.Fatalf("nothing is pushed from %s", topic)
	return delivery.SubscriptionState{}
}

// deployed publishes that each of the services was deployed.
func (o *fixture) deployed(id string, services []playground.LoadBalanced) {
	o.t.Helper()
	for i, service := range services {
		o.Publish(playground.EventsTopic, fmt.Sprintf(
			`{"insertId":"%s-%d","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"%s",`+
				`"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"%s","service_name":"%s"}},`+
				`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService","resourceName":"%s"}}`,
			id, i, o.Now().UTC().Format(time.RFC3339Nano), service.Region, service.Service, service.Name()))
	}
}

// slow lets every call of the function take a while.
func (o *fixture) slow(by time.Duration) {
	o.t.Helper()
	if by == 0 {
		o.SetFaults(`[]`)
		return
	}
	o.SetFaults(fmt.Sprintf(`[{"action":"slow","method":"*","principal":"serviceAccount:%s","delay":"%s"}]`,
		playground.FunctionAccount, by))
}

// settled waits until every message was handled: longer than elsewhere, for a
// whole process does the work, and two of them one after the other.
func (o *fixture) settled() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 5*cloudtest.Patience)
	defer cancel()
	if err := o.Broker.Idle(ctx); err != nil {
		o.t.Fatal(err)
	}
}

// writes are those that the function made, taken or not.
func (o *fixture) writes() cloudtest.Calls { return o.Calls().Own().Writes() }
