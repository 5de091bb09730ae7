package apiserver

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/belief"
)

// Options says what a Server cannot know by itself. The zero value of every
// field but Clock is usable.
type Options struct {
	// Clock returns the time. The server never asks the machine.
	Clock func() time.Time
	// Latency is added to every API call before it has any effect.
	Latency time.Duration
	// OperationTime is how long a long-running operation runs; negative: it has ended
	// when it is answered.
	OperationTime time.Duration
	// IAMPropagation is how long it takes until a change of an IAM policy is
	// in effect. Who reads the policy sees it at once.
	IAMPropagation time.Duration
	// ListLag is how old what lists show may be. Who reads by name is shown
	// what is.
	ListLag time.Duration
	// Projects are there from the start beside DefaultProject.
	Projects []Project
	// Roles are custom roles that are there from the start.
	Roles []Role
	// Beliefs say in what the APIs do otherwise than by default.
	Beliefs belief.Beliefs
	// Audit receives the record of every write, of every failed write, and of
	// whatever an API emits by itself. It must not block; nil drops records.
	Audit func(AuditRecord)
	// Observe sees every call that was answered whole, after the answer. It is
	// called from the goroutine of the call; nil is the usual case.
	Observe func(Exchange)
	// OnCall gets the entry of every call as the call log keeps it. It must not block; nil is
	// the usual case.
	OnCall func(CallEntry)
}

// Server is the shared ground of one local cloud. It is safe for concurrent
// use, and an http.Handler that answers API calls and nothing else.
type Server struct {
	options     Options
	routes      routes
	apis        []API
	defaultOnly map[string]bool // the names of APIs that DefaultProject alone has
	calls       callLog
	policies    policies
	roles       roles
	faults      faults
	projects    projects
	project     projectState
	operations  operations
	constraints Constraints                   // nil = there are none
	parents     func(container string) string // of projects and of folders; nil = the organization

	mu         sync.Mutex
	lastStamp  time.Time
	generation int
	pending    map[*time.Timer]struct{}
	later      sync.WaitGroup
	atOnce     []func()   // run before the call that asked for it is answered
	finishing  sync.Mutex // held while they run
}

// API is one Google API as the server sees it.
type API struct {
	// Name is the API's short name: "compute", "run".
	Name string
	// Routes are the calls it answers.
	Routes []Route
	// State gives a copy of every resource, keyed by full resource name.
	State func() map[string]any
	// Reset forgets every resource.
	Reset func()
	// NewProject makes what a new project has. Nil: it has nothing.
	NewProject func(Project)
	// Touch moves the version of a resource, as another writer would. Nil: the
	// API's resources have none.
	Touch func(resource string)
	// DefaultProjectOnly says that the API is served in DefaultProject alone: to it no
	// other project exists.
	DefaultProjectOnly bool
	// StateName is how State shows the name of a resource that has an IAM
	// policy, where the real name holds a generated id. Nil, or "" from it:
	// as it is.
	StateName func(resource string) string
}

// New returns a server that serves no API yet.
func New(options Options) *Server {
	s := &Server{options: options, defaultOnly: map[string]bool{}, calls: callLog{each: options.OnCall}}
	s.clear()
	return s
}

// SetParents sets what each project and each folder is in: a folder, the organization,
// or "". It is called before the first request.
func (s *Server) SetParents(parents func(container string) string) { s.parents = parents }

// Serve adds an API. It is called before the first request.
func (s *Server) Serve(api API) {
	s.apis = append(s.apis, api)
	s.defaultOnly[api.Name] = api.DefaultProjectOnly
	s.routes.add(api.Routes)
}

// Routes are all routes of all APIs: what can be called, which permission each
// call needs and who says so.
func (s *Server) Routes() []Route {
	var all []Route
	for _, api := range s.apis {
		all = append(all, api.Routes...)
	}
	return all
}

// Reset forgets every resource, policy, operation and call, and every fault. Work that Later
// still holds is dropped, never run against the new state.
func (s *Server) Reset() {
	s.stop()
	s.clear()
	for _, api := range s.apis {
		if api.Reset != nil {
			api.Reset()
		}
	}
}

