package compute

import (
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// API is the state of Compute Engine in one project.
type API struct {
	server *apiserver.Server

	mu        sync.Mutex
	resources map[string]*resource
	// past holds the same resources, and what they were before, for lists that
	// show what was.
	past      apiserver.History[*resource]
	requests  map[string]string
	addresses int
}

// resource is one resource. Who it is stands beside what was configured, so
// that a write can replace all of the latter and nothing of the former.
type resource struct {
	kind    *kind
	scope   string
	name    string
	id      string
	created time.Time
	body    map[string]any
}

// New returns an empty Compute Engine on k.
func New(s *apiserver.Server) *API {
	a := &API{server: s}
	a.reset()
	return a
}

// API is what the server serves.
func (a *API) API() apiserver.API {
	return apiserver.API{Name: "compute", Routes: a.routes(), State: a.state, Reset: a.reset, Touch: a.touch}
}

func (a *API) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources, a.requests, a.addresses = map[string]*resource{}, map[string]string{}, 0
	a.past.Reset()
}

// put keeps a resource that was written, unless its operation is going to
// fail. The lock is held.
func (a *API) put(c *apiserver.Call, r *resource) {
	if failure, _ := c.OperationFault(); failure == nil {
		a.keep(r)
	}
}

func (a *API) keep(r *resource) {
	a.resources[r.path()] = r
	a.past.Put(r.path(), a.server.Now(), r)
}

// drop forgets a resource that was deleted, unless its operation is going to
// fail. The lock is held.
func (a *API) drop(c *apiserver.Call, r *resource) {
	if failure, _ := c.OperationFault(); failure != nil {
		return
	}
	delete(a.resources, r.path())
	a.past.Drop(r.path(), a.server.Now())
	a.server.DeletePolicy(r.path())
}

// touch writes to a resource as somebody else would: its description is
// another, and so is its fingerprint.
func (a *API) touch(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.resources[path]; r != nil {
		changed := *r
		changed.body = apiserver.Clone(r.body)
		changed.body["description"] = "written by somebody else at " + pacific(a.server.Stamp())
		a.keep(&changed)
	}
}

func (a *API) state() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := make(map[string]any, len(a.resources))
	for path, r := range a.resources {
		state[path] = a.view(r, "v1")
	}
	return state
}

// BackendService finds a backend service by its name or numeric id, as IAP
// names it. Region is "" for a global one.
func (a *API) BackendService(region, nameOrID string) (name, id string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.resources {
		if r.kind.collection == "backendServices" && r.region() == region && (r.name == nameOrID || r.id == nameOrID) {
			return r.name, r.id, true
		}
	}
	return "", "", false
}

// global is the scope of what belongs to no region; the others are
// "regions/REGION".
const global = "global"

func (r *resource) region() string {
	region, _ := strings.CutPrefix(r.scope, "regions/")
	if region == global {
		return ""
	}
	return region
}

// path is the resource's name: projects/P/global/backendServices/N.
func (r *resource) path() string { return resourcePath(r.scope, r.kind, r.name) }

func resourcePath(scope string, k *kind, name string) string {
	return "projects/" + apiserver.ProjectID + "/" + scope + "/" + k.collection + "/" + name
}

// apiName is the API collection that serves a kind in a scope.
func (k *kind) apiName(scope string) string {
	if scope == global {
		return k.global
	}
	return k.regional
}

// view is the resource as a client of one API version sees it.
func (a *API) view(r *resource, version string) map[string]any {
	body := apiserver.Clone(r.body)
	body["kind"] = "compute#" + r.kind.singular
	body["id"] = r.id
	body["name"] = r.name
	body["creationTimestamp"] = pacific(r.created)
	body["selfLink"] = link(r.path())
	if region := r.region(); region != "" {
		body["region"] = link("projects/" + apiserver.ProjectID + "/regions/" + region)
	}
	if r.kind.fingerprint {
		body["fingerprint"] = r.fingerprint()
	}
	if r.kind.labels {
		body["labelFingerprint"] = r.labelFingerprint()
	}
	if r.kind.view != nil {
		r.kind.view(a, r, body)
	}
	return inVersion(body, version)
}

// sorted are the resources that keep accepts, ordered by scope and name.
func (a *API) sorted(keep func(*resource) bool) []*resource { return sorted(a.resources, keep) }

// listed are the same as lists show them, which may be as they were.
func (a *API) listed(keep func(*resource) bool) []*resource {
	return sorted(a.past.All(a.server.Listed()), keep)
}

func sorted(all map[string]*resource, keep func(*resource) bool) []*resource {
	var found []*resource
	for _, r := range all {
		if keep(r) {
			found = append(found, r)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].path() < found[j].path() })
	return found
}
