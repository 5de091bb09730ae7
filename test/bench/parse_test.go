package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/iapguard/iapguard/internal/event"
)

// size is that of a usual audit entry.
const size = 4 << 10

type object = map[string]any

// logged is a log entry with its members in the order in which Cloud Logging
// delivers them: a reader can leave an entry only at what it has come to.
type logged struct {
	Payload   auditLog `json:"protoPayload"`
	ID        string   `json:"insertId"`
	Monitored object   `json:"resource"`
	Time      string   `json:"timestamp"`
	Severity  string   `json:"severity"`
	Log       string   `json:"logName"`
	Received  string   `json:"receiveTimestamp"`
}

type auditLog struct {
	Type           string   `json:"@type"`
	Status         struct{} `json:"status"`
	Authentication object   `json:"authenticationInfo"`
	Request        object   `json:"requestMetadata"`
	Service        string   `json:"serviceName"`
	Method         string   `json:"methodName"`
	Authorization  []any    `json:"authorizationInfo"`
	Resource       string   `json:"resourceName"`
	Body           object   `json:"request"`
}

// entry is an audit entry of the size, its request filled with the kind of
// structure that a deployed service has.
func entry(tb testing.TB, service, method, resource string) []byte {
	tb.Helper()
	build := func(containers int) []byte {
		list := make([]any, 0, containers)
		for i := range containers {
			list = append(list, object{
				"name": fmt.Sprintf("sidecar-%d", i), "image": "europe-docker.pkg.dev/demo-project/images/sidecar@sha256:0a1b2c",
				"ports":     []any{object{"name": "http1", "containerPort": 8080}},
				"resources": object{"limits": object{"cpu": "1", "memory": "512Mi"}},
			})
		}
		b, err := json.Marshal(logged{
			Payload: auditLog{
				Type:           "type.googleapis.com/google.cloud.audit.AuditLog",
				Authentication: object{"principalEmail": "alice@example.com", "principalSubject": "user:alice@example.com"},
				Request: object{"callerIp": "203.0.113.7",
					"callerSuppliedUserAgent": "google-cloud-sdk gcloud/583.0.0 command/gcloud.run.deploy,gzip(gfe)",
					"requestAttributes":       object{"time": "2026-03-01T10:00:00.2Z", "auth": object{}}},
				Service: service, Method: method, Resource: resource,
				Authorization: []any{object{"permission": "run.services.update", "granted": true, "resource": resource,
					"resourceAttributes": object{}}},
				Body: object{"service": object{"metadata": object{"name": "hello", "namespace": "demo-project"},
					"spec": object{"template": object{"spec": object{"containers": list}}}}},
			},
			ID: "1abc2de3f4g",
			Monitored: object{"type": "cloud_run_revision", "labels": object{
				"project_id": "demo-project", "location": "us-central1", "service_name": "hello", "configuration_name": "",
				"revision_name": ""}},
			Time: "2026-03-01T10:00:00.123456Z", Severity: "NOTICE",
			Log: "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity", Received: "2026-03-01T10:00:00.623456789Z",
		})
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	n := 1
	for len(build(n)) < size {
		n++
	}
	return build(n)
}

func relevant(tb testing.TB) []byte {
	return entry(tb, "run.googleapis.com", "google.cloud.run.v1.Services.ReplaceService",
		"namespaces/demo-project/services/hello")
}

func irrelevant(tb testing.TB) []byte {
	return entry(tb, "bigquery.googleapis.com", "google.cloud.bigquery.v2.JobService.InsertJob",
		"projects/demo-project/jobs/j")
}

var header = http.Header{"Ce-Id": {"1"}, "Ce-Type": {"google.cloud.audit.log.v1.written"},
	"Content-Type": {"application/json; charset=utf-8"}}

// cost is what one operation takes.
type cost struct{ ns, allocs, bytes float64 }

// measure runs op under a sub-benchmark and returns what one costs, when it does
// the work of n.
func measure(b *testing.B, name string, n int, op func(b *testing.B)) (c cost) {
	b.Run(name, func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for b.Loop() {
			op(b)
		}
		runtime.ReadMemStats(&after)
		ops := float64(b.N) * float64(n)
		c = cost{
			ns:     float64(b.Elapsed().Nanoseconds()) / ops,
			allocs: float64(after.Mallocs-before.Mallocs) / ops,
			bytes:  float64(after.TotalAlloc-before.TotalAlloc) / ops,
		}
	})
	return c
}

func parse(body []byte, want bool) func(*testing.B) {
	return func(b *testing.B) {
		r := event.Parse(event.Message{Header: header, Body: body}, event.Self{})
		if len(r) != 1 || (r[0].Cause != nil) != want {
			b.Fatalf("Parse gives %+v, want a cause: %t", r, want)
		}
	}
}

// BenchmarkParse measures, in one run, the cost of reading one entry, and prints
// it beside json.Unmarshal of the same bytes into a map.
//
// The times of the table are the least of many short rounds in turn, so that they
// can be compared on a machine with other work. The targets: an entry that counts
// at most 0.30 of json.Unmarshal, an irrelevant one at most 0.15.
func BenchmarkParse(b *testing.B) {
	const entries = 50
	counts, noise := relevant(b), irrelevant(b)
	file := bytes.Repeat(append(bytes.Clone(noise), '\n'), entries)
	rows := []row{
		{"json.Unmarshal into map[string]any", 1, func(b *testing.B) {
			var m map[string]any
			if err := json.Unmarshal(counts, &m); err != nil {
				b.Fatal(err)
			}
		}},
		{"event.Parse, an entry that counts", 1, parse(counts, true)},
		{"event.Parse, an irrelevant entry", 1, parse(noise, false)},
		{"event.Read, an irrelevant entry of a file", entries, func(b *testing.B) {
			n := 0
			err := event.Read(bytes.NewReader(file), event.Self{}, func(int, event.Result) error { n++; return nil })
			if err != nil || n != entries {
				b.Fatalf("Read gives %d entries, %v; want %d", n, err, entries)
			}
		}},
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "entry of %d bytes\tns\tallocations\tbytes\ttime ratio\tallocation ratio\t\n", len(counts))
	least := leastTimes(b, rows)
	var base cost
	for i, row := range rows {
		c := measure(b, row.name, row.n, row.op)
		if c.ns == 0 {
			return // a filter left the row out: there is nothing to compare
		}
		c.ns = least[i]
		if i == 0 {
			base = c
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t\n",
			row.name, c.ns, c.allocs, c.bytes, c.ns/base.ns, c.allocs/base.allocs)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	fmt.Println("\n" + text.String())
}

// row is one operation to measure, which does the work of n.
type row struct {
	name string
	n    int
	op   func(*testing.B)
}

// leastTimes runs all rows in turn, many times, and returns the least time of each
// in nanoseconds.
func leastTimes(b *testing.B, rows []row) []float64 {
	const rounds, work = 2000, 5
	least := make([]float64, len(rows))
	for round := range rounds {
		for i, row := range rows {
			if round%max(1, row.n/20) != 0 {
				continue // a long row has fewer rounds
			}
			repeat := max(1, work/row.n)
			start := time.Now()
			for range repeat {
				row.op(b)
			}
			ns := float64(time.Since(start).Nanoseconds()) / float64(repeat*row.n)
			if least[i] == 0 || ns < least[i] {
				least[i] = ns
			}
		}
	}
	return least
}
