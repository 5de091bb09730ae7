package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"

var hello = playground.Scenario[0]

// fixture is a local cloud that the function guards with hello in it. Only refused requests, alerts and
// commands are delivered: nothing heals by itself.
type fixture struct {
	*withfunction.Env
	t *testing.T
}

// build deploys hello and protects it; keys are those of the policy's rule.
func build(t *testing.T, instances int, keys ...string) *fixture {
	t.Helper()
	return open(t, withfunction.Options{Instances: instances, Policy: policy(keys...)})
}

// policy lets the doctor redeploy.
func policy(keys ...string) string { return cloudtest.Policy(append(keys, "redeploy: enforce")...) }

func open(t *testing.T, options withfunction.Options) *fixture {
	t.Helper()
	o := &fixture{withfunction.Open(t, options), t}
	o.withSink()
	if err := o.Push(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Build(hello)
	o.Publish(playground.CommandsTopic, `{"command":"apply","id":"protect","target":"`+hello.Name()+`"}`)
	o.Meanwhile("hello is protected", func() bool {
		if last := o.Last(); last.Outcome == report.Deferred && last.WaitingFor.Until.After(o.Now()) {
			o.Later(last.WaitingFor.Until.Sub(o.Now()))
		}
		return o.count(report.Protected) == 1
	})
	o.sees("at first", http.StatusOK)
	return o
}

func (o *fixture) count(outcome report.Outcome) int {
	n := 0
	for _, one := range o.Reports() {
		if one.Outcome == outcome {
			n++
		}
	}
	return n
}

// ended waits for the end of what follows from one refused request, alert or
// command, and holds it against a verdict and an outcome.
func (o *fixture) ended(verdict string, outcomes ...report.Outcome) report.Report {
	o.t.Helper()
	o.Until(fmt.Sprintf("%s ends %v", verdict, outcomes), func() bool {
		return o.Last().Verdict == verdict && slices.Contains(outcomes, o.Last().Outcome)
	})
	if last := o.Last(); last.Why == "" || len(last.Evidence) < 4 {
		o.t.Errorf("%s: why %q, evidence %v", verdict, last.Why, last.Evidence)
	}
	return o.Last()
}

func (o *fixture) invokers(bindings ...any) {
	o.t.Helper()
	o.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy",
		map[string]any{"policy": map[string]any{"version": 3, "bindings": bindings}})
}

// sees holds what alice is answered at the load balancer against a status.
func (o *fixture) sees(when string, want int) {
	o.t.Helper()
	if got := o.Ask(hello.Host, "user:alice@example.com"); got != want {
		o.t.Errorf("%s alice is answered %d, want %d", when, got, want)
	}
}

// revisions counts the service's revisions.
func (o *fixture) revisions() int {
	o.t.Helper()
	list, _ := o.Call(http.MethodGet, "/v2/"+hello.Name()+"/revisions", nil)["revisions"].([]any)
	return len(list)
}

// withSink begins the delivery of refused requests.
func (o *fixture) withSink() {
	o.t.Helper()
	if err := o.Cloud.Logs().AddSink(logging.Sink{Name: "refused-requests", Filter: playground.RequestsFilter,
		Topic: playground.EventsTopic}); err != nil {
		o.t.Fatal(err)
	}
}

// withoutSink ends the delivery of refused requests.
func (o *fixture) withoutSink() {
	o.t.Helper()
	o.CallAs(o.Owner(), http.MethodDelete, "/v2/projects/demo-project/sinks/refused-requests", nil)
}

// logged is the latest refused request in Cloud Run's log.
func (o *fixture) logged() map[string]any {
	o.t.Helper()
	answer := o.CallAs(o.Owner(), http.MethodPost, "/v2/entries:list", map[string]any{
		"resourceNames": []any{"projects/demo-project"}, "filter": playground.RequestsFilter, "orderBy": "timestamp desc",
		"pageSize": 1,
	})
	entries, _ := answer["entries"].([]any)
	if len(entries) == 0 {
		o.t.Fatal("no refused request is logged")
	}
	return entries[0].(map[string]any)
}
