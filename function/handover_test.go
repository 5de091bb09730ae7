package function

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// cutOff is a cloud after whose first write the instance is stopped.
type cutOff struct {
	reconcile.Cloud
	stop context.CancelCauseFunc
}

// Apply writes.
func (c cutOff) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	defer c.stop(errStopping)
	return c.Cloud.Apply(ctx, step, as)
}

// A service whose protection is handed to another instance has not failed to be protected.
func TestAHandOverIsDeferred(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	ctx, stop := context.WithCancelCause(t.Context())
	whole := b.engine.Cloud
	b.engine.Cloud = cutOff{whole, stop}
	request := reconcile.Request{Cause: event.Cause{Kind: event.RunServiceChanged, Key: "deployed"}, Target: hello}
	first, err := b.engine.Run(ctx, request)
	if err != nil || first.Outcome != report.Deferred || len(first.Steps) == 0 {
		t.Fatalf("the outcome is %q with %d steps, %v; want deferred, with what was written",
			first.Outcome, len(first.Steps), err)
	}
	if first.WaitingFor == nil || first.WaitingFor.Until != nil {
		t.Errorf("it waits for %+v, want the next delivery", first.WaitingFor)
	}
	b.engine.Cloud = whole
	second, err := b.engine.Run(t.Context(), request)
	if err != nil || second.Outcome != report.Protected || second.RunID != first.RunID {
		t.Errorf("the next delivery ends as %q in run %s, %v; want run %s protected", second.Outcome, second.RunID, err, first.RunID)
	}
}

// What is given up ends as blocked, and a person needs the cause.
func TestGivingUpNamesTheCause(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	b.SetFaults(`[{"action":"status","status":409,"method":"run.projects.locations.services.setIamPolicy","message":"the lasting reason"}]`)
	message := b.older(t, event.Work{GiveUpAt: b.Now().Add(time.Hour)})
	if got := b.push(t, message); got != http.StatusServiceUnavailable {
		t.Fatalf("status %d while the write is refused, want 503", got)
	}
	b.Later(2 * time.Hour)
	if got := b.push(t, message); got != http.StatusNoContent {
		t.Fatalf("status %d past its end, want 204", got)
	}
	last := b.last(t)
	if last.Outcome != report.Blocked || !strings.Contains(strings.Join(last.Advice, "\n"), "the lasting reason") {
		t.Errorf("%s with the advice %q, want blocked with Google's text", last.Outcome, last.Advice)
	}
}

// killed is a cloud in which the instance ends right after a write, before anything is known of
// it.
type killed struct {
	reconcile.Cloud
	after *int // so many writes
}

// Apply writes, and never returns from the last write.
func (k killed) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	version, err := k.Cloud.Apply(ctx, step, as)
	if *k.after--; *k.after == 0 {
		runtime.Goexit()
	}
	return version, err
}

// Whatever write an instance does not survive, the run ends with its right outcome and has all
// its steps.
func TestARunThatWasKilledIsClosedByTheNextDelivery(t *testing.T) {
	request := reconcile.Request{Cause: event.Cause{Kind: event.RunServiceChanged, Key: "deployed"}, Target: hello}
	whole, err := newBench(t, cloudtest.Policy()).engine.Run(t.Context(), request)
	if err != nil || whole.Outcome != report.Protected || len(whole.Steps) < 3 {
		t.Fatalf("%q with %d steps, %v; want protected", whole.Outcome, len(whole.Steps), err)
	}
	for n := range len(whole.Steps) {
		t.Run(fmt.Sprintf("after write %d", n+1), func(t *testing.T) {
			b := newBench(t, cloudtest.Policy())
			healthy, after, died := b.engine.Cloud, n+1, make(chan struct{})
			b.engine.Cloud = killed{healthy, &after}
			go func() {
				defer close(died)
				_, err := b.engine.Run(t.Context(), request)
				t.Errorf("the run ended with %v", err)
			}()
			<-died
			b.engine.Cloud = healthy
			next, err := b.engine.Run(t.Context(), request)
			if err != nil || next.Outcome != report.Protected || next.RunID != b.reports.reports[0].RunID {
				t.Fatalf("%q in run %s, %v; want run %s protected", next.Outcome, next.RunID, err, b.reports.reports[0].RunID)
			}
			type taken struct{ op, resource, field string }
			steps := map[taken]int{}
			for _, step := range whole.Steps {
				steps[taken{step.Op, step.Resource, step.Field}]++
			}
			for _, step := range next.Steps {
				if step.Result == report.StepDone && step.Op != "provision-agent" { // it is repeated, and leaves no trace
					steps[taken{step.Op, step.Resource, step.Field}]--
				}
			}
			for step, missing := range steps {
				if missing != 0 && !strings.Contains(step.op, "provision") {
					t.Errorf("step %v is in the report %d times too few", step, missing)
				}
			}
			if last, err := b.engine.Run(t.Context(), request); err != nil || last.Outcome != report.Compliant || last.RunID == next.RunID {
				t.Errorf("the look after it is %q in run %s, %v; want compliant in a run of its own", last.Outcome, last.RunID, err)
			}
		})
	}
}

