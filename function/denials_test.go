package function

import (
	"fmt"
	"log/slog"
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

// An acknowledged message has a report, or a reason in the log.
func TestDenialsThatArePassedOverAreCountedInTheLog(t *testing.T) {
	b := newBench(t, cloudtest.Policy("settle: 0s"))
	var log strings.Builder
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	said := func() (lines []string) {
		for line := range strings.Lines(log.String()) {
			if _, after, found := strings.Cut(line, "passed over"); found {
				lines = append(lines, after)
			}
		}
		log.Reset()
		return lines
	}
	deny := func(id string) {
		t.Helper()
		if got := b.event(denied("IAP", id, b.Now())); got != http.StatusNoContent {
			t.Fatalf("%s: status %d", id, got)
		}
	}
	for i := range 6 {
		deny(fmt.Sprint(i))
		b.Later(time.Second)
	}
	if got := said(); len(got) != 0 {
		t.Errorf("said in the first minute: %q", got)
	}
	b.Later(time.Minute)
	for range 2 {
		if got := b.command("due", "due", ""); got != http.StatusNoContent {
			t.Fatalf("due: status %d", got)
		}
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "requests=5") || !strings.Contains(got[0], "hello-backend") {
		t.Errorf("said a minute later: %q, want one line with five requests of hello-backend", got)
	}
	deny("next")
	deny("last")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "requests=1") {
		t.Errorf("said at the end: %q, want one line with the last request", got)
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
