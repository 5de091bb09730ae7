package run

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// The messages of the two faces, as Google's discovery documents have them.
const (
	serviceV2 = "GoogleCloudRunV2Service"
	serviceV1 = "Service"
)

func documentV1() *schema.API { return schema.Of("run/v1") }
func documentV2() *schema.API { return schema.Of("run/v2") }

// Run is Cloud Run. It is safe for concurrent use.
type Run struct {
	server *apiserver.Server

	// services are kept by full name, with what they were before. None changes once it
	// is kept: a write keeps another one in its place.
	services *store.Store[*service]
	// instances are containers with an address of their own.
	instances *collection.Collection
	// mappings lead domains to services.
	mappings *collection.Collection
	// jobs have executions, which have tasks.
	jobs, executions, tasks *collection.Collection

	mu sync.Mutex // writers hold it from the first look at a service until it is kept
	// locations are those in which a service was made: a mapping is where its
	// service is.
	locations map[apiserver.Project]map[string]bool
	held      bool
	waiting   []func()
	gone      func(in apiserver.Project, region, service string) // nil = nothing has to know
}

// New returns a Cloud Run without services. Reconciling takes the server's
// OperationTime.
func New(s *apiserver.Server) *Run {
	keys := func(s *service) store.Keys { return store.Keys{Path: s.fullName(), Order: s.order()} }
	r := &Run{server: s, services: store.New(store.Options{}, keys), locations: map[apiserver.Project]map[string]bool{}}
	r.instances, r.mappings = collection.New(s, r.instanceRow()), collection.New(s, r.domainRow())
	r.jobs, r.executions = collection.New(s, r.jobRow()), collection.New(s, r.executionRow())
	r.executions.Within = r.jobs
	r.tasks = collection.New(s, r.taskRow())
	return r
}

// API is both of its faces as the server serves them.
func (r *Run) API() apiserver.API {
	older := append(r.routesV1(), verifiedRoute())
	for i := range older {
		older[i].Resource = subjectV1
	}
	api := collection.Merged("run", append(r.workloads(), r.instances, r.mappings)...)
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
func (r *Run) OnGone(f func(in apiserver.Project, region, service string)) { r.gone = f }

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
	all := map[string]any{}
	for _, each := range r.services.Page(store.Query{}) {
		all[each.fullName()] = each.v2()
	}
	return all
}

func (r *Run) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = nil
	clear(r.locations)
	r.services.Reset()
}

// keep puts a service in the place of what it was. Its caller holds the lock.
func (r *Run) keep(s *service) *service {
	r.services.Put(r.server.Now(), s)
	r.mirror(s)
	return s
}

// touch moves a service's version, as somebody else's write would.
func (r *Run) touch(name string) {
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if live, ok := r.services.Get(name, time.Time{}); ok {
		live = live.copy()
		live.updated = at
		r.keep(live)
	}
}

// identity is where a service is.
type identity struct {
	project        apiserver.Project
	location, name string
}

func (i identity) parent() string   { return i.project.Name() + "/locations/" + i.location }
func (i identity) fullName() string { return i.parent() + "/services/" + i.name }

// order is where lists have a service: by project, location and name.
func (i identity) order() string { return i.project.ID + "/" + i.location + "/" + i.name }

// find returns a service as it is now.
func (r *Run) find(id identity) (*service, error) {
	if found, ok := r.services.Get(id.fullName(), time.Time{}); ok {
		return found, nil
	}
	return nil, apiserver.NotFound("Resource '%s' of kind 'SERVICE' in region '%s' in project '%s' does not exist.",
		id.name, id.location, id.project.ID)
}

// in are the services of a project's location, "-" for all, by location and name, as lists
// show them: they may be as they were. A multi-region service is shown where it runs.
func (r *Run) in(project apiserver.Project, location string) []*service {
	query := store.Query{At: r.server.Listed(), Prefix: project.ID + "/"}
	if location != "-" {
		query.Prefix = identity{project, location, ""}.order()
		return r.services.Page(query)
	}
	return slices.DeleteFunc(r.services.Page(query), func(s *service) bool { return s.location == global })
}

// create makes a service.
func (r *Run) create(id identity, wanted spec, caller apiserver.Principal, dryRun bool) (*service, error) {
	switch {
	case !serviceName.MatchString(id.name):
		return nil, apiserver.Invalid("Invalid service name %q: it has up to 49 lower-case letters, digits and hyphens, "+
			"begins with a letter and does not end with a hyphen.", id.name)
	case !region.MatchString(id.location):
		return nil, apiserver.Denied("Location %s is not found or access is unauthorized.", id.location)
	}
	var err error
	if wanted.fields, err = withDefaults(wanted.fields, id); err != nil {
		return nil, err
	}
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exists(id) {
		return nil, apiserver.AlreadyExists("Resource '%s' already exists.", id.name)
	}
	made := &service{identity: id, uid: apiserver.NewUUID(), created: at, creator: caller.Email()}
	if err := made.apply(change{wanted: wanted, by: caller.Email(), at: at}); err != nil {
		return nil, err
	}
	if err := r.checkRegions(made, ""); err != nil {
		return nil, err
	}
	if !dryRun {
		r.used(id.project, id.location)
		r.keep(made)
	}
	return made, nil
}

// used notes that a project has a service in a location. Its caller holds the lock.
func (r *Run) used(project apiserver.Project, location string) {
	if r.locations[project] == nil {
		r.locations[project] = map[string]bool{}
	}
	r.locations[project][location] = true
}

// write returns a service as edit makes it. It is kept, unless the run is dry.
func (r *Run) write(id identity, dryRun bool, edit func(of *service, at time.Time) error) (*service, error) {
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	target, err := r.find(id)
	if err != nil {
		return nil, err
	}
	target = target.copy()
	if err := edit(target, at); err != nil {
		return nil, err
	}
	if !dryRun {
		r.keep(target)
	}
	return target, nil
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
		if wanted.wanted.fields, err = withDefaults(wanted.wanted.fields, id); err != nil {
			return err
		}
		before := of.multiRegionID()
		if err := of.apply(wanted); err != nil {
			return err
		}
		return r.checkRegions(of, before)
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

// copy is a service that a write can change: parts are never changed in place, but
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
