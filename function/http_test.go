package function

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestEveryMessageGetsAFinalAnswer(t *testing.T) {
	b := newBench(t, settling)
	const entry = `{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","insertId":"1",` +
		`"timestamp":"2026-11-23T12:00:00Z","resource":{"type":"cloud_run_revision",` +
		`"labels":{"project_id":"demo-project","location":"us-central1","service_name":"SERVICE"}},` +
		`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService",` +
		`"resourceName":"projects/demo-project/locations/us-central1/services/SERVICE"}}`
	about := func(service string) io.Reader {
		return strings.NewReader(strings.ReplaceAll(entry, "SERVICE", service))
	}
	command := func(name, target string) io.Reader {
		return strings.NewReader(`{"command":"` + name + `","target":"` + target + `"}`)
	}
	for _, tc := range []struct {
		name, method, path string
		body               io.Reader
		want               int
		rejected           bool
	}{
		{"healthy", http.MethodGet, "/healthz", nil, 200, false},
		{"another path", http.MethodPost, "/nowhere", nil, 404, false},
		{"another method", http.MethodGet, "/", nil, 405, false},
		{"nonsense", http.MethodPost, "/", strings.NewReader("nonsense"), 204, true},
		{"an empty body", http.MethodPost, "/", strings.NewReader(""), 204, true},
		{"an endless body", http.MethodPost, "/", endless{}, 204, true},
		{"a name that leaves the path", http.MethodPost, "/", about("../x"), 204, true},
		{"a service that is not found for the first time", http.MethodPost, "/", about("nobody"), 503, false},
		{"not a log entry", http.MethodPost, "/", strings.NewReader(`{"hello":"world"}`), 204, false},
		{"a command where none counts", http.MethodPost, "/", command("apply", "projects/demo-project"), 204, false},
		{"a command that does not exist", http.MethodPost, "/commands",
			command("destroy", "projects/demo-project"), 204, true},
		{"a command of a later version", http.MethodPost, "/commands", command("dance", hello.Name()), 204, true},
		{"work that is not ours", http.MethodPost, "/work", strings.NewReader(entry), 204, true},
		{"a service that has to settle", http.MethodPost, "/", about("hello"), 503, false},
	} {
		b.reports.reports = nil
		answer := httptest.NewRecorder()
		b.ServeHTTP(answer, httptest.NewRequest(tc.method, tc.path, tc.body))
		if answer.Code != tc.want {
			t.Errorf("%s: status %d, want %d", tc.name, answer.Code, tc.want)
		}
		if got := slices.Equal(b.reports.outcomes(), []report.Outcome{report.Rejected}); got != tc.rejected {
			t.Errorf("%s: outcomes %v, rejected wanted: %v", tc.name, b.reports.outcomes(), tc.rejected)
		}
		for _, one := range b.reports.reports {
			for _, line := range one.Advice {
				if len(line) > 1000 || strings.ContainsAny(line, "\n\r") {
					t.Errorf("%s: advice is long or has several lines: %.60q", tc.name, line)
				}
			}
		}
	}
}

