package matrix

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/test/oracle/judge"
)

// way is one wrong answer. Exactly one of the two functions is set.
type way struct {
	name    string
	from    int         // the first call of its name that gets it, 0 = 1
	call    func(*call) // what a call of Google's APIs gets
	publish func(*call) // what a publish gets
}

// fits reports whether a call can get this answer. Policies do not say what they are about.
func (w way) fits(at id) bool {
	publish := strings.HasPrefix(at.name, "publish ")
	if w.name == mixedUp && !named.MatchString(at.name) || w.name == outdated && !versioned.MatchString(at.name) {
		return false
	}
	return publish == (w.publish != nil)
}

// mixedUp is the way in which an answer is about another resource than was asked for.
const mixedUp = "another resource"

// named are the calls that are answered with the name of what was asked for.
var named = regexp.MustCompile(`^GET .*/(services|revisions|backendServices)/[^/:]+$|^GET /v1/projects/[^/:]+$|` +
	`^GET .*/aggregated/[^/]+$|^GET /v1/projects/[^/]+/locations/[^/]+/services$`)

// outdated is the way in which an answer is that of an earlier call, as from a replica that lags.
const outdated = "an older version"

// versioned are the calls that are answered with something that has a version.
var versioned = regexp.MustCompile(`^GET .*/(services|backendServices)/[^/:]+$|:getIamPolicy$`)

// refused is an answer that Google's APIs give, before the call has any effect.
func refused(code int, state string, header ...string) func(*call) {
	return func(c *call) {
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"error": {"code": %d, "message": "`+quote+` %d.", "status": %q}}`, code, code, state)
		}
	}
}

// answered is an answer that is none, with status 200 and before the call has any effect.
func answered(kind, body string) func(*call) {
	return func(c *call) {
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body) // the instance may have gone
		}
	}
}

// torn has a call take effect, and its answer end early.
func torn(begin func(http.ResponseWriter)) func(*call) {
	return func(c *call) {
		c.send()
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			if flusher, ok := w.(http.Flusher); ok {
				flusher.Flush()
			}
			panic(http.ErrAbortHandler)
		}
	}
}

// slowness is how long a slow answer takes.
const slowness = 400 * time.Millisecond

func failed(code codes.Code, after bool) func(*call) {
	return func(c *call) {
		if after {
			c.send()
		}
		c.status = status.Error(code, "the matrix says "+code.String())
	}
}

// elsewhere is a host that nobody should ever ask.
var elsewhere struct {
	*httptest.Server
	asked atomic.Int64
}

const asJSON = "application/json; charset=UTF-8"

// ways are all wrong answers.
var ways = []way{
	{name: "400", call: refused(400, "INVALID_ARGUMENT")},
	{name: "401", call: refused(401, "UNAUTHENTICATED")},
	{name: "403", call: refused(403, "PERMISSION_DENIED")},
	{name: "404", call: refused(404, "NOT_FOUND")},
	{name: "409", call: refused(409, "ABORTED")},
	{name: "412", call: refused(412, "FAILED_PRECONDITION")},
	{name: "429", call: refused(429, "RESOURCE_EXHAUSTED", "Retry-After", "1")},
	{name: "500", call: refused(500, "INTERNAL")},
	{name: "501", call: refused(501, "UNIMPLEMENTED")},
	{name: "502", call: func(c *call) {
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
		}
	}},
	{name: "503", call: refused(503, "UNAVAILABLE")},
	{name: "504", call: refused(504, "DEADLINE_EXCEEDED")},
	{name: "503 after the effect", call: func(c *call) { c.send(); refused(503, "UNAVAILABLE")(c) }},
	{name: "reset", call: func(c *call) { c.drop() }},
	{name: "reset after the effect", call: func(c *call) { c.send(); c.drop() }},
	{name: "cut body", call: torn(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", asJSON)
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, `{"name": "proj`)
	})},
	{name: "gzip cut short", call: torn(func(w http.ResponseWriter) {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write([]byte(`{"name": "` + strings.Repeat("projects/", 100)))
		_ = writer.Flush()
		w.Header().Set("Content-Type", asJSON)
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes()[:packed.Len()/2])
	})},
	{name: "empty", call: answered(asJSON, "")},
	{name: "HTML", call: answered("text/html", "<html><body>Sign in to continue</body></html>")},
	{name: "other JSON", call: answered(asJSON, `["not", "what", {"was": "asked"}]`)},
	{name: mixedUp, call: answered(asJSON, `{"name": "projects/other/locations/us-east1/services/other", `+
		`"etag": "\"other\"", "bindings": [], "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}`)},
	{name: outdated, from: 2, call: func(c *call) {
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), c.earlier.Header())
			w.WriteHeader(c.earlier.Code)
			_, _ = w.Write(c.earlier.Body.Bytes()) // the instance may have gone
		}
	}},
	{name: "200 with an error", call: answered(asJSON,
		`{"error": {"code": 503, "message": "`+quote+` try later.", "status": "UNAVAILABLE"}}`)},
	{name: "slow", call: func(c *call) { c.send(); time.Sleep(slowness) }},
	{name: "a huge header", call: func(c *call) {
		c.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 2<<20))
			w.WriteHeader(http.StatusOK)
		}
	}},
	{name: "redirect elsewhere", call: func(c *call) {
		c.answer = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		}
	}},
	{name: "unavailable", publish: failed(codes.Unavailable, false)},
	{name: "unavailable after the effect", publish: failed(codes.Unavailable, true)},
	{name: "not found", publish: failed(codes.NotFound, false)},
	{name: "denied", publish: failed(codes.PermissionDenied, false)},
	{name: "exhausted", publish: failed(codes.ResourceExhausted, false)},
	{name: "internal", publish: failed(codes.Internal, false)},
	{name: "slow publish", publish: func(c *call) { c.send(); time.Sleep(slowness) }},
}

