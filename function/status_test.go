package function

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestStatusSaysWhatTheFunctionKnows(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("name: shops", "mode: report-only"))
	status := func(by string) *Status {
		t.Helper()
		code, answer := b.order(t, by, `{"command":"status"}`)
		if code != http.StatusOK || answer.Status == nil {
			t.Fatalf("status as %s: %d %+v", by, code, answer)
		}
		return answer.Status
	}
	if code, _ := b.order(t, "stranger@example.com", `{"command":"status"}`); code != http.StatusUnauthorized &&
		code != http.StatusForbidden {
		t.Errorf("a stranger asks for the status: %d", code)
	}
	before := status(operator)
	if len(before.Open) != 0 || len(before.Sweeps) != 0 || before.Version != Version ||
		!strings.Contains(before.PolicyText, "name: shops") {
		t.Errorf("before a look: %+v", before)
	}
	if code, answer := b.order(t, operator, `{"command":"sweep","target":"projects/demo-project"}`); code != http.StatusOK {
		t.Fatalf("sweep: %d %+v", code, answer)
	}
	b.await(t, report.Planned)
	after := status(operator)
	if len(after.Open) != 1 || after.Open[0].Service != hello.Name() || after.Open[0].Since.IsZero() ||
		after.Sweeps["projects/demo-project"].Services == 0 {
		t.Errorf("after a sweep found an open service: %+v", after)
	}
}

// Who may publish commands can send any number, and each write of the deployment's record keeps
// others, such as a hold, from theirs.
func TestAFloodOfSweepsIsNotedOnceAMinute(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: report-only"))
	noted := func() (int64, memory.Sweep) {
		t.Helper()
		found, err := b.memory.Deployment(t.Context())
		if err != nil && !errors.Is(err, memory.ErrMissing) {
			t.Fatal(err)
		}
		return int64(found.Sequence), found.Sweeps["projects/demo-project"]
	}
	flood := func() {
		t.Helper()
		for range 5 {
			if code, answer := b.order(t, operator, `{"command":"sweep","target":"projects/demo-project"}`); code != http.StatusOK {
				t.Fatalf("sweep: %d %+v", code, answer)
			}
			b.Later(time.Second)
		}
	}
	before, _ := noted()
	flood()
	first, sweep := noted()
	if first != before+1 || sweep.Services == 0 {
		t.Errorf("five sweeps wrote the record %d times, want once; %+v", first-before, sweep)
	}
	b.Later(time.Minute)
	flood()
	if second, later := noted(); second != first+1 || later.At.Sub(sweep.At) < time.Minute {
		t.Errorf("five sweeps a minute later wrote the record %d times, want once; %+v after %+v", second-first, later, sweep)
	}
}
