package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// Options says what a Kernel cannot know by itself. The zero value of every
// field but Clock is usable.
type Options struct {
	// Clock tells the time. The kernel never asks the machine.
	Clock func() time.Time
	// Latency is added to every API call before it has any effect.
	Latency time.Duration
	// OperationTime is how long a long-running operation runs.
	OperationTime time.Duration
	// IAMPropagation is how long it takes until a change of an IAM policy is
	// in effect. Who reads the policy sees it at once.
	IAMPropagation time.Duration
	// ListLag is how old what lists show may be. Who reads by name is shown
	// what is.
	ListLag time.Duration
	// Roles are custom roles that are there from the start.
	Roles []Role
	// Audit receives the record of every write, of every failed write, and of
	// whatever an API emits by itself. It must not block; nil drops records.
	Audit func(AuditRecord)
}

// Kernel is the shared ground of one local cloud. It is safe for concurrent
// use, and an http.Handler that answers API calls and nothing else.
type Kernel struct {
	options  Options
	routes   routes
	apis     []API
	calls    callLog
	policies policies
	roles    roles
	faults   faults
	project  projectState
	folders  func() []string // those above the project, the nearest first; nil = there are none

	mu         sync.Mutex
	lastStamp  time.Time
	operations map[string]*Operation
	started    []string // names of operations, oldest first
	generation int
	pending    map[*time.Timer]struct{}
	later      sync.WaitGroup
}

// API is one Google API as the kernel sees it.
type API struct {
	// Name is the API's short name: "compute", "run".
	Name string
	// Routes are the calls it answers.
	Routes []Route
	// State gives a copy of every resource, keyed by full resource name.
	State func() map[string]any
	// Reset forgets every resource.
	Reset func()
	// Touch moves the version of a resource, as another writer would. Nil: the
	// API's resources have none.
	Touch func(resource string)
	// StateName is how State shows the name of a resource that has an IAM
	// policy, where the real name holds a generated id. Nil, or "" from it:
	// as it is.
	StateName func(resource string) string
}

// New returns a kernel that serves no API yet.
func New(options Options) *Kernel {
	k := &Kernel{options: options}
	k.clear()
	return k
}

// SetFolders says what tells the folders above the project, whose policies it
// inherits. It is called before the first request.
func (k *Kernel) SetFolders(folders func() []string) { k.folders = folders }

// Serve adds an API. It is called before the first request.
func (k *Kernel) Serve(api API) {
	k.apis = append(k.apis, api)
	k.routes.add(api.Routes)
}

// Routes are all routes of all APIs: what can be called, which permission each
// call needs and who says so.
func (k *Kernel) Routes() []Route {
	var all []Route
	for _, api := range k.apis {
		all = append(all, api.Routes...)
	}
	return all
}

// Reset forgets every resource, policy, operation and call, and every fault. Work that Later
// still holds is dropped, never run against the new state.
func (k *Kernel) Reset() {
	k.stop()
	k.clear()
	for _, api := range k.apis {
		if api.Reset != nil {
			api.Reset()
		}
	}
}

// Close drops what Later still holds and waits for what is running.
func (k *Kernel) Close() {
	k.stop()
	k.later.Wait()
}

func (k *Kernel) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.operations, k.started = map[string]*Operation{}, nil
	k.pending = map[*time.Timer]struct{}{}
	k.calls.reset()
	k.SetFaults(nil)
	k.policies.reset()
	k.policies.history.Put(organization, time.Time{}, map[string]any{"bindings": []any{
		map[string]any{"role": "roles/owner", "members": []any{string(Owner)}},
	}})
	k.roles.reset(k.options.Roles)
	k.project.reset()
}

func (k *Kernel) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	for timer := range k.pending {
		if timer.Stop() {
			k.later.Done()
		}
	}
	clear(k.pending)
}

// Now is the clock's time.
func (k *Kernel) Now() time.Time { return k.options.Clock() }

// Stamp is the clock's time in whole microseconds, UTC, and later than every
// Stamp before it, so that whatever is derived from it (etags, update times)
// is a version: equal only when nothing changed.
func (k *Kernel) Stamp() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.options.Clock().UTC().Truncate(time.Microsecond)
	if !now.After(k.lastStamp) {
		now = k.lastStamp.Add(time.Microsecond)
	}
	k.lastStamp = now
	return now
}

// OperationTime is how long a long-running operation runs.
func (k *Kernel) OperationTime() time.Duration { return k.options.OperationTime }

// IAMPropagation is how long it takes until a change of an IAM policy is in
// effect.
func (k *Kernel) IAMPropagation() time.Duration {
	return k.faults.delay(LateIAM, k.options.IAMPropagation)
}

// Listed is the time whose state lists show.
func (k *Kernel) Listed() time.Time {
	return k.Now().Add(-k.faults.delay(StaleLists, k.options.ListLag))
}

// Later runs f once after d, on its own goroutine, unless the kernel is reset
// or closed before.
func (k *Kernel) Later(d time.Duration, f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.later.Add(1)
	generation := k.generation
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		defer k.later.Done()
		k.mu.Lock()
		stale := generation != k.generation
		delete(k.pending, timer)
		k.mu.Unlock()
		if !stale {
			f()
		}
	})
	k.pending[timer] = struct{}{}
}

// Emit hands a record that belongs to no answer (the end of an operation, a
// revision that became ready) to the log.
func (k *Kernel) Emit(record AuditRecord) {
	if k.options.Audit != nil {
		k.options.Audit(record)
	}
}

// State is everything that the cloud holds: one entry per API, the IAM
// policies under the names of their resources, and the project.
func (k *Kernel) State() map[string]any {
	state := map[string]any{
		"iamPolicies": k.policies.all(k.stateName),
		"project":     k.project.state(),
	}
	for _, api := range k.apis {
		if api.State != nil {
			state[api.Name] = api.State()
		}
	}
	return state
}

func (k *Kernel) stateName(resource string) string {
	for _, api := range k.apis {
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