func TestReadConfigNamesEveryWrongValue(t *testing.T) {
	_, err := ReadConfig([]string{
		"IAPGUARD_FOO=1", "IAPGUARD_REPORTS_TOPIC=reports", "IAPGUARD_WORK_TOPIC=x", "IAPGUARD_SELF=me",
		"IAPGUARD_WRITERS=folders/1", "IAPGUARD_HOLDS=projects/p/secrets/s",
		"IAPGUARD_ENDPOINT=http://example.com", "PORT=0", "LOG_LEVEL=loud", "OTHER=1",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_TRACES_SAMPLER=sometimes",
	})
	if err == nil {
		t.Fatal("a wrong environment is accepted")
	}
	for _, want := range []string{
		"IAPGUARD_FOO is not known", "IAPGUARD_REPORTS_TOPIC", "IAPGUARD_WORK_TOPIC", "IAPGUARD_SELF", "IAPGUARD_WRITERS",
		"mount the secret's version", "write https", "PORT", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_TRACES_SAMPLER",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	const runEndpoint = "https://run.example.com"
	config, err := ReadConfig([]string{"IAPGUARD_POLICY=/p", "IAPGUARD_ENDPOINT_RUN=" + runEndpoint, "PORT=9",
		"LOG_LEVEL=WARN"})
	if err != nil || config.Port != 9 || config.Policy != "/p" || config.Connect.Endpoints["RUN"] != runEndpoint {
		t.Errorf("config %+v, error %v", config, err)
	}
}

func TestCommandWithoutTargetLooksWhereThePolicyDoes(t *testing.T) {
	command := event.Cause{Kind: event.CommandReceived, Command: &event.Command{Name: "sweep"}}
	for _, tc := range []struct{ name, match, want string }{
		{"the policy names projects", "match: {projects: [p-two-2, p-one-1, \"p-*\"]}", "projects/p-one-1 projects/p-two-2"},
		{"the policy names patterns only", "match: {projects: [\"p-*\"]}", "projects/demo-project"},
	} {
		b := newBench(t, "version: 1\nrules: [{name: a, "+tc.match+"}]\n")
		var got []string
		scopes, err := b.scopes(command)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, scope := range scopes {
			got = append(got, scope.Name())
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestSweepWithoutProjectsSaysWhatToWrite(t *testing.T) {
	b := newBench(t, `version: 1
rules:
  - {name: everything, match: {folders: [folders/123456789012]}}
  - {name: nothing, recipe: off, match: {projects: [p-one-1]}}
`)
	sweep := event.Cause{Kind: event.CommandReceived, Key: "k", Command: &event.Command{Name: "sweep", ID: "hourly"}}
	if err := b.cause(t.Context(), sweep, nil); err != nil {
		t.Fatal(err)
	}
	reports := b.reports.reports
	if len(reports) != 1 || reports[0].Outcome != report.Blocked || reports[0].Command == nil ||
		reports[0].Command.ID != "hourly" {
		t.Fatalf("reports %+v, want one that answers the command with blocked", reports)
	}
	for i, want := range []string{"folders only: everything", `"target": "projects/PROJECT"`} {
		if got := reports[0].Advice; len(got) <= i || !strings.Contains(got[i], want) {
			t.Errorf("advice %q says nothing of %q", got, want)
		}
	}
	sweep.Project = "p-one-1"
	if scopes, err := b.scopes(sweep); err != nil || len(scopes) != 1 {
		t.Errorf("with a target: %v, error %v", scopes, err)
	}
}

func TestPanicIsLoggedOnOneLineAndTheMessageRetried(t *testing.T) {
	var text strings.Builder
	b := newBench(t, cloudtest.Policy())
	b.engine.Policy = func() reconcile.Policy { panic("a fault\nof ours") }
	b.log = slog.New(slog.NewJSONHandler(&text, nil))
	cause := event.Cause{Kind: event.RunServiceChanged, Key: "k"}
	work, err := event.Work{Target: hello, GiveUpAt: b.Now().Add(time.Hour), Cause: cause}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/work", strings.NewReader(string(work))))
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", answer.Code)
	}
	if line := text.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `"err":"a fault\nof ours"`) ||
		!strings.Contains(line, "http_test.go") {
		t.Errorf("logged %q, want one line with the panic and where it came from", line)
	}
	if err := b.Function.Close(); err != nil { // nothing is in hand any more
		t.Error(err)
	}
}

// What is rejected is shown as its sender wrote it, not as Pub/Sub wraps it.
func TestARejectedMessageShowsWhatItSays(t *testing.T) {
	wrapped, err := json.Marshal(map[string]any{"message": map[string]any{"data": []byte("nonsense"), "messageId": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{string(wrapped): "nonsense", "plain": "plain", `{"message": {}}`: `{"message": {}}`} {
		if got := string(pushedData([]byte(body))); got != want {
			t.Errorf("of %s: %q, want %q", body, got, want)
		}
	}
}

func TestASweepOfAnOrganizationFindsTheServicesInIt(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	body := []byte(`{"command":"sweep","target":"organizations/987654321098"}`)
	cause := event.Parse(event.Message{Body: body, Commands: true}, event.Self{})[0].Cause
	if cause == nil {
		t.Fatal("the command is not read")
	}
	targets, err := b.targets(t.Context(), *cause)
	var got []string
	for _, target := range targets {
		got = append(got, target.Name())
	}
	if diff := cmp.Diff([]string{playground.Scenario[0].Name()}, got); diff != "" || err != nil {
		t.Errorf("%v; services (-want +got):\n%s", err, diff)
	}
}
