package load

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// meter counts what Google bills for: requests, the bytes that are delivered,
// reports, log lines and time on the processor.
type meter struct {
	events, eventBytes, works, workBytes, reports, reportBytes atomic.Int64

	cloud    *cloudtest.Env
	instance instance
}

// reading is a meter's state at one time.
type reading struct {
	events, eventBytes, works, workBytes, reports, reportBytes, reads, writes, logBytes int64

	processor time.Duration
}

func (m *meter) read(t *testing.T) reading {
	t.Helper()
	own := m.cloud.Calls().Own()
	return reading{
		m.events.Load(), m.eventBytes.Load(), m.works.Load(), m.workBytes.Load(), m.reports.Load(), m.reportBytes.Load(),
		int64(len(own.Reads())), int64(len(own.Writes())), int64(m.instance.log.Len()),
		processorTime(t, m.instance.process.Pid),
	}
}

// processorTime is how long a process has had a processor. Source: proc(5),
// /proc/PID/stat, in hundredths of a second.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("time on the processor is read from /proc, which is not here: %v", err)
	}
	field := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	var ticks int64
	for _, each := range field[11:13] {
		n, err := strconv.ParseInt(each, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// forward hands messages on to the binary, and counts them.
func (m *meter) forward(t *testing.T) http.Handler {
	to, err := url.Parse(m.instance.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count, bytes := &m.events, &m.eventBytes
		if r.URL.Path == "/work" {
			count, bytes = &m.works, &m.workBytes
		}
		count.Add(1)
		bytes.Add(max(0, r.ContentLength))
		proxy.ServeHTTP(w, r)
	})
}

// metered is a local cloud that a metered binary guards.
func metered(t *testing.T) *meter {
	m := &meter{cloud: cloudtest.Start(t, playground.Options{})}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(cloudtest.Policy("limits: {perProject: 500, overall: 500}")),
		0o600); err != nil {
		t.Fatal(err)
	}
	m.instance = serve(t, "LOG_LEVEL=INFO", "IAPGUARD_ENDPOINT="+m.cloud.URL(),
		"PUBSUB_EMULATOR_HOST="+m.cloud.Broker.Address(),
		"IAPGUARD_REPORTS_TOPIC="+playground.ReportsTopic, "IAPGUARD_WORK_TOPIC="+playground.WorkTopic,
		"IAPGUARD_POLICY="+policy)
	if err := m.cloud.OnReport(t.Context(), func(one playground.Report) {
		m.reports.Add(1)
		m.reportBytes.Add(int64(len(one.Data)))
	}); err != nil {
		t.Fatal(err)
	}
	if err := m.cloud.Attach(t.Context(), m.forward(t)); err != nil {
		t.Fatal(err)
	}
	return m
}

// What deploy/docs/reference/costs.md says is what this prints.
func TestWhatTheFunctionIsBilledForIsCounted(t *testing.T) {
	const times = 10
	m := metered(t)
	team := make([]playground.LoadBalanced, times)
	for i := range team {
		team[i] = playground.LoadBalanced{Service: fmt.Sprintf("s%d", i), Region: "us-central1",
			Host: fmt.Sprintf("s%d.example.com", i)}
	}
	for _, play := range []struct {
		name   string
		writes bool // by the function
		play   func()
	}{
		{"a new service with its load balancer is protected", true, func() { m.cloud.Build(team...) }},
		{"a protected service is deployed again", false, func() {
			for _, one := range team {
				m.cloud.Call(http.MethodPatch, "/v2/"+one.Name()+"?updateMask=template",
					map[string]any{"template": map[string]any{
						"containers": []any{map[string]any{"image": playground.Image + ":next"}}}})
			}
		}},
		{"a sweep looks at a protected service, one of ten in its project", false, func() { m.sweep(t, times) }},
	} {
		before := m.read(t)
		play.play()
		m.cloud.Idle()
		after := m.read(t)
		if made := after.writes > before.writes; made != play.writes || after.reports-before.reports < times {
			t.Errorf("%s: %d writes and %d reports", play.name, after.writes-before.writes, after.reports-before.reports)
		}
		per := func(from, to int64) float64 { return float64(to-from) / times }
		t.Logf("%s: %.1f events of %.1f kB in all, %.1f work messages of %.1f kB, %.1f reports of %.1f kB, %.0f reads, "+
			"%.1f writes, %.1f kB of log, %.0f ms of a processor",
			play.name, per(before.events, after.events), per(before.eventBytes, after.eventBytes)/1e3,
			per(before.works, after.works), per(before.workBytes, after.workBytes)/1e3,
			per(before.reports, after.reports), per(before.reportBytes, after.reportBytes)/1e3,
			per(before.reads, after.reads), per(before.writes, after.writes), per(before.logBytes, after.logBytes)/1e3,
			float64((after.processor-before.processor).Milliseconds())/times)
	}
}

// sweep counts what a sweep of the whole project reads, by API: the one with most reads for its quota
// decides how long a sweep of many services takes. Its looks share what they read around their services.
func (m *meter) sweep(t *testing.T, services int) {
	t.Helper()
	count := func() map[string]int {
		reads := map[string]int{}
		for _, call := range m.cloud.Calls().Own().Reads() {
			reads[call.API]++
			reads[call.Method]++
		}
		return reads
	}
	before := count()
	m.cloud.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/demo-project"}`)
	m.cloud.Idle()
	after := count()
	for name := range after {
		after[name] -= before[name]
	}
	if policies := after["cloudresourcemanager.projects.getIamPolicy"]; policies != 1 {
		t.Errorf("a sweep of %d services read %d policies of projects: correct test/simulation and "+
			"deploy/docs/reference/costs.md", services, policies)
	}
	for _, api := range []string{"iap", "run", "compute", "cloudresourcemanager", "networksecurity"} {
		t.Logf("a sweep: %.1f reads of %s a service", float64(after[api])/float64(services), api)
	}
}