// Others who undo a setting cause events as they like. What is known of that is said once.
func TestAStandingContestIsReportedOnce(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	look := func(kind event.Kind, command *event.Command) report.Report {
		t.Helper()
		final, err := b.engine.Run(t.Context(), reconcile.Request{Target: hello, ReadOnly: command != nil,
			Cause: event.Cause{Kind: kind, Key: b.Now().String(), At: b.Now(), Command: command}})
		if err != nil {
			t.Fatal(err)
		}
		return final
	}
	for range 5 {
		if look(event.RunServiceChanged, nil).Outcome == report.Contested {
			break
		}
		b.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
		b.Later(time.Second)
	}
	contested := func() (n int) {
		for _, one := range b.reports.reports {
			if one.Outcome == report.Contested {
				n++
			}
		}
		return n
	}
	if contested() != 1 {
		t.Fatalf("outcomes %v, want one contested", b.reports.outcomes())
	}
	for range 20 {
		b.touch(b.Now().Format("t150405"))
		if got := look(event.RunServiceChanged, nil).Outcome; got != report.Contested {
			t.Fatalf("%s, want contested", got)
		}
	}
	if got := contested(); got != 1 {
		t.Errorf("%d reports of one contest after 20 events", got)
	}
	look(event.CommandReceived, &event.Command{Name: "audit"})
	if got := contested(); got != 2 {
		t.Errorf("%d reports of the contest after a command, want 2", got)
	}
}

// What lasts until a person acts is said once to those who cause events, and again to who asks,
// when it changes, and twice a day.
func TestAStandingStateIsReportedOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		policy, faults string
		outcome        report.Outcome
	}{
		"waiting": {"version: 1\nrules: [{name: all, match: {}, mode: enforce}]\n", "", report.Waiting},
		"blocked": {cloudtest.Policy(),
			`[{"action":"status","status":403,"method":"run.projects.locations.services.get","message":"no"}]`, report.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.policy)
			var log strings.Builder
			b.engine.Log = slog.New(slog.NewTextHandler(&log, nil))
			if tc.faults != "" {
				b.SetFaults(tc.faults)
			}
			look := func(kind event.Kind, command *event.Command) {
				t.Helper()
				final, err := b.engine.Run(t.Context(), reconcile.Request{Target: hello, ReadOnly: command != nil,
					Cause: event.Cause{Kind: kind, Key: b.Now().String(), At: b.Now(), Command: command}})
				if err != nil || final.Outcome != tc.outcome {
					t.Fatalf("%s, %v; want %s", final.Outcome, err, tc.outcome)
				}
			}
			reported := func() (n int, last string) {
				for _, one := range b.reports.reports {
					if one.Outcome == tc.outcome {
						n, last = n+1, one.ID()
					}
				}
				return n, last
			}
			touched := func() {
				t.Helper()
				b.touch(b.Now().Format("t150405"))
				b.Later(5 * time.Minute)
				look(event.RunServiceChanged, nil)
			}
			for range 5 { // the first looks may write what can be done
				touched()
			}
			before, id := reported()
			log.Reset()
			for range 20 {
				touched()
			}
			if got, _ := reported(); got != before || before == 0 {
				t.Errorf("%d reports of one state after 20 further events, %d before: %v", got, before, b.reports.outcomes())
			}
			if got := strings.Count(log.String(), "repeats="+id); got != 20 {
				t.Errorf("%d lines in the log name the report that they repeat, want 20", got)
			}
			for _, again := range []func(){
				func() { look(event.CommandReceived, &event.Command{Name: "sweep"}) },
				func() { b.Later(reportedDaily); look(event.RunServiceChanged, nil) },
			} {
				before, _ = reported()
				again()
				if got, _ := reported(); got != before+1 {
					t.Errorf("%d reports more, want one", got-before)
				}
			}
		})
	}
}

