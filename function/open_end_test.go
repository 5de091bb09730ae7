package function

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// impatient is a cloud that is left before a kind of step has ended, some times.
type impatient struct {
	reconcile.Cloud

	op    plan.Op
	times int
	with  error
	late  func() // lets the step end; nil = it was not taken yet
}

func (i *impatient) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	if step.Op() != i.op || i.times == 0 {
		return i.Cloud.Apply(ctx, step, as)
	}
	i.times--
	i.late = func() { _, _ = i.Cloud.Apply(context.WithoutCancel(ctx), step, as) }
	return "", i.with
}

// A step whose operation outlasts our patience, or whose answer is lost, may take effect all the same.
// The run that ends then has it as done.
func TestAStepWithAnOpenEndIsReportedOnceItTookEffect(t *testing.T) {
	notEnded := &fault.Error{Kind: fault.OperationFailed, Open: true, Err: errors.New("the operation has not ended")}
	lost := fault.New(fault.Canceled, "the connection broke")
	for name, tc := range map[string]struct {
		op    plan.Op
		times int
		with  error
	}{
		"the ingress":                  {plan.RestrictIngress{}.Operation().Op, 1, notEnded},
		"IAP":                          {plan.EnableIAP{}.Operation().Op, 1, notEnded},
		"IAP, whose answers were lost": {plan.EnableIAP{}.Operation().Op, 3, lost},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, cloudtest.Policy())
			left := &impatient{Cloud: b.engine.Cloud, op: tc.op, times: tc.times, with: tc.with}
			b.engine.Cloud = left
			if err := b.deliver(t, "first", event.RunServiceChanged); err == nil {
				t.Fatalf("%v: the delivery ended well", b.reports.outcomes())
			}
			left.late()
			b.Later(time.Minute)
			seen := b.Now()
			if got := b.outcome(t, "second"); got != report.Protected {
				t.Fatalf("%v: the run ends %s, want protected", b.reports.outcomes(), got)
			}
			var results []report.Result
			for _, step := range b.last(t).Steps {
				if step.Op == string(tc.op) {
					results = append(results, step.Result)
					if step.At == nil || step.At.Before(seen) {
						t.Errorf("done at %v, before it was seen at %v", step.At, seen)
					}
				}
			}
			if len(results) != 1 || results[0] != report.StepDone {
				t.Errorf("%v: results of %s %v, want one, done", b.reports.outcomes(), tc.op, results)
			}
		})
	}
}

// What somebody else sets after we were refused is theirs.
func TestARefusedStepIsNotOursLater(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	b.SetFaults(`[{"action":"status","status":403,"method":"compute.backendServices.patch","message":"no"}]`)
	_ = b.deliver(t, "first", event.RunServiceChanged) // it is blocked
	b.SetFaults(`[]`)
	b.Call(http.MethodPatch, "/compute/v1/projects/demo-project/global/backendServices/"+playground.Scenario[0].Backend(),
		map[string]any{"iap": map[string]any{"enabled": true}})
	b.Later(time.Minute)
	b.outcome(t, "second")
	for _, step := range b.last(t).Steps {
		if step.Op == "enable-iap" && step.Result == report.StepDone {
			t.Errorf("%v: the report says that we enabled IAP", b.reports.outcomes())
		}
	}
}
