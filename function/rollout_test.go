package function

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// last is the report that was published last.
func (b *bench) last(t *testing.T) report.Report {
	t.Helper()
	b.reports.mu.Lock()
	defer b.reports.mu.Unlock()
	if len(b.reports.reports) == 0 {
		t.Fatal("nothing was reported")
	}
	return b.reports.reports[len(b.reports.reports)-1]
}

// outcome delivers one cause for hello and gives how it ended.
func (b *bench) outcome(t *testing.T, key string) report.Outcome {
	t.Helper()
	if err := b.deliver(t, key, event.RunServiceChanged); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return b.last(t).Outcome
}

// writes counts what the function wrote.
func (b *bench) writes() int { return len(b.Calls().Own().Writes()) }

// byHand is what a person's apply does.
func (b *bench) byHand(t *testing.T) report.Outcome {
	t.Helper()
	final, err := b.engine.Run(t.Context(), reconcile.Request{
		Target: hello, Consent: true, Cause: event.Cause{Kind: event.CommandReceived, Method: "apply", Key: "by hand"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return final.Outcome
}

// makePublic lets everybody invoke the service again, as a developer might.
func (b *bench) makePublic() {
	b.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{
		"policy": map[string]any{"bindings": []any{
			map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}},
		}},
	})
}

func TestOlderServicesAreOnlyPlannedByDefault(t *testing.T) {
	for _, tc := range []struct {
		name string
		keys []string
		want report.Outcome
	}{
		{"created since then", []string{"since: 2020-01-01"}, report.Protected},
		{"older", []string{"since: 2099-01-01"}, report.Planned},
		{"older, and the rule wants them too", []string{"since: 2099-01-01", "existing: true"}, report.Protected},
	} {
		b := newBench(t, cloudtest.Policy(tc.keys...))
		got := b.outcome(t, "deployed")
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if wrote := b.writes() > 0; wrote != (tc.want == report.Protected) {
			t.Errorf("%s: written: %t", tc.name, wrote)
		}
		advised := strings.Contains(strings.Join(b.last(t).Advice, "\n"), "existing: true")
		if advised != (tc.want == report.Planned) {
			t.Errorf("%s: advice %q", tc.name, b.last(t).Advice)
		}
	}
}

func TestOlderServiceStaysGuardedOnceProtected(t *testing.T) {
	b := newBench(t, cloudtest.Policy("since: 2099-01-01"))
	if got := b.byHand(t); got != report.Protected {
		t.Fatalf("a person's apply: %s, want protected", got)
	}
	b.makePublic()
	if got := b.outcome(t, "public again"); got != report.Protected {
		t.Errorf("public again: %s, want protected", got)
	}
	if last := b.last(t); last.Exposed != door.No {
		t.Errorf("doors %+v, want none open", last.Doors)
	}
}

func TestWhatARuleKeepsIsReportedAsOpen(t *testing.T) {
	b := newBench(t, cloudtest.Policy("ingress: keep", "publicInvokers: keep"))
	if got := b.outcome(t, "deployed"); got != report.Blocked {
		t.Fatalf("%s, want blocked: what stays open is not protected", got)
	}
	final := b.last(t)
	for _, step := range final.Steps {
		if step.Op == "restrict-ingress" || step.Op == "revoke-public" {
			t.Errorf("step %s, which the rule does not want", step.Op)
		}
	}
	if final.Exposed != door.Yes {
		t.Error("the default URL is open, and the report does not say so")
	}
	for _, each := range final.Doors {
		if each.Kind == door.DefaultURL && each.Guard != door.GuardOpen {
			t.Errorf("door %+v, want it open", each)
		}
	}
}
