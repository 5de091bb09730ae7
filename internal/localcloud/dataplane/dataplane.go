package dataplane

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

// Options say what a DataPlane cannot know by itself. All but the
// switches are required.
type Options struct {
	// Compute, Run and IAP are the APIs whose resources requests go by.
	Compute *compute.API
	Run     Services
	IAP     Settings
	// Authorization has the authorization policies of forwarding rules.
	Authorization Authorization
	// AgentProvisioned reports whether a service agent exists.
	AgentProvisioned func(email string) bool
	// Allowed answers from the IAM policies that are in effect.
	Allowed func(apiserver.Access) bool
	// Containers are the project of a resource and what that is in, the nearest first, and
	// ProjectOf is that project.
	Containers func(resource string) []string
	ProjectOf  func(resource string) apiserver.Project
	// Clock returns the time.
	Clock func() time.Time
	// Write keeps a log entry.
	Write func(logging.Entry)
	// Count keeps a load balancer's count of a request. Requests that leave no log entry
	// in the local cloud are not counted.
	Count func(Counted)
	// Tokens issues and checks the identity tokens that requests carry.
	Tokens *oidc.Issuer
	// Beliefs say in what the data plane does otherwise than by default.
	Beliefs belief.Beliefs
	// WithoutOrganization takes the project out of its organization, so that
	// IAP has no OAuth client of Google's.
	WithoutOrganization bool
}

// Services are those of Cloud Run, by their full names.
type Services interface {
	// Service is a service as v2 shows it, nil when there is none.
	Service(name string) map[string]any
	// IAPEnabled says whether IAP was on at a service at a time, if there was one.
	IAPEnabled(name string, at time.Time) (on any, known bool)
	// Instance is an instance as v2 shows it, nil when there is none, and InstanceAt names
	// the one with a default URL at a host, "" when there is none.
	Instance(name string) map[string]any
	InstanceAt(host string) string
	// ServiceAt and MappedTo name the service with a default URL at a host, and
	// the one to which a domain mapping leads; "" when there is none. Revision is
	// the one that a tag's address leads to, "" at any other.
	ServiceAt(host string) (name, revision string)
	MappedTo(host string) string
}

// Settings are IAP's settings.
type Settings interface {
	// Settings are those of a resource of IAP as they were at a time, nil when
	// there were none.
	Settings(resource string, at time.Time) map[string]any
}

// DataPlane answers requests to load balancers and run.app addresses. It is
// safe for concurrent use.
type DataPlane struct {
	options Options

	mu    sync.Mutex
	delay time.Duration
	began time.Time // what had changed before is in effect, whatever the delay
	stuck map[string]string
	// containers are the base URLs of programs, by service: see Contain.
	containers map[string]string
}

// New returns a data plane on which everything takes effect at once.
func New(options Options) *DataPlane {
	return &DataPlane{options: options, stuck: map[string]string{}, containers: map[string]string{}}
}

// Reset forgets which services are stuck, and keeps the delay and the
// containers.
func (d *DataPlane) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck, d.began = map[string]string{}, d.options.Clock()
}

// SetPropagation makes changes of load balancers and of IAP, from now on, take
// effect after a delay; 0 is at once. What has changed before is in effect.
func (d *DataPlane) SetPropagation(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay, d.began = delay, d.options.Clock()
}

// Stick makes a service refuse IAP's agent although it may invoke: until a
// newer revision is ready, or for ever. The service has its full name.
// Source: iap/docs/enabling-cloud-run, "redeploy your Cloud Run service".
func (d *DataPlane) Stick(service string, forever bool) {
	revision := ""
	if !forever {
		revision = apiserver.Text(d.options.Run.Service(service), "latestReadyRevision")
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
	s := snapshot{
		Options: d.options, now: at, stuck: maps.Clone(d.stuck), containers: maps.Clone(d.containers),
	}
	if d.delay > 0 {
		s.propagated = at.Add(-d.delay)
		if s.propagated.Before(d.began) {
			s.propagated = d.began.Add(-1)
		}
	}
	return s
}

// ServeHTTP answers one request, after its log entries were written.
func (d *DataPlane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.serve(w, r, sink{d.options.Write, d.options.Count})
}

// Unlogged answers as the data plane does and leaves no log entry, for who
// watches what others are answered.
func (d *DataPlane) Unlogged() http.Handler { return d.Watched(func(logging.Entry) {}) }

// Watched answers as the data plane does, and gives the log entries to a function
// instead of keeping them.
func (d *DataPlane) Watched(write func(logging.Entry)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.serve(w, r, sink{write, func(Counted) {}})
	})
}

// sink takes what requests leave behind.
type sink struct {
	write func(logging.Entry)
	count func(Counted)
}

func (d *DataPlane) serve(w http.ResponseWriter, r *http.Request, into sink) {
	result := d.answer(read(r, d.options.Clock()), into)
	maps.Copy(w.Header(), result.header)
	w.Header().Set("Server", "Google Frontend")
	w.WriteHeader(result.status)
	if r.Method != http.MethodHead {
		// A client that has gone needs no answer.
		_, _ = io.WriteString(w, result.body)
	}
}

// answer sends a request on its way, writes its log entries and has it counted.
func (d *DataPlane) answer(received request, into sink) answer {
	result := d.snapshot(received.at).walk(received)
	for _, entry := range result.entries {
		into.write(entry)
	}
	if result.counted != nil {
		into.count(*result.counted)
	}
	return result.answer
}

// walk is a request's way to its answer: by its host to a default URL, a mapped
// domain or a load balancer. A host that nobody here has is one that would not resolve.
func (s snapshot) walk(r request) outcome {
	if r.scheme != "" && r.scheme != "http" && r.scheme != "https" {
		return outcome{answer: plain(http.StatusBadRequest, "X-Forwarded-Proto is neither http nor https.\n")}
	}
	if r.frontend == "" && strings.HasSuffix(r.host, ".run.app") {
		return s.throughDefaultURL(r)
	}
	if r.frontend == "" && strings.HasSuffix(r.host, functionsDomain) {
		return s.throughFunctionURL(r)
	}
	if service := s.serviceMapped(r.host); r.frontend == "" && service != nil {
		return s.directly(r, service)
	}
	if f, ok := s.frontendFor(r); ok {
		return s.throughFrontend(r, f)
	}
	return outcome{answer: plain(http.StatusMisdirectedRequest,
		"No frontend and no service of this local cloud has the host "+r.host+": send the address of a forwarding rule, "+
			"a host of a URL map or a certificate, or a run.app address as Host.\n")}
}
