package process

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
)

// metadata is the metadata server of an instance of the local cloud's project,
// as GCE_METADATA_HOST.
func metadata(t *testing.T) string {
	t.Helper()
	values := map[string]string{
		"project/project-id": "demo-project", "project/numeric-project-id": "123456789012",
		"instance/region":                         "projects/123456789012/regions/us-central1",
		"instance/service-accounts/default/email": playground.FunctionAccount,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = w.Write([]byte(values[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")]))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// lines are those that the instance has logged, each one JSON object.
func (i *instance) lines() []map[string]any {
	i.t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(i.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			i.t.Errorf("line %q is not a JSON object: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestEveryLogLineOfARequestSaysWhichOne(t *testing.T) {
	o := open(t)
	hello := playground.Scenario[:1]
	o.Build(hello...)
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := run(t, o.Env, o.URL(), "K_SERVICE=iapguard", "GCE_METADATA_HOST="+metadata(t), "LOG_LEVEL=DEBUG",
		"GOMEMLIMIT=100MiB", "IAPGUARD_CALLERS_EVENTS="+playground.PushAccount,
		"IAPGUARD_CALLERS_WORK="+playground.PushAccount, "IAPGUARD_OPERATORS="+playground.OperatorAccount,
		"IAPGUARD_AUDIENCE="+playground.FunctionAudience)
	o.to(i)
	o.header = http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"}}
	o.push(1)
	o.deployed("deployed", hello)
	o.Publish(playground.EventsTopic, "rubbish")
	o.Idle()
	i.end()
	var within []string
	for _, line := range i.lines() {
		message, _ := line["message"].(string)
		if line["severity"] == "" || line["time"] == "" || message == "" ||
			line["logging.googleapis.com/sourceLocation"] == nil {
			t.Errorf("%v lacks one of Cloud Logging's fields", line)
		}
		if message == "serving" && (line["memory_limit"] != "100 MiB" || line["cpus"] == nil) {
			t.Errorf("%v does not say what the instance keeps to", line)
		}
		if strings.HasSuffix(message, "last as long as this process") {
			continue // said once at the start
		}
		switch trace := line["logging.googleapis.com/trace"]; {
		case slices.Contains([]string{"serving", "stopping: new messages are refused, those in flight are finished",
			"stopped"}, message):
			if trace != nil {
				t.Errorf("%v is of no request, and names one", line)
			}
		case trace != "projects/demo-project/traces/0af7651916cd43dd8448eb211c80319c" ||
			line["logging.googleapis.com/spanId"] != "00f067aa0ba902b7" || line["logging.googleapis.com/trace_sampled"] != true:
			t.Errorf("%v does not say which request it is of", line)
		default:
			within = append(within, message)
		}
	}
	for _, want := range []string{"report", "handled", "message rejected"} {
		if !slices.Contains(within, want) {
			t.Errorf("lines %q, want one that says %s", within, want)
		}
	}
}

func TestFailedStartLogsOneLineForEachProblem(t *testing.T) {
	i := start(t, "K_SERVICE=iapguard", "GCE_METADATA_HOST="+metadata(t), "IAPGUARD_REPORTS_TOPIC=reports",
		"IAPGUARD_FOO=1", "LOG_LEVEL=loud")
	<-i.ended
	var named []string
	for _, line := range i.lines() {
		if line["severity"] != "ERROR" {
			t.Errorf("%v, want an error", line)
		}
		text, _ := line["err"].(string)
		name, _, _ := strings.Cut(text, " is ")
		named = append(named, name)
	}
	slices.Sort(named)
	if want := []string{"IAPGUARD_FOO", "IAPGUARD_REPORTS_TOPIC", "LOG_LEVEL"}; !slices.Equal(named, want) ||
		i.state.ExitCode() != 2 {
		t.Errorf("exit status %d, named %q; want 2 and %q", i.state.ExitCode(), named, want)
	}
}
