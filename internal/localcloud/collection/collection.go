package collection

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// Resource is one resource. It is a value: a write puts another in its place, and
// nothing in it changes.
type Resource struct {
	// Name is the full name, with the project's id.
	Name string
	// Body is the resource as the API shows it, without what View computes.
	Body    map[string]any
	Created time.Time
	// Kept is what no answer shows. What is in it must not change either.
	Kept any
}

// Write is one write on its way.
type Write struct {
	Call   *apiserver.Call
	Method string
	// Old is what was there, nil = nothing. New is what is going to be there, nil =
	// nothing; Prepare may change it.
	Old, New *Resource
	// Sent is what the client sent of the resource, in canonical form.
	Sent map[string]any
	// Beside is what a kind's own functions hand to each other.
	Beside any
	// At is later than every write before it.
	At time.Time
}

// Collection holds the resources of one kind. It is safe for concurrent use.
type Collection struct {
	Kind
	server   *apiserver.Server
	document *schema.API

	writing sync.Mutex // held from the first look at a resource until it is kept

	mu        sync.RWMutex
	resources map[string]Resource
	past      apiserver.History[Resource] // for lists that show what was
}

// New returns an empty collection.
func New(s *apiserver.Server, kind Kind) *Collection {
	c := &Collection{Kind: kind, server: s, document: schema.Of(kind.Documents[0])}
	c.Reset()
	return c
}

// Server is what the collection is served by.
func (c *Collection) Server() *apiserver.Server { return c.server }

// Get returns a resource by its full name.
func (c *Collection) Get(name string) (Resource, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, ok := c.resources[name]
	return found, ok
}

// Named returns the resource that a call is about, or the API's 404 for it or for
// what it is below.
func (c *Collection) Named(call *apiserver.Call) (Resource, error) {
	name := c.resolved(call.Resource)
	if found, ok := c.Get(name); ok {
		return found, c.condition(call, &found)
	}
	if err := c.parentExists(name); err != nil {
		return Resource{}, err
	}
	return Resource{}, c.notFound(call.Resource)
}

// resolved is the name that a name stands for.
func (c *Collection) resolved(name string) string {
	if c.Alias == nil {
		return name
	}
	return c.Alias(c, name)
}

func (c *Collection) condition(call *apiserver.Call, current *Resource) error {
	if c.Condition == nil {
		return nil
	}
	return c.Condition(call, current)
}

// parentExists reports whether what a name is below of is there.
func (c *Collection) parentExists(name string) error {
	if c.Within == nil {
		return nil
	}
	in, _ := c.split(name)
	parent := parentOf(in)
	if _, ok := c.Within.Get(parent); !ok && lastSegment(parent) != "-" {
		return c.Within.notFound(parent)
	}
	return nil
}

// All are the resources below a parent, in the order of lists. A "-" in the parent
// stands for any segment, and "" is everywhere.
func (c *Collection) All(parent string) []Resource {
	c.mu.RLock()
	all := slices.Collect(maps.Values(c.resources))
	c.mu.RUnlock()
	return c.ordered(all, parent)
}

func (c *Collection) ordered(all []Resource, parent string) []Resource {
	found := slices.DeleteFunc(all, func(r Resource) bool { return !c.below(r.Name, parent) })
	slices.SortFunc(found, func(a, b Resource) int {
		if c.NewestFirst {
			return cmp.Or(b.Created.Compare(a.Created), strings.Compare(b.Name, a.Name))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found
}

// below reports whether a name is directly below a parent's collection, such as
// projects/P/locations/-/jobs.
func (c *Collection) below(name, parent string) bool {
	if parent == "" {
		return true
	}
	in, _ := c.split(name)
	is, wanted := strings.Split(in, "/"), strings.Split(parent, "/")
	return slices.EqualFunc(is, wanted, func(segment, want string) bool { return want == "-" || segment == want })
}

// Put keeps a resource.
func (c *Collection) Put(r Resource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resources[r.Name] = r
	if !c.Consistent {
		c.past.Put(r.Name, c.server.Now(), r)
	}
}

// PutMissing keeps a resource unless there is one of its name. For lists it was
// always there.
func (c *Collection) PutMissing(r Resource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.resources[r.Name]; !there {
		c.resources[r.Name] = r
		c.past.Put(r.Name, time.Time{}, r)
	}
}

// Drop forgets a resource and its policy.
func (c *Collection) Drop(name string) {
	c.mu.Lock()
	delete(c.resources, name)
	c.past.Drop(name, c.server.Now())
	c.mu.Unlock()
	c.server.DeletePolicy(name)
}

// Reset forgets every resource.
func (c *Collection) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resources = map[string]Resource{}
	c.past.Reset()
}

// States are copies of all resources, by name, for the local cloud's own state.
func (c *Collection) States() map[string]any {
	c.others()
	states := map[string]any{}
	for _, r := range c.All("") {
		shown := c.Shown(r)
		if c.State != nil {
			c.State(r, shown)
		}
		states[r.Name] = shown
	}
	return states
}

// Shown is a resource as the API shows it.
func (c *Collection) Shown(r Resource) map[string]any {
	shown := apiserver.Clone(r.Body)
	if c.has("name") {
		shown["name"] = c.shownName(r.Name)
	}
	if c.View != nil {
		c.View(r, shown)
	}
	return shown
}

// ShownTo is a resource as the version of the API that a call asks shows it.
func (c *Collection) ShownTo(call *apiserver.Call, r Resource) map[string]any {
	shown := c.Shown(r)
	if c.Shape != nil {
		c.Shape(Version(call), r, shown)
	}
	if c.Link != nil {
		c.Link(call, shown)
	}
	return shown
}

// Version is the version of the API that a call asks: "v1beta1".
func Version(call *apiserver.Call) string {
	path := call.Route.Path
	if in := apiVersion(call); in != "" {
		path = in[strings.IndexByte(in, '/'):]
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return version
}

// groupVersion is what the paths of Kubernetes' form begin with.
var groupVersion = regexp.MustCompile(`^/apis/([^/]+/v[^/]+)/`)

// apiVersion is the group and the version that a call of Kubernetes' form asks,
// "run.googleapis.com/v1", and "" for any other call.
func apiVersion(call *apiserver.Call) string {
	if parts := groupVersion.FindStringSubmatch(call.Route.Path); parts != nil {
		return parts[1]
	}
	return ""
}

// Method is the method of a discovery document that a call asks for.
func (c *Collection) Method(call *apiserver.Call) (*schema.API, schema.Method) {
	for _, name := range c.Documents {
		if strings.HasSuffix(name, "/"+Version(call)) {
			document := schema.Of(name)
			method, _ := document.Method(call.Route.ID)
			return document, method
		}
	}
	return c.document, schema.Method{}
}

// others brings in what others made, when no write is under way: what is just being
// deleted here would come back.
func (c *Collection) others() {
	if c.Others == nil {
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.Others(c)
}

// has reports whether the resource has a field.
func (c *Collection) has(field string) bool {
	return c.document.Message(c.Message).Fields[field] != nil
}

// Merged serves several collections as one API.
func Merged(name string, all ...*Collection) apiserver.API {
	api := apiserver.API{Name: name}
	for _, c := range all {
		api.Routes = append(api.Routes, c.Routes(name)...)
	}
	api.State = func() map[string]any {
		states := map[string]any{}
		for _, c := range all {
			maps.Copy(states, c.States())
		}
		return states
	}
	api.Reset = func() {
		for _, c := range all {
			c.Reset()
		}
	}
	return api
}