// Close drops what Later still holds and waits for what is running.
func (s *Server) Close() {
	s.stop()
	s.later.Wait()
}

func (s *Server) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations.reset()
	s.pending = map[*time.Timer]struct{}{}
	s.calls.reset()
	s.SetFaults(nil)
	s.policies.reset()
	s.policies.seed(organization, neverSet, []any{
		map[string]any{"role": "roles/owner", "members": []any{string(Owner)}},
	})
	s.roles.reset(s.options.Roles)
	s.projects.reset(s.options.Projects)
	s.project.reset()
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	for timer := range s.pending {
		if timer.Stop() {
			s.later.Done()
		}
	}
	clear(s.pending)
}

// Now is the clock's time.
func (s *Server) Now() time.Time { return s.options.Clock() }

// Stamp is the clock's time in whole microseconds, UTC, and later than every
// Stamp before it, so that whatever is derived from it (etags, update times)
// is a version: equal only when nothing changed.
func (s *Server) Stamp() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Clock().UTC().Truncate(time.Microsecond)
	if !now.After(s.lastStamp) {
		now = s.lastStamp.Add(time.Microsecond)
	}
	s.lastStamp = now
	return now
}

// Beliefs say in what the APIs do otherwise than by default.
func (s *Server) Beliefs() belief.Beliefs { return s.options.Beliefs }

// OperationTime is how long a long-running operation runs.
func (s *Server) OperationTime() time.Duration { return s.options.OperationTime }

// IAMPropagation is how long it takes until a change of an IAM policy is in
// effect.
func (s *Server) IAMPropagation() time.Duration {
	return s.faults.delay(LateIAM, s.options.IAMPropagation)
}

// Listed is the time whose state lists show.
func (s *Server) Listed() time.Time {
	return s.Now().Add(-s.faults.delay(StaleLists, s.options.ListLag))
}

// Inventoried is the time whose state Cloud Asset Inventory shows.
func (s *Server) Inventoried() time.Time { return s.Now().Add(-s.faults.delay(StaleInventory, 0)) }

// Later runs f once after d, on its own goroutine, or before the current call is
// answered where d is negative, unless the server is reset
// or closed before.
func (s *Server) Later(d time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d < 0 {
		s.atOnce = append(s.atOnce, f)
		return
	}
	s.later.Add(1)
	generation := s.generation
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		defer s.later.Done()
		s.mu.Lock()
		stale := generation != s.generation
		delete(s.pending, timer)
		s.mu.Unlock()
		if !stale {
			f()
		}
	})
	s.pending[timer] = struct{}{}
}

// Emit hands a record that belongs to no answer (the end of an operation, a
// revision that became ready) to the log.
func (s *Server) Emit(record AuditRecord) {
	if s.options.Audit != nil {
		s.options.Audit(record)
	}
}

// State is everything that the cloud holds: one entry per API, the IAM
// policies under the names of their resources, the first project, and under projects the
// others, by id.
func (s *Server) State() map[string]any {
	state := map[string]any{
		"iamPolicies": s.policies.all(s.stateName),
		"project":     s.project.state(DefaultProject()),
	}
	if others := s.Projects()[1:]; len(others) > 0 {
		all := map[string]any{}
		for _, each := range others {
			all[each.ID] = s.project.state(each)
		}
		state["projects"] = all
	}
	for _, api := range s.apis {
		if api.State != nil {
			state[api.Name] = api.State()
		}
	}
	return state
}

func (s *Server) stateName(resource string) string {
	for _, api := range s.apis {
		if api.StateName != nil {
			if name := api.StateName(resource); name != "" {
				return name
			}
		}
	}
	return resource
}

// NewID is a fresh 19-digit number, as Compute Engine gives every resource.
func NewID() string { return fmt.Sprint(1e18 + mathrand.Int64N(8e18)) }

// NewUUID is a fresh random UUID (version 4).
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
