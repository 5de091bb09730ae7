package doctor

import (
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/town"
	"github.com/iapguard/iapguard/test/town/guarded"
)

const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"

var hello = stage.Scenario[0]

// clinic is a guarded town with hello in it. Only refused requests, alerts and
// commands are delivered: nothing heals by itself.
type clinic struct {
	*guarded.Town
	t *testing.T
}

// build deploys hello and protects it; keys are those of the policy's rule.
func build(t *testing.T, instances int, keys ...string) *clinic {
	t.Helper()
	return open(t, guarded.Options{Instances: instances, Policy: policy(keys...)})
}

// policy lets the doctor redeploy.
func policy(keys ...string) string { return town.Policy(append(keys, "redeploy: enforce")...) }

func open(t *testing.T, options guarded.Options) *clinic {
	t.Helper()
	o := &clinic{guarded.Open(t, options), t}
	o.withSink()
	if err := o.Push(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Build(hello)
	o.Publish(stage.CommandsTopic, `{"command":"apply","id":"protect","target":"`+hello.Name()+`"}`)
	o.Meanwhile("hello is protected", func() bool {
		if last := o.Last(); last.Outcome == report.Deferred && last.WaitingFor.Until.After(o.Now()) {
			o.Later(last.WaitingFor.Until.Sub(o.Now()))
		}
		return o.count(report.Protected) == 1
	})
	o.sees("at first", http.StatusOK)
	return o
}

func (o *clinic) count(outcome report.Outcome) int {
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
func (o *clinic) ended(verdict string, outcome report.Outcome) report.Report {
	o.t.Helper()
	o.Until(verdict+" ends "+string(outcome), func() bool { return o.Last().Verdict == verdict && o.Last().Outcome == outcome })
	if last := o.Last(); last.Why == "" || len(last.Evidence) < 4 {
		o.t.Errorf("%s: why %q, evidence %v", verdict, last.Why, last.Evidence)
	}
	return o.Last()
}

func (o *clinic) invokers(bindings ...any) {
	o.t.Helper()
	o.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"version": 3, "bindings": bindings}})
}

// sees holds what alice is answered at the load balancer against a status.
func (o *clinic) sees(when string, want int) {
	o.t.Helper()
	if got := o.Ask(hello.Host, "user:alice@example.com"); got != want {
		o.t.Errorf("%s alice is answered %d, want %d", when, got, want)
	}
}

// revisions counts the service's revisions.
func (o *clinic) revisions() int {
	o.t.Helper()
	list, _ := o.Call(http.MethodGet, "/v2/"+hello.Name()+"/revisions", nil)["revisions"].([]any)
	return len(list)
}

// withSink begins the delivery of refused requests.
func (o *clinic) withSink() {
	o.t.Helper()
	if err := o.Cloud.Logs().AddSink(logging.Sink{Name: "refused-requests", Filter: stage.RequestsFilter, Topic: stage.EventsTopic}); err != nil {
		o.t.Fatal(err)
	}
}

// withoutSink ends the delivery of refused requests.
func (o *clinic) withoutSink() {
	o.t.Helper()
	o.CallAs(o.Owner(), http.MethodDelete, "/v2/projects/demo-project/sinks/refused-requests", nil)
}

// logged is the latest refused request in Cloud Run's log.
func (o *clinic) logged() map[string]any {
	o.t.Helper()
	answer := o.CallAs(o.Owner(), http.MethodPost, "/v2/entries:list", map[string]any{
		"resourceNames": []any{"projects/demo-project"}, "filter": stage.RequestsFilter, "orderBy": "timestamp desc", "pageSize": 1,
	})
	entries, _ := answer["entries"].([]any)
	if len(entries) == 0 {
		o.t.Fatal("no refused request is logged")
	}
	return entries[0].(map[string]any)
}
