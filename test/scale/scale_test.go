package scale

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/test/binary"
)

func TestMain(m *testing.M) { binary.Main(m) }

var (
	scale = flag.Int("scale", 0, "how many services the figures are measured with; 0 = no figures")
	lines = flag.Int("entries", 100_000, "how many log entries are queried")
)

// TestScale prints the figures.
func TestScale(t *testing.T) {
	if *scale == 0 {
		t.Skip("no figures without -scale")
	}
	n := *scale
	p := newCloud(t, localcloud.Options{})
	before := heap()
	few := min(10, n)
	p.services(0, few)
	p.frontends(0, few)
	p.ask(host(few / 2))
	showTimes(t, fmt.Sprintf("data plane request, %d services", few), times(1000, func(i int) { p.ask(host(i % few)) }))
	timed(t, fmt.Sprintf("making %d services, NEGs, backends, URL maps", n), func() { p.services(few, n) })
	show(t, "heap with them", "%.0f MiB, resident %.0f MiB", heap()-before, resident("self"))
	timed(t, fmt.Sprintf("making %d proxies and forwarding rules", n), func() { p.frontends(few, n) })
	show(t, "heap with them too", "%.0f MiB, resident %.0f MiB", heap()-before, resident("self"))
	p.reads(n)
	showTimes(t, fmt.Sprintf("data plane request, %d services", n), times(1000, func(i int) { p.ask(host(i * 7 % n)) }))
}

// reads shows how long clients wait for what they read.
func (p *population) reads(n int) {
	t := p.t.(*testing.T)
	const page = computePath + "aggregated/backendServices?prettyPrint=false"
	for what, path := range map[string]string{
		"backend services": page, "URL maps": computePath + "aggregated/urlMaps?prettyPrint=false",
	} {
		timed(t, "the first aggregated page of "+what, func() { p.discard(path) })
		showTimes(t, "aggregated page of "+what, times(400, func(int) { p.discard(path) }))
	}
	showTimes(t, "the same, filtered to one by name", times(20, func(i int) {
		p.get(page + "&filter=name%3D" + name(i*7%n))
	}))
	showTimes(t, "get of a backend service", times(1000, func(i int) {
		p.get(computePath + "global/backendServices/" + name(i*7%n))
	}))
}

func TestScaleOfTheLog(t *testing.T) {
	if *scale == 0 {
		t.Skip("no figures without -scale")
	}
	p := newCloud(t, localcloud.Options{})
	before := heap()
	timed(t, fmt.Sprintf("writing %d entries", *lines), func() { p.entries(*lines) })
	show(t, "heap with them", "%.0f MiB", heap()-before)
	for what, body := range map[string]object{
		"newest 50 of one service": {"filter": `resource.labels.service_name="app-00007"`, "orderBy": "timestamp desc",
			"pageSize": 50},
		"newest 50 that were refused": {"filter": `httpRequest.status>=400`, "orderBy": "timestamp desc", "pageSize": 50},
		"oldest 50":                   {"pageSize": 50},
		"a service that is not there": {"filter": `resource.labels.service_name="none"`, "orderBy": "timestamp desc"},
		"a text that is not there":    {"filter": `"no such text"`, "orderBy": "timestamp desc"},
	} {
		p.query(body)
		showTimes(t, "log query: "+what, times(10, func(int) { p.query(body) }))
	}
}

// entries writes request log entries of a hundred services.
func (p *population) entries(n int) {
	p.t.Helper()
	const batch = 1000
	for first := 0; first < n; first += batch {
		var all []any
		for i := first; i < min(first+batch, n); i++ {
			all = append(all, object{
				"logName": "projects/demo-project/logs/run.googleapis.com%2Frequests", "severity": "INFO",
				"resource": object{"type": "cloud_run_revision", "labels": object{"service_name": name(i % 100),
					"location": "us-central1", "project_id": "demo-project", "configuration_name": name(i % 100),
					"revision_name": name(i%100) + "-00001-abc"}},
				"httpRequest": object{"requestMethod": "GET", "requestUrl": "https://" + host(i%100) + "/",
					"status": []int{200, 403}[i/7%2], "userAgent": "curl/8.5.0", "remoteIp": "203.0.113.9", "latency": "0s",
					"protocol": "HTTP/1.1", "requestSize": "120", "responseSize": "512"},
			})
		}
		p.call("POST", "/v2/entries:write", object{"entries": all})
	}
}

// logPage is a page of log entries, as far as it is looked at.
type logPage struct {
	Entries       []struct{ InsertID string }
	NextPageToken string
}

// query reads a page of the log.
func (p *population) query(body object) logPage {
	p.t.Helper()
	body["resourceNames"] = []any{"projects/demo-project"}
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.Post(p.api.URL+"/v2/entries:list", "application/json", bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var page logPage
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %v", text, response.StatusCode, err)
	}
	return page
}

// TestScaleOfTheProgram shows how long the program takes until it answers, and what memory
// it takes with many services.
func TestScaleOfTheProgram(t *testing.T) {
	if *scale == 0 {
		t.Skip("no figures without -scale")
	}
	binary.Command(t) // builds it
	showTimes(t, "start of the program until it answers", times(20, func(int) { stop(startProgram(t)) }))
	program, address := startProgram(t)
	defer stop(program, address)
	show(t, "memory of the program, empty", "resident %.0f MiB", resident(fmt.Sprint(program.Process.Pid)))
	p := &population{t: t, handler: httputil.NewSingleHostReverseProxy(address)}
	timed(t, fmt.Sprintf("making %d services, NEGs, backends, URL maps", *scale), func() { p.services(0, *scale) })
	show(t, "memory of the program with them", "resident %.0f MiB", resident(fmt.Sprint(program.Process.Pid)))
}

// startProgram returns the program when it answers, and where it does.
func startProgram(t *testing.T) (*exec.Cmd, *url.URL) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	listener.Close()
	command := exec.Command(binary.Command(t), "local", "--cloud-only", "--instant-operations", "--addr", address.Host)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		response, err := http.Get(address.String() + "/_local/faults")
		if err == nil {
			response.Body.Close()
			return command, address
		}
		time.Sleep(time.Millisecond)
	}
}

func stop(program *exec.Cmd, _ *url.URL) {
	_ = program.Process.Kill()
	_ = program.Wait() // it was killed
}
