package compute

import (
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// API is the state of Compute Engine.
type API struct {
	server *apiserver.Server
	// resources are read without a lock: see package store.
	resources *store.Store[*resource]

	mu       sync.Mutex // held while a write is checked and made
	requests map[string]string
	// networks are the default ones, which a reset does not change.
	networks map[apiserver.Project][]*resource
	// addresses and addresses6 count the IPv4 and IPv6 addresses handed out.
	addresses, addresses6 int
}

// New returns a Compute Engine with nothing but the default network of each project.
func New(s *apiserver.Server) *API {
	a := &API{server: s, resources: store.New(store.Options{}, keysOf),
		networks: map[apiserver.Project][]*resource{}}
	a.reset()
	return a
}

// API is what the server serves.
func (a *API) API() apiserver.API {
	return apiserver.API{Name: "compute", Routes: a.routes(), State: a.state, Reset: a.reset, NewProject: a.newProject, Touch: a.touch}
}

func (a *API) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources.Reset()
	a.requests, a.addresses, a.addresses6 = map[string]string{}, 0, 0
	for _, project := range a.server.Projects() {
		a.putNetwork(project)
	}
}

// newProject makes what a new project has.
func (a *API) newProject(project apiserver.Project) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.putNetwork(project)
}

// putNetwork keeps a project's default network, which was always there, also for lists
// that lag. The lock is held.
func (a *API) putNetwork(of apiserver.Project) {
	if a.networks[of] == nil {
		a.networks[of] = newDefaultNetwork(of, a.server.Now())
	}
	for _, r := range a.networks[of] {
		a.resources.Put(time.Time{}, r)
	}
}

// put keeps a resource that was written, unless its operation is going to
// fail. The lock is held.
func (a *API) put(c *apiserver.Call, r *resource) {
	if failure, _ := c.OperationFault(); failure == nil {
		a.keep(r)
	}
}

func (a *API) keep(r *resource) {
	r.complete()
	a.resources.Put(a.server.Now(), r)
}

// drop forgets a resource that was deleted, unless its operation is going to
// fail. The lock is held.
func (a *API) drop(c *apiserver.Call, r *resource) {
	if failure, _ := c.OperationFault(); failure != nil {
		return
	}
	a.resources.Drop(a.server.Now(), r.path())
	a.server.DeletePolicy(r.path())
}

// touch writes to a resource as somebody else would: its description is
// another, and so is its fingerprint.
func (a *API) touch(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.find(path); r != nil {
		changed := *r
		changed.body = apiserver.Clone(r.body)
		changed.body["description"] = "written by somebody else at " + pacific(a.server.Stamp())
		a.keep(&changed)
	}
}

// find is the resource at a path, nil when there is none.
func (a *API) find(path string) *resource {
	r, _ := a.resources.Get(path, time.Time{})
	return r
}

// referring are the resources that have a reference now, by path.
func (a *API) referring(reference string) []*resource {
	return a.resources.Referring(reference, time.Time{})
}

func (a *API) state() map[string]any {
	state := make(map[string]any, a.resources.Len())
	for _, k := range kinds {
		for _, r := range a.resources.Page(store.Query{List: k.collection}) {
			state[r.path()] = a.view(r, "v1")
		}
	}
	return state
}
