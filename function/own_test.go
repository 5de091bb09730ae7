package function

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// onCloudRun answers as the metadata server of an instance of the local cloud's
// project; what is "" is not there.
func onCloudRun(t *testing.T, region string) {
	t.Helper()
	values := map[string]string{
		"project/project-id": "demo-project", "project/numeric-project-id": "123456789012", "instance/region": region,
		"instance/service-accounts/default/email": playground.FunctionAccount,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		value := values[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")]
		if value == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(value))
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
}

// neighbour is another service of the region, which is not the function.
var neighbour = playground.LoadBalanced{Service: "beside", Region: "us-central1", Host: "beside.example.com"}

func TestTheFunctionNeverProtectsItself(t *testing.T) {
	const entry = `{"insertId":"1","timestamp":"2026-11-23T12:00:00Z",` +
		`"resource":{"labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},` +
		`"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",` +
		`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService",` +
		`"resourceName":"projects/demo-project/locations/us-central1/services/hello"}}`
	const balancer = `{"insertId":"2","timestamp":"2026-11-23T12:00:00Z","resource":{"type":"gce_backend_service"},` +
		`"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",` +
		`"protoPayload":{"serviceName":"compute.googleapis.com","methodName":"v1.compute.backendServices.patch",` +
		`"resourceName":"projects/demo-project/global/backendServices/hello-backend"},"operation":{"id":"o","last":true}}`
	const refused = `{"insertId":"3","timestamp":"2026-11-23T12:00:00Z","severity":"WARNING",` +
		`"logName":"projects/demo-project/logs/run.googleapis.com%2Frequests","resource":{"type":"cloud_run_revision",` +
		`"labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},` +
		`"httpRequest":{"status":403,"requestUrl":"https://hello.example.com/"},` +
		`"textPayload":"The request was not authenticated."}`
	byNumber := strings.Replace(hello.Name(), "demo-project", "123456789012", 1)
	command := func(name, target string) string {
		return `{"command":"` + name + `","id":"` + name + `","target":"` + target + `"}`
	}
	for _, tc := range []struct{ name, policy, path, body string }{
		{"its own deployment", cloudtest.Policy(), "/", entry},
		{"its own backend service", cloudtest.Policy(), "/", balancer},
		{"a request of its own that was refused", cloudtest.Policy("redeploy: enforce"), "/", refused},
		{"a sweep", cloudtest.Policy(), "/commands", command("sweep", "projects/demo-project")},
		{"a command", cloudtest.Policy(), "/commands", command("apply", hello.Name())},
		{"a command by the project's number", cloudtest.Policy(), "/commands", command("apply", byNumber)},
		{"a doctor", cloudtest.Policy(), "/commands", command("doctor", hello.Name())},
		{"a rule for it alone", cloudtest.Policy("match: {services: [hello]}"), "/", entry},
		{"a policy that does not cover it", cloudtest.Policy("match: {services: [other]}"), "/", entry},
		{"a policy that excuses it until a day", exempting(hello.Name()), "/", entry},
		{"no policy", "", "/", entry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onCloudRun(t, "projects/123456789012/regions/us-central1")
			b := newBench(t, tc.policy, "K_SERVICE=hello", "IAPGUARD_OPERATORS=op@example.com")
			b.admission = nil // who calls is not what is tested
			b.Build(neighbour)
			answer := httptest.NewRecorder()
			b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, tc.path, strings.NewReader(tc.body)))
			final := b.lastOn(hello.Name())
			if answer.Code != http.StatusNoContent || final.Outcome != report.Exempt {
				t.Fatalf("status %d, outcome %q; want it acknowledged and exempt", answer.Code, final.Outcome)
			}
			if e := final.Exemption; e == nil || e.Ticket != "built-in" || !e.Expires.IsZero() ||
				!strings.Contains(e.Reason, "iapguard itself") {
				t.Errorf("exemption %+v, want the built-in one", e)
			}
			for _, call := range b.Calls().Own().Writes() {
				if strings.Contains(call.Resource, "hello") {
					t.Errorf("written: %+v", call)
				}
			}
			if other := b.lastOn(neighbour.Name()); tc.name == "a sweep" && other.Outcome != report.Protected {
				t.Errorf("the service beside it is %q after a sweep, want protected", other.Outcome)
			}
		})
	}
}

func TestServiceOfTheSameNameElsewhereIsProtected(t *testing.T) {
	onCloudRun(t, "projects/123456789012/regions/europe-west1")
	b := newBench(t, cloudtest.Policy(), "K_SERVICE=hello", "IAPGUARD_OPERATORS=op@example.com")
	b.admission = nil
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Errorf("%s, want protected", got)
	}
}

func TestStartFailsWithoutTheOwnIdentity(t *testing.T) {
	onCloudRun(t, "")
	config, err := ReadConfig([]string{"K_SERVICE=hello", "IAPGUARD_SELF=" + playground.FunctionAccount})
	if err != nil {
		t.Fatal(err)
	}
	err = config.Locate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "K_SERVICE") || !strings.Contains(err.Error(), "instance/region") {
		t.Errorf("%v, want the variable and what was asked for", err)
	}
}

// slowMetadata is a metadata server whose answers take three seconds of a clock.
func slowMetadata(t *testing.T, clock *clockwork.FakeClock) {
	t.Helper()
	values := map[string]string{"project/project-id": "demo-project", "project/numeric-project-id": "123456789012",
		"instance/region": "projects/123456789012/regions/us-central1"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clock.Advance(3 * time.Second)
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = io.WriteString(w, values[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")])
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
}

func TestASlowMetadataServerDoesNotStopTheStart(t *testing.T) {
	clock := clockwork.NewFakeClock()
	slowMetadata(t, clock)
	config, err := ReadConfig([]string{"K_SERVICE=hello", "IAPGUARD_SELF=" + playground.FunctionAccount})
	if err != nil {
		t.Fatal(err)
	}
	config.Clock = clock
	if err := config.Locate(t.Context()); err != nil || config.Runtime.Service != hello {
		t.Errorf("%v, %v; want the own service", config.Runtime, err)
	}
}

// lastOn is the latest report on a service.
func (b *bench) lastOn(service string) report.Report {
	b.reports.mu.Lock()
	defer b.reports.mu.Unlock()
	var last report.Report
	for _, one := range b.reports.reports {
		if one.Subject() == service {
			last = one
		}
	}
	return last
}
