package matrix

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// dependencies are what the function calls, in the order in which apiOf looks for them.
var dependencies = []struct {
	name string
	of   func(*call) bool
}{
	{"Pub/Sub", (*call).publish},
	{"Storage", path(func(c *call) bool { return strings.HasPrefix(c.name, "memory ") })},
	{"Compute", at("/compute/")},
	{"IAP", at("/iap_web", ":iapSettings")},
	{"Logging", at("/v2/entries:")},
	{"token endpoint", at(":generateAccessToken")},
	{"Service Usage", at("/services/iap.googleapis.com", "/services/compute.googleapis.com")},
	{"Resource Manager", path(func(c *call) bool {
		p := c.request.URL.Path
		return strings.HasPrefix(p, "/v3/") || strings.HasPrefix(p, "/v1/projects/") && strings.Count(p, "/") == 3
	})},
	{"Run", path(func(c *call) bool {
		p := c.request.URL.Path
		return strings.HasPrefix(p, "/v2/projects/") && strings.Contains(p, "/locations/") ||
			strings.HasSuffix(p, "/locations/-/services") || strings.HasSuffix(p, "/locations/-/jobs") ||
			strings.HasSuffix(p, "/domainmappings")
	})},
}

// path is a condition that a publish never meets.
func path(holds func(*call) bool) func(*call) bool {
	return func(c *call) bool { return !c.publish() && holds(c) }
}

// at is whether a path has one of some parts.
func at(parts ...string) func(*call) bool {
	return path(func(c *call) bool {
		for _, part := range parts {
			if strings.Contains(c.request.URL.Path, part) {
				return true
			}
		}
		return false
	})
}

// apiOf names the dependency that a call goes to, "" for any other.
func apiOf(c *call) string {
	for _, each := range dependencies {
		if each.of(c) {
			return each.name
		}
	}
	return ""
}

// outages are the ways in which a dependency fails. A call that is slow takes effect all the
// same; no other does.
var outages = []struct {
	name string
	do   func(*call)
}{
	{"down", func(c *call) {
		c.answer, c.status = errorOf(http.StatusServiceUnavailable, "UNAVAILABLE", "the service is not available"),
			status.Error(codes.Unavailable, "the service is not available")
	}},
	{"denied", func(c *call) {
		c.answer, c.status = errorOf(http.StatusForbidden, "PERMISSION_DENIED", "the caller does not have permission"),
			status.Error(codes.PermissionDenied, "the caller does not have permission")
	}},
	{"slow", func(*call) { time.Sleep(slowBy) }},
	{"unreachable", func(c *call) { c.drop() }},
}

// slowBy is what a slow dependency takes longer for each call.
const slowBy = 150 * time.Millisecond

func errorOf(code int, word, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":%d,"status":%q,"message":%q}}`, code, word, text)
	}
}

// byWriter is a scenario in which another account writes, so that tokens of it are fetched.
var byWriter = scenario{name: "writer", policy: rule(), estate: before(global), event: changes(global),
	environ: []string{"IAPGUARD_WRITERS=" + cloudtest.WriterFolder + "=" + cloudtest.Writer},
	build: func(w *world) {
		builds(global)(w)
		shipped, err := playground.ShippedRoles()
		if err != nil {
			w.t.Fatal(err)
		}
		w.CreateWriter(shipped...)
	}, outcome: "protected", entitled: []string{alice, bob}}

// sideBySide bounds the cells that mostly wait.
var sideBySide = make(chan struct{}, 8)

func TestOutage(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "outage")
	_, want := undisturbed(t, byWriter)
	for _, dependency := range dependencies {
		for i, kind := range outages {
			// Each kind of outage is met by some dependency in every run, and down by all.
			name := dependency.name + "/" + kind.name
			if !asked(name) || !*full && i > 0 && len(dependency.name)%3 != i-1 {
				continue
			}
			t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
				t.Parallel()
				sideBySide <- struct{}{} // it mostly waits, and takes no processor for itself
				t.Cleanup(func() { <-sideBySide })
				w := open(t, byWriter)
				met := w.outage(dependency.name, kind.do)
				w.end(want)
				total.count("calls met an outage", met)
				total.add(t, w, met > 0)
			})
		}
	}
}

// outage has a dependency fail while an event comes, until the function has answered it. What
// was missed is caught up: by deliveries, and where a message was acknowledged with a report,
// by the next sweep.
func (w *world) outage(dependency string, fails func(*call)) int {
	w.t.Helper()
	var met atomic.Int64
	w.start()
	w.hook(func(c *call) {
		if apiOf(c) == dependency {
			met.Add(1)
			fails(c)
		}
	})
	started := len(w.log.String())
	w.scenario.event(w)
	await(w.t, "the event is answered", w.met)
	await(w.t, "something is said of it", func() bool { return met.Load() == 0 || w.says(started) })
	w.hook(nil)
	w.disturb()
	w.settle()
	w.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	w.settle()
	return int(met.Load())
}

// says reports whether a report was published, or a line of at least a warning stands in the
// log after so many bytes.
func (w *world) says(after int) bool {
	w.mu.Lock()
	reported := len(w.reports) > 0
	w.mu.Unlock()
	return reported || warned(w.log.String()[after:], `"`)
}
