package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Run is the Cloud Run of one project. It is safe for concurrent use.
type Run struct {
	server *apiserver.Server

	mu       sync.Mutex
	services map[string]*service // by full name
	domains  map[string]domain   // mappings, by full name
	// locations are those in which a service was made: a mapping is where its
	// service is.
	locations map[string]bool
	// past holds copies of them as they were, for lists that show what was.
	past    apiserver.History[*service]
	held    bool
	waiting []func()
	gone    func(region, service string) // nil = nothing has to know
}

// New returns a Cloud Run without services. Reconciling takes the server's
// OperationTime.
func New(s *apiserver.Server) *Run {
	return &Run{server: s, services: map[string]*service{}, domains: map[string]domain{},
		locations: map[string]bool{}}
}

// API is both of its faces as the server serves them.
func (r *Run) API() apiserver.API {
	older := append(r.routesV1(), r.routesOfDomains()...)
	for i := range older {
		older[i].Resource = subjectV1
	}
	api := collection.Merged("run", r.workloads()...)
	workloads, forget := api.State, api.Reset
	api.Routes = slices.Concat(r.routesV2(), older, api.Routes)
	api.State = func() map[string]any {
		all := workloads()
		maps.Copy(all, r.state())
		return all
	}
	api.Reset = func() { forget(); r.reset() }
	api.Touch = r.touch
	return api
}

// OnGone sets what is called, without a lock, when a service is gone. It is called
// before the first request.
func (r *Run) OnGone(f func(region, service string)) { r.gone = f }

// Hold makes services stay as they are until Release: what is written is
// accepted, and nothing becomes ready. It is for tests that look at the time
// between.
func (r *Run) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

// Release lets everything become ready that was held, before it returns.
func (r *Run) Release() {
	r.mu.Lock()
	waiting := r.waiting
	r.waiting, r.held = nil, false
	r.mu.Unlock()
	for _, each := range waiting {
		each()
	}
}

// later runs f when reconciling is over, unless that is held.
func (r *Run) later(f func()) {
	r.server.Later(r.server.OperationTime(), func() {
		r.mu.Lock()
		held := r.held
		if held {
			r.waiting = append(r.waiting, f)
		}
		r.mu.Unlock()
		if !held {
			f()
		}
	})
}

func (r *Run) state() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]any{}
	for name, each := range r.services {
		all[name] = each.v2()
	}
	for name, each := range r.domains {
		all[name] = each.v1()
	}
	return all
}

func (r *Run) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.services, r.domains, r.waiting = map[string]*service{}, map[string]domain{}, nil
	clear(r.locations)
	r.past.Reset()
}

// note remembers a service as it is now. Its caller holds the lock.
func (r *Run) note(s *service) { r.past.Put(s.fullName(), r.server.Now(), s.copy()) }

// touch moves a service's version, as somebody else's write would.
func (r *Run) touch(name string) {
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if live := r.services[name]; live != nil {
		live.updated = at
		r.note(live)
	}
}

// identity is where a service is.
type identity struct{ location, name string }

func (i identity) fullName() string {
	return "projects/" + apiserver.ProjectID + "/locations/" + i.location + "/services/" + i.name
}

// find returns a service. Its caller holds the lock.
func (r *Run) find(id identity) (*service, error) {
	if found, ok := r.services[id.fullName()]; ok {
		return found, nil
	}
	return nil, apiserver.NotFound("Resource '%s' of kind 'SERVICE' in region '%s' in project '%s' does not exist.",
		id.name, id.location, apiserver.ProjectID)
}

// in are the services of a location, "-" for all, by name, as lists show them:
// they may be as they were. Its caller holds the lock.
func (r *Run) in(location string) []*service {
	var found []*service
	for _, each := range r.past.All(r.server.Listed()) {
		if location == "-" || each.location == location {
			found = append(found, each)
		}
	}
	slices.SortFunc(found, func(a, b *service) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.location, b.location))
	})
	return found
}

// create makes a service. The returned service is a copy of it as it is then.
func (r *Run) create(id identity, wanted spec, caller apiserver.Principal, dryRun bool) (*service, error) {
	switch {
	case !serviceName.MatchString(id.name):
		return nil, apiserver.Invalid("Invalid service name %q: it has up to 49 lower-case letters, digits and hyphens, "+
			"begins with a letter and does not end with a hyphen.", id.name)
	case !region.MatchString(id.location):
		return nil, apiserver.Denied("Location %s is not found or access is unauthorized.", id.location)
	}
	var err error
	if wanted.fields, err = withDefaults(wanted.fields, id.name); err != nil {
		return nil, err
	}
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.services[id.fullName()] != nil {
		return nil, apiserver.AlreadyExists("Resource '%s' already exists.", id.name)
	}
	made := &service{location: id.location, name: id.name, uid: apiserver.NewUUID(), created: at, creator: caller.Email()}
	if err := made.apply(change{wanted: wanted, by: caller.Email(), at: at}); err != nil {
		return nil, err
	}
	if !dryRun {
		r.services[id.fullName()], r.locations[id.location] = made, true
		r.note(made)
	}
	return made.copy(), nil
}

// write applies edit to a service and returns a copy of it as it is then. A
// dry run edits a copy only. Edit refuses before it changes anything.
func (r *Run) write(id identity, dryRun bool, edit func(of *service, at time.Time) error) (*service, error) {
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	target, err := r.find(id)
	if err != nil {
		return nil, err
	}
	if dryRun {
		target = target.copy()
	}
	if err := edit(target, at); err != nil {
		return nil, err
	}
	if !dryRun {
		r.note(target)
	}
	return target.copy(), nil
}

// update changes a service to what wish makes of it.
func (r *Run) update(id identity, dryRun bool, wish func(*service) (change, error)) (*service, error) {
	return r.write(id, dryRun, func(of *service, at time.Time) error {
		if !of.deleted.IsZero() {
			return apiserver.Precondition("Resource '%s' is being deleted.", id.name)
		}
		wanted, err := wish(of)
		if err != nil {
			return err
		}
		wanted.at = at
		if wanted.wanted.fields, err = withDefaults(wanted.wanted.fields, id.name); err != nil {
			return err
		}
		return of.apply(wanted)
	})
}

// remove begins to delete a service, if it has the version that the etag
// names; "" names any.
func (r *Run) remove(id identity, dryRun bool, etag string, by apiserver.Principal) (*service, error) {
	return r.write(id, dryRun, func(of *service, at time.Time) error {
		if err := checkEtag(of, etag); err != nil {
			return err
		}
		of.deleted, of.updated, of.modifier = at, at, by.Email()
		of.generation++
		of.operation = apiserver.NewUUID()
		return nil
	})
}

// copy is the service as it is now; its parts are never changed in place but
// for the readiness of revisions.
func (s *service) copy() *service {
	copied := *s
	copied.revisions = make([]*revision, len(s.revisions))
	for i, each := range s.revisions {
		one := *each
		copied.revisions[i] = &one
	}
	return &copied
}
