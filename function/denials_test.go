package function

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// denied is the log entry of a request that IAP or Cloud Run denied.
func denied(source, id string, at time.Time) string {
	entry := map[string]string{
		"IAP": `"logName":"projects/demo-project/logs/requests","resource":{"type":"http_load_balancer",` +
			`"labels":{"project_id":"demo-project","backend_service_name":"hello-backend","zone":"global"}},` +
			`"jsonPayload":{"statusDetails":"handled_by_identity_aware_proxy"}`,
		"Cloud Run": `"logName":"projects/demo-project/logs/run.googleapis.com%2Frequests","resource":{"type":"cloud_run_revision",` +
			`"labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},` +
			`"textPayload":"The request was not authenticated. Either allow unauthenticated invocations or set the header."`,
	}[source]
	return fmt.Sprintf(`{"insertId":%q,"timestamp":%q,"severity":"WARNING",`+
		`"httpRequest":{"status":403,"requestUrl":"https://hello.example.com/","requestMethod":"GET"},%s}`,
		id, at.UTC().Format(time.RFC3339Nano), entry)
}

func (b *bench) event(body string) int {
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, EventsPath, strings.NewReader(body)))
	return answer.Code
}

func TestDenialsWaitBehindOneThatWasPutOff(t *testing.T) {
	for _, source := range []string{"IAP", "Cloud Run"} {
		t.Run(source, func(t *testing.T) {
			b := newBench(t, cloudtest.Policy("settle: 10m"))
			first := denied(source, "first", b.Now())
			if got := b.event(first); got != http.StatusServiceUnavailable || b.last(t).Outcome != report.Deferred {
				t.Fatalf("status %d, %s; want the denial put off", got, b.last(t).Outcome)
			}
			b.Later(2 * time.Minute)
			before := b.calls()
			if got := b.event(denied(source, "second", b.Now())); got != http.StatusNoContent || b.calls() != before {
				t.Errorf("another denial: status %d with %d calls, want it acknowledged without any", got, b.calls()-before)
			}
			b.Later(9 * time.Minute)
			if got := b.event(first); got != http.StatusNoContent || b.last(t).Outcome != report.Protected {
				t.Errorf("when it is due: status %d, %s; want protected", got, b.last(t).Outcome)
			}
		})
	}
}

// Two instances put denials of one service off, and each message comes to the other one when it is
// delivered again. There it is passed over, because of the other denial.
func TestWhatWasPutOffIsNotPassedOverElsewhere(t *testing.T) {
	setup := benchConfig(t, cloudtest.Policy("settle: 30s"), "IAPGUARD_MEMORY="+playground.MemoryBucket)
	if err := setup.cloud.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := startBench(t, setup), startBench(t, setup)
	first, second := denied("IAP", "first", a.Now()), denied("IAP", "second", a.Now())
	statuses := []int{a.event(first), b.event(second), b.event(first), a.event(second)}
	for _, one := range []*bench{a, b} {
		if got := one.last(t).Outcome; got != report.Deferred {
			t.Fatalf("statuses %v, %s; want both denials put off", statuses, got)
		}
	}
	a.Later(35 * time.Second)
	if got := a.command("due", "due", ""); got != http.StatusNoContent || a.last(t).Outcome == report.Deferred {
		t.Errorf("when they are due: status %d, %s; want both looked into", got, a.last(t).Outcome)
	}
}
