package function

import (
	"net/http"
	"strings"
	"testing"

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
