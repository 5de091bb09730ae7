package matrix

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/internal/playground"
)

// absence is what is missing when an instance starts.
type absence struct {
	name string
	// environ overrides the environment of the instance while something is missing.
	environ func(*world) []string
	// hook disturbs the calls of the instance while something is missing; nil = none.
	hook hook
	// says is what /healthz?ready says of it, "" where the instance has all for its work.
	says string
	// logs is what a warning or an error in the log says then; "" = nothing has to.
	logs string
	// long means that the instance waits for seconds, so that the cell is one of -full.
	long bool
}

func absences() []absence {
	file := func(name, text string) func(*world) []string {
		return func(w *world) []string {
			path := filepath.Join(w.t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				w.t.Fatal(err)
			}
			return []string{name + "=" + path}
		}
	}
	set := func(pairs ...string) func(*world) []string { return func(*world) []string { return pairs } }
	missing := func(c *call) {
		c.answer, c.status = errorOf(http.StatusNotFound, "NOT_FOUND", "it does not exist"),
			status.Error(codes.NotFound, "it does not exist")
	}
	on := func(dependency string, do func(*call)) hook {
		return func(c *call) {
			if apiOf(c) == dependency {
				do(c)
			}
		}
	}
	denied, down := outages[1].do, outages[0].do
	return []absence{
		{name: "the topic of reports", environ: set("IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic + "-missing"),
			says: "reports-missing"},
		{name: "the topic of work", environ: set("IAPGUARD_WORK_TOPIC=" + playground.WorkTopic + "-missing"),
			says: "work-missing"},
		{name: "Pub/Sub", environ: set("PUBSUB_EMULATOR_HOST=127.0.0.1:9"), says: playground.ReportsTopic,
			long: true},
		{name: "the bucket of the memory", hook: on("Storage", missing), says: "the memory"},
		{name: "rights on the bucket", hook: on("Storage", denied), says: "the memory"},
		{name: "Storage", hook: on("Storage", down), says: "the memory", long: true},
		{name: "every permission", hook: func(c *call) {
			if !c.publish() && strings.HasSuffix(c.request.URL.Path, ":testIamPermissions") {
				c.answer = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprint(w, `{}`)
				}
			}
		}, says: "may not: "},
		{name: "Google's APIs", environ: set("IAPGUARD_ENDPOINT=http://127.0.0.1:9"), says: "connection refused",
			long: true},
		{name: "the policy file", environ: set("IAPGUARD_POLICY=/nowhere/policy.yaml"), logs: "/nowhere/policy.yaml"},
		{name: "a readable policy", environ: file("IAPGUARD_POLICY", "version: 99\n"), logs: "version"},
		{name: "the holds file", environ: set("IAPGUARD_HOLDS=/nowhere/holds.yaml"), logs: "/nowhere/holds.yaml"},
		{name: "readable holds", environ: file("IAPGUARD_HOLDS", "holds: ["), logs: "holds"},
		{name: "a metadata server in time", environ: slowMetadata},
		{name: "a collector of traces", environ: set("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9")},
	}
}

// slowMetadata has the instance ask a metadata server for its account, which takes 3 seconds
// for each answer, as it may right after a cold start.
func slowMetadata(w *world) []string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		time.Sleep(3 * time.Second)
		rw.Header().Set("Metadata-Flavor", "Google")
		values := map[string]string{"project/project-id": playground.Project, "project/numeric-project-id": "123456789012",
			"instance/service-accounts/default/email": playground.FunctionAccount}
		fmt.Fprint(rw, values[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")])
	}))
	w.t.Cleanup(server.Close)
	return []string{"IAPGUARD_SELF=", "GCE_METADATA_HOST=" + strings.TrimPrefix(server.URL, "http://")}
}

func TestStart(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "start")
	global := scenarios[0]
	_, want := undisturbed(t, global)
	for _, lacks := range absences() {
		if !asked("start/"+lacks.name) || !*full && lacks.long {
			continue
		}
		t.Run(strings.ReplaceAll(lacks.name, "/", " "), func(t *testing.T) {
			t.Parallel()
			taken(t)
			w := open(t, global)
			w.startsWithout(lacks)
			w.end(want)
			total.add(t, w, true)
		})
	}
}

// startsWithout starts an instance while something is missing. The start is not refused, and
// the instance says what is missing. What it could not do is done once that is there.
func (w *world) startsWithout(lacks absence) {
	w.t.Helper()
	w.hook(lacks.hook)
	var environ []string
	if lacks.environ != nil {
		environ = lacks.environ(w)
	}
	i := w.start(environ...) // which fails the test where the start is refused
	ready, said := i.ready(w)
	switch {
	case lacks.says == "" && said != "" && ready:
		w.complain("the instance is ready, and says %q", said)
	case lacks.says != "" && (ready || !strings.Contains(said, lacks.says)):
		w.complain("/healthz?ready says %q, and nothing of %q", said, lacks.says)
	}
	w.scenario.event(w)
	await(w.t, "the event is met", func() bool { return w.met() })
	if !i.alive() {
		w.complain("the instance ended")
	}
	if lacks.logs != "" && !warned(w.log.String(), lacks.logs) {
		w.complain("no warning says %q", lacks.logs)
	}
	// It is there again, for the next instance.
	w.hook(nil)
	w.disturb()
	w.kill()
	w.start()
	w.settle()
	w.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	w.settle()
	if ready, said := w.current.Load().ready(w); !ready {
		w.complain("all is there, and /healthz?ready says %q", said)
	}
}

// met reports whether an event was answered, be it by asking for another delivery.
func (w *world) met() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, each := range w.deliveries {
		if each.insertID != "" {
			return true
		}
	}
	return false
}

// warned reports whether a line of at least a warning says something.
func warned(log, what string) bool {
	for line := range strings.Lines(log) {
		if strings.Contains(line, what) && (strings.Contains(line, `"severity":"WARNING"`) ||
			strings.Contains(line, `"severity":"ERROR"`)) {
			return true
		}
	}
	return false
}

// ready asks the instance whether it has all that it needs.
func (i *instance) ready(w *world) (ready bool, said string) {
	w.t.Helper()
	response, err := http.Get(i.url + "/healthz?ready")
	if err != nil {
		return false, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err.Error()
	}
	return response.StatusCode == http.StatusOK, strings.TrimSpace(string(text))
}
