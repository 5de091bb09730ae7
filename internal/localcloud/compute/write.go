package compute

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// identity are the fields that only the server writes, whatever the kind, beside those
// that the document calls output only.
var identity = []string{"name", "region", "fingerprint", "labelFingerprint"}

var (
	resourceName   = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$`)
	resourceNumber = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)
)

// site is where a route works: one method of one kind, through one version.
type site struct {
	api     *API
	kind    *kind
	version string
	method  schema.Method
	scopes  aggregation // all in which the kind is served
}

// method is a custom method: it answers, or makes what a resource is going to be.
type method struct {
	answer func(s site, c *apiserver.Call) (any, error)
	change func(s site, c *apiserver.Call, sent map[string]any, old *resource) (body map[string]any, err error)
}

func (m method) handler(s site) handler {
	if m.answer != nil {
		return func(c *apiserver.Call) (any, error) { return m.answer(s, c) }
	}
	return func(c *apiserver.Call) (any, error) { return s.change(c, m.change) }
}

// verb is the last part of the method's id.
func (s site) verb() string { return s.method.ID[strings.LastIndexByte(s.method.ID, '.')+1:] }

// sent is a request in the form of its message. What Google refuses by type is refused.
func (s site) sent(c *apiserver.Call) (map[string]any, error) {
	body, err := c.Body()
	if err != nil || s.method.Request == "" {
		return nil, err
	}
	normalize := document().Normalize
	if s.version != "v1" {
		normalize = document().NormalizeLater
	}
	sent, err := normalize(s.method.Request, body)
	if err == nil {
		return sent, nil
	}
	refused := apiserver.InvalidSchema(err)
	if !strings.Contains(refused.Message, "Unknown name") {
		refused.Reason = "invalid" // as for all values that Compute Engine refuses
	}
	return nil, refused
}

// place is where the path leads: a region that it names must exist.
func (s site) place(c *apiserver.Call) (place, error) {
	if !strings.Contains(s.method.Path, "/regions/") {
		return place{c.Project, global}, nil
	}
	region := c.Var("region")
	if !slices.Contains(regions, region) {
		return place{}, invalidField("region", region, "Unknown region.")
	}
	return at(c.Project, region), nil
}

// existing finds the resource that the path names, and notes in the log that the
// call is about it.
func (s site) existing(c *apiserver.Call) (*resource, error) {
	in, err := s.place(c)
	if err != nil {
		return nil, err
	}
	path := in.path(s.kind, c.Var("name"))
	if !resourceName.MatchString(c.Var("name")) {
		return s.byID(c, in)
	}
	if r := s.api.find(path); r != nil {
		s.describe(c, r)
		return r, nil
	}
	s.describe(c, &resource{kind: s.kind, place: in, name: c.Var("name")})
	return nil, notFound(path)
}

// byID finds a resource by its number, which stands where its name is
// expected. The text for what is neither is reported.
func (s site) byID(c *apiserver.Call, in place) (*resource, error) {
	if !resourceNumber.MatchString(c.Var("name")) {
		return nil, invalidField(s.kind.singular, c.Var("name"),
			"Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}'")
	}
	for _, r := range s.api.referring(idKey(s.kind, in, c.Var("name"))) {
		s.describe(c, r)
		return r, nil
	}
	return nil, notFound(in.path(s.kind, c.Var("name")))
}

func (s site) insert(c *apiserver.Call) (any, error) {
	sent, err := s.sent(c)
	if err != nil {
		return nil, err
	}
	in, err := s.place(c)
	if err != nil {
		return nil, err
	}
	name := apiserver.Text(sent, "name")
	c.Resource = in.path(s.kind, name)
	s.describe(c, &resource{kind: s.kind, place: in, name: name})
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if done := a.repeated(c, s.version); done != nil {
		return done, nil
	}
	if err := checkInsert(sent); err != nil {
		return nil, err
	}
	if a.find(c.Resource) != nil {
		return nil, apiserver.AlreadyExists("The resource '%s' already exists", c.Resource)
	}
	r := &resource{kind: s.kind, place: in, name: name, id: apiserver.NewID(), created: a.server.Stamp(),
		body: filled(stripped(sent), s.kind.defaults)}
	// Labels on insert were dropped in every recording (wire.md 2.6).
	delete(r.body, "labels")
	if err := a.accept(c, r, nil); err != nil {
		return nil, err
	}
	for _, each := range append(subnetworksOf(r), r) {
		a.put(c, each)
	}
	return a.begin(c, r), nil
}

// checkInsert refuses a body that can be no new resource, whatever its kind.
// An empty body is not a resource (reported from the Python client).
func checkInsert(sent map[string]any) error {
	name := apiserver.Text(sent, "name")
	switch {
	case len(sent) == 0:
		return required("resource")
	case name == "":
		return required("resource.name")
	case !resourceName.MatchString(name):
		return invalidField("resource.name", name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'")
	}
	return nil
}

// patch merges what was sent into what is there, and clears the fields of the mask that
// were not sent; update replaces it.
func (s site) patch(c *apiserver.Call) (any, error) {
	return s.change(c, func(s site, c *apiserver.Call, sent map[string]any, old *resource) (map[string]any, error) {
		if err := checkFingerprint("resource.fingerprint", apiserver.Text(sent, "fingerprint"), old.contentHash,
			s.kind.patchNeedsFingerprint); err != nil {
			return nil, err
		}
		body := apiserver.Clone(old.body)
		apiserver.Merge(body, stripped(sent))
		return body, s.clear(c, body, sent)
	})
}

// clear removes the fields of a call's mask that were not sent.
func (s site) clear(c *apiserver.Call, body, sent map[string]any) error {
	paths, err := document().Mask(s.method.Request, c.Query("updateMask"))
	if err != nil {
		return apiserver.InvalidSchema(err)
	}
	for _, path := range paths {
		collection.Assign(body, sent, path)
	}
	return nil
}

func (s site) update(c *apiserver.Call) (any, error) {
	return s.change(c, func(s site, _ *apiserver.Call, sent map[string]any, old *resource) (map[string]any, error) {
		return filled(stripped(sent), s.kind.defaults), checkFingerprint("resource.fingerprint",
			apiserver.Text(sent, "fingerprint"), old.contentHash, old.contentHash != "")
	})
}

// assigned are the fields that methods replace where their requests call them otherwise.
var assigned = map[string]string{"setEdgeSecurityPolicy": "edgeSecurityPolicy"}

// set carries out a custom method that replaces the fields that its request has.
func (s site) set(c *apiserver.Call) (any, error) {
	return s.change(c, func(s site, _ *apiserver.Call, sent map[string]any, old *resource) (map[string]any, error) {
		body := apiserver.Clone(old.body)
		for name := range document().Message(s.method.Request).Fields {
			if name == "labelFingerprint" {
				if err := checkFingerprint(name, apiserver.Text(sent, name), old.labelsHash, true); err != nil {
					return nil, err
				}
				continue
			}
			field := cmp.Or(assigned[s.verb()], name)
			if body[field] = sent[name]; sent[name] == "" {
				delete(body, field)
			}
		}
		return body, nil
	})
}

func (s site) change(c *apiserver.Call, next func(site, *apiserver.Call, map[string]any, *resource) (map[string]any,
	error)) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if done := a.repeated(c, s.version); done != nil {
		return done, nil
	}
	old, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	sent, err := s.sent(c)
	if err != nil {
		return nil, err
	}
	changed := *old
	if changed.body, err = next(s, c, sent, old); err != nil {
		return nil, err
	}
	if err := a.accept(c, &changed, old); err != nil {
		return nil, err
	}
	a.put(c, &changed)
	return a.begin(c, &changed), nil
}

func (s site) remove(c *apiserver.Call) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if done := a.repeated(c, s.version); done != nil {
		return done, nil
	}
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	if err := a.removable(r); err != nil {
		return nil, err
	}
	for _, each := range append(subnetworksOf(r), r) {
		a.drop(c, each)
	}
	return a.begin(c, r), nil
}

// removable refuses to delete what something else uses, but for what goes with it.
func (a *API) removable(r *resource) error {
	if r.kind == subnetworks {
		if err := a.removableSubnetwork(r); err != nil {
			return err
		}
	}
	goes := map[string]bool{}
	all := append(subnetworksOf(r), r)
	for _, each := range all {
		goes[each.path()] = true
	}
	for _, each := range all {
		for _, user := range a.users(each) {
			if goes[user.path()] {
				continue
			}
			e := apiserver.Invalid("The %s resource '%s' is already being used by '%s'", snake(each.kind.singular),
				usedName(each, each), usedName(each, user))
			e.Reason = "resourceInUseByAnotherResource"
			return e
		}
	}
	return nil
}

// usedName is what the refusal to delete a resource calls it and its user: its path. That
// of a health check has another form (recorded for global ones).
func usedName(used, r *resource) string {
	if used.kind.collection != "healthChecks" {
		return r.path()
	}
	scope := "GLOBAL:global"
	if region := r.region(); region != "" {
		scope = "REGION:" + region
	}
	return scope + "/PROJECT:" + r.project.Number + "/" + strings.ToUpper(snake(r.kind.singular)) + ":" + r.name
}

// stripped is what was sent without what only the server writes.
func stripped(sent map[string]any) map[string]any {
	body := apiserver.Clone(sent)
	for _, field := range identity {
		delete(body, field)
	}
	return body
}

// filled is what was sent, filled up with defaults.
func filled(body, defaults map[string]any) map[string]any {
	fill(body, apiserver.Clone(defaults))
	return body
}

// fill writes the fields that an object does not have.
func fill(object, defaults map[string]any) {
	for field, value := range defaults {
		if object[field] == nil {
			object[field] = value
		}
	}
}

// whole is a number of the document's integer types, 0 where there is none.
func whole(value any) int {
	n, _ := strconv.Atoi(fmt.Sprint(value))
	return n
}

// accept settles a resource that a call is about to write, unless the caller may not use
// what it names.
func (a *API) accept(c *apiserver.Call, r, old *resource) error {
	if err := a.settle(r, old); err != nil {
		return err
	}
	return a.mayUse(c, r, old)
}

// settle checks a resource that is about to be written and brings it into the
// form in which it is kept.
func (a *API) settle(r, old *resource) error {
	for _, field := range r.kind.required {
		if value := r.body[field]; value == nil || value == "" {
			return required("resource." + field)
		}
	}
	if err := a.resolve(r); err != nil {
		return err
	}
	if r.kind.settle != nil {
		if err := r.kind.settle(a, r, old); err != nil {
			return err
		}
	}
	prune(r.body)
	return nil
}

// prune drops empty lists and nulls: a list that is empty is never answered
// (recorded: customRequestHeaders [] sent, absent when read).
func prune(object map[string]any) {
	for key, value := range object {
		switch value := value.(type) {
		case nil:
			delete(object, key)
		case []any:
			if len(value) == 0 {
				delete(object, key)
			}
			for _, child := range value {
				if child, ok := child.(map[string]any); ok {
					prune(child)
				}
			}
		case map[string]any:
			prune(value)
		}
	}
}
