package dataplane

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

// Options say what a DataPlane cannot know by itself. All functions, and
// Tokens, are required.
type Options struct {
	// State is everything that the cloud holds, as apiserver.Server.State gives it.
	State func() map[string]any
	// Allowed answers from the IAM policies that are in effect.
	Allowed func(apiserver.Access) bool
	// Clock returns the time.
	Clock func() time.Time
	// Write keeps a log entry.
	Write func(logging.Entry)
	// Tokens issues and checks the identity tokens that requests carry.
	Tokens *oidc.Issuer
	// WithoutOrganization takes the project out of its organization, so that
	// IAP has no OAuth client of Google's.
	WithoutOrganization bool
}

// DataPlane answers requests to load balancers and run.app addresses. It is
// safe for concurrent use.
type DataPlane struct {
	options Options

	mu    sync.Mutex
	delay time.Duration
	past  []version // oldest first; empty while nothing takes effect late
	stuck map[string]string
	// containers are the base URLs of programs, by service: see Contain.
	containers map[string]string
}

// version is the state from a time on.
type version struct {
	since time.Time
	state map[string]any
}

// New returns a data plane on which everything takes effect at once.
func New(options Options) *DataPlane {
	return &DataPlane{options: options, stuck: map[string]string{}, containers: map[string]string{}}
}

// Reset forgets what was and which services are stuck, and keeps the delay and
// the containers. It is called when the state was reset.
func (d *DataPlane) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck, d.past = map[string]string{}, nil
	d.begin()
}

// SetPropagation makes changes of load balancers and of IAP, from now on, take
// effect after a delay; 0 is at once. What has changed before is in effect.
func (d *DataPlane) SetPropagation(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay, d.past = delay, nil
	d.begin()
}

// begin remembers the state as it is as what always was. The lock is held.
func (d *DataPlane) begin() {
	if d.delay > 0 {
		d.past = []version{{state: d.options.State()}}
	}
}

// Changed remembers the state after a write. It is called before the
// write is answered.
func (d *DataPlane) Changed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.delay == 0 {
		return
	}
	now := d.options.Clock()
	d.past = append(d.past, version{now, d.options.State()})
	// Of what is older than the delay only the latest can still be asked for.
	for len(d.past) > 1 && !d.past[1].since.After(now.Add(-d.delay)) {
		d.past = d.past[1:]
	}
}

// Stick makes a service refuse IAP's agent although it may invoke: until a
// newer revision is ready, or for ever. The service has its full name.
// Source: iap/docs/enabling-cloud-run, "redeploy your Cloud Run service".
func (d *DataPlane) Stick(service string, forever bool) {
	revision := ""
	if !forever {
		revision = apiserver.Text(apiserver.Object(apiserver.Object(d.options.State(), "run"), service),
			"latestReadyRevision")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck[service] = revision
}

// Unstick ends what Stick began.
func (d *DataPlane) Unstick(service string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stuck, service)
}

// snapshot is what a request finds at a time.
func (d *DataPlane) snapshot(at time.Time) snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	live := d.options.State()
	s := snapshot{
		allowed: d.options.Allowed, live: live, propagated: live,
		stuck: maps.Clone(d.stuck), containers: maps.Clone(d.containers), verify: d.options.Tokens.Verify,
		withoutOrganization: d.options.WithoutOrganization,
	}
	for _, each := range d.past {
		if !each.since.After(at.Add(-d.delay)) {
			s.propagated = each.state
		}
	}
	return s
}

// ServeHTTP answers one request, after its log entries were written.
func (d *DataPlane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.serve(w, r, d.options.Write)
}

// Unlogged answers as the data plane does and leaves no log entry, for who
// watches what others are answered.
func (d *DataPlane) Unlogged() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.serve(w, r, func(logging.Entry) {})
	})
}

func (d *DataPlane) serve(w http.ResponseWriter, r *http.Request, write func(logging.Entry)) {
	result := d.answer(read(r, d.options.Clock()), write)
	maps.Copy(w.Header(), result.header)
	w.Header().Set("Server", "Google Frontend")
	w.WriteHeader(result.status)
	if r.Method != http.MethodHead {
		// A client that has gone needs no answer.
		_, _ = io.WriteString(w, result.body)
	}
}

// answer sends a request on its way and writes its log entries.
func (d *DataPlane) answer(received request, write func(logging.Entry)) answer {
	result := d.snapshot(received.at).walk(received)
	for _, entry := range result.entries {
		write(entry)
	}
	return result.answer
}

// walk is a request's way to its answer: by its host to a default URL, a mapped
// domain or a load balancer. A host that nobody here has is one that would not resolve.
func (s snapshot) walk(r request) outcome {
	if r.scheme != "" && r.scheme != "http" && r.scheme != "https" {
		return outcome{answer: plain(http.StatusBadRequest, "X-Forwarded-Proto is neither http nor https.\n")}
	}
	if strings.HasSuffix(r.host, ".run.app") {
		return s.throughDefaultURL(r)
	}
	if service := s.serviceMapped(r.host); service != nil {
		return s.directly(r, service)
	}
	if f, ok := s.frontendFor(r); ok {
		return s.throughFrontend(r, f)
	}
	return outcome{answer: plain(http.StatusMisdirectedRequest,
		"No frontend and no service of this local cloud has the host "+r.host+": send the address of a forwarding rule, "+
			"a host of a URL map or a certificate, or a run.app address as Host.\n")}
}