// reportedDaily is the longest time without a report of a state about which events arrive.
const reportedDaily = 12 * time.Hour

// Eventarc's subscriptions wait for ten seconds. What takes longer goes on, and the next delivery
// finds it done.
func TestWorkOutlivesItsSender(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	ctx, gone := context.WithCancelCause(t.Context())
	b.engine.Cloud = cutOff{b.engine.Cloud, func(error) { gone(nil) }}
	message := b.older(t, event.Work{GiveUpAt: b.Now().Add(time.Hour)})
	body, err := json.Marshal(map[string]any{"message": message})
	if err != nil {
		t.Fatal(err)
	}
	b.ServeHTTP(httptest.NewRecorder(),
		httptest.NewRequest(http.MethodPost, WorkPath, bytes.NewReader(body)).WithContext(ctx))
	if got := b.last(t).Outcome; ctx.Err() == nil || got != report.Protected {
		t.Fatalf("%s after the sender was gone (%v), want protected", got, ctx.Err())
	}
}

// slowSearch is a cloud in which each search outlasts the sender of its message.
type slowSearch struct {
	services
	leave    context.CancelCauseFunc
	searches int
}

// Behind lets the sender leave, and then searches as long as its context lasts.
func (s *slowSearch) Behind(ctx context.Context, resource string) ([]posture.Target, error) {
	s.searches++
	s.leave(context.DeadlineExceeded)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.services.Behind(ctx, resource)
}

// Where the APIs are slow, each part of the work takes longer than the sender's deadline. The
// message is acknowledged all the same, and nothing is begun anew.
func TestWorkIsCarriedOverItsSendersDeadline(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	slow, whole := &slowSearch{services: b.cloud}, b.engine.Cloud
	b.cloud = slow
	cause := event.Cause{Kind: event.BackendServiceChanged, Key: "k", Method: "v1.compute.backendServices.patch", At: b.Now(),
		Project: hello.Project, Location: posture.Global, BackendService: "hello-backend"}
	var ends []bool
	for range 3 {
		sender, leave := context.WithCancelCause(t.Context())
		slow.leave, b.engine.Cloud = leave, cutOff{whole, leave}
		ends = append(ends, b.cause(sender, cause, nil) == nil)
	}
	if diff := cmp.Diff([]bool{false, true, true}, ends); diff != "" {
		t.Errorf("which deliveries were acknowledged (-want +got):\n%s", diff)
	}
	if got := b.reports.outcomes(); slow.searches != 1 || !slices.Equal(got, []report.Outcome{report.Started, report.Protected}) {
		t.Errorf("%v after %d searches, want started and protected after one", got, slow.searches)
	}
}

// Where nobody may ask whether an operation has ended, the resource itself says what became of
// the write.
func TestAnOperationThatCannotBeReadIsSeenByItsEffect(t *testing.T) {
	for _, method := range []string{"compute.globalOperations.wait", "run.projects.locations.operations.wait"} {
		for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest} {
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				b := newBench(t, cloudtest.Policy())
				b.SetFaults(fmt.Sprintf(`[{"action":"status","status":%d,"method":%q,"times":1}]`, status, method))
				final, err := b.engine.Run(t.Context(), reconcile.Request{Target: hello,
					Cause: event.Cause{Kind: event.RunServiceChanged, Key: "deployed"}})
				if err != nil || final.Outcome != report.Protected || final.Exposed != door.No {
					t.Fatalf("%s with exposed %s, %v, advice %q; want protected", final.Outcome, final.Exposed, err, final.Advice)
				}
				for _, step := range final.Steps {
					if step.Result != report.StepDone {
						t.Errorf("%s of %s is %s, want done", step.Op, step.Resource, step.Result)
					}
				}
			})
		}
	}
}