// faultCell is one wrong answer to one call, to its first one or to all.
type faultCell struct {
	at     id
	way    way
	always bool
}

func (f faultCell) String() string {
	often := "once"
	if f.always {
		often = "always"
	}
	return fmt.Sprintf("%s %s %s", often, f.way.name, f.at.name)
}

// faultCells are all that go with the calls of an undisturbed run, but for those that were
// seen before.
func faultCells(calls []id, seen map[string]bool) []faultCell {
	var cells []faultCell
	for _, at := range calls {
		if seen[at.name] {
			continue
		}
		seen[at.name] = true
		for _, each := range ways {
			if each.fits(at) {
				cells = append(cells, faultCell{at, each, false}, faultCell{at, each, true})
			}
		}
	}
	return cells
}

// ofFault are the cells without -full.
var ofFault = []string{
	"always 404 GET /v2/projects/demo-project/locations/us-central1/services/hello:getIamPolicy",
	"once 404 GET /v2/projects/demo-project/locations/us-central1/services/hello",
	"once 404 GET /compute/v1/projects/demo-project/aggregated/backendServices",
	"once 401 PATCH /compute/v1/projects/demo-project/global/backendServices/hello-backend",
	"always 412 PATCH /v2/projects/demo-project/locations/us-central1/services/hello ingress",
	"once 429 POST /v2/projects/demo-project/locations/us-central1/services/hello:setIamPolicy",
	"once reset after the effect POST /v2/projects/demo-project/locations/us-central1/services/hello:setIamPolicy",
	"once another resource GET /v2/projects/demo-project/locations/us-central1/services/hello",
	"always 200 with an error POST /v1/projects/123456789012/iap_web/compute/services/hello-backend:getIamPolicy",
	"once redirect elsewhere GET /v1/projects/demo-project/locations/-/services",
	"once unavailable after the effect publish started",
	"once denied publish protected",
	"always 403 PATCH /v2/projects/demo-project/locations/us-central1/services/hello iapEnabled",
	"once 503 after the effect PATCH /v2/projects/demo-project/locations/us-central1/services/hello template",
}

func TestFault(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "fault")
	elsewhere.Server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		elsewhere.asked.Add(1)
	}))
	t.Cleanup(func() {
		elsewhere.Close()
		if n := elsewhere.asked.Load(); n > 0 {
			t.Errorf("another host was asked %d times", n)
		}
	})
	seen := map[string]bool{}
	for _, s := range played([]string{"global", "direct", "redeploy"}) {
		if s.late > 0 || s.name == "regional" {
			continue // the same calls
		}
		t.Run(s.name, func(t *testing.T) {
			calls, want := undisturbed(t, s)
			for _, cell := range faultCells(calls, seen) {
				if !*full && *only == "" && !slices.Contains(ofFault, cell.String()) || !asked(s.name+"/"+cell.String()) {
					continue
				}
				t.Run(strings.ReplaceAll(cell.String(), "/", "_"), func(t *testing.T) {
					t.Parallel()
					taken(t)
					w := open(t, s)
					reached := w.fault(cell)
					w.end(want)
					total.add(t, w, reached)
				})
			}
		})
	}
}

// enoughDeliveries is after how many deliveries that were not acknowledged a fault that
// lasts is over.
const enoughDeliveries = 3

// fault has a call answered wrongly until the event is acknowledged, or was delivered often
// enough, and reports whether the call was made. Somebody else changes something then.
func (w *world) fault(cell faultCell) bool {
	w.t.Helper()
	w.unread = true
	var met atomic.Bool
	w.scenarioBegins(func(c *call) {
		first := max(1, cell.way.from)
		if c.name != cell.at.name || c.n < first || !cell.always && c.n > first {
			return
		}
		met.Store(true)
		if c.publish() {
			cell.way.publish(c)
		} else {
			cell.way.call(c)
		}
	})
	for deadline := time.Now().Add(patience); !w.settled() && w.refusals() < enoughDeliveries; {
		if time.Now().After(deadline) {
			w.t.Fatalf("it never settled; reports: %s\nlog:\n%s", w.outcomeList(), w.log.short())
		}
		time.Sleep(2 * time.Millisecond)
	}
	if w.refusals() == 0 && w.openInSilence() {
		w.complain("it is acknowledged for good while strangers get in, and no report says anything")
	}
	w.hook(nil)
	if w.scenario.alone && !w.closed() {
		w.settle()
		// A sweep looks for no cause of it: who is refused tries again. One instance passes over further
		// requests for a minute, so another one gets it.
		w.start()
		w.scenario.event(w)
		w.settle()
	}
	w.disturb()
	w.sweep()
	return met.Load()
}

// openInSilence reports whether a stranger gets in somewhere and there is no report at all. A
// line in the log is enough for an event that concerns nobody, and not for this.
func (w *world) openInSilence() bool {
	entries, err := w.oracle.Knock(w.scenario.estate)
	if err != nil {
		w.t.Fatal(err)
	}
	open := slices.ContainsFunc(entries, func(entry judge.Entry) bool { return entry.Visitor != judge.Named })
	return open && w.outcomeList() == ""
}

// refusals is how many deliveries were not acknowledged.
func (w *world) refusals() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, each := range w.deliveries {
		if each.status >= http.StatusMultipleChoices {
			n++
		}
	}
	return n
}
