package compute

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// identity are the fields that only the server writes, whatever the kind.
var identity = []string{
	"kind", "id", "creationTimestamp", "selfLink", "selfLinkWithId", "region", "zone", "fingerprint", "labelFingerprint",
}

var (
	resourceName   = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$`)
	resourceNumber = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)
)

// site is where a route works: one kind in one scope, through one version.
type site struct {
	api     *API
	kind    *kind
	version string
	global  bool
}

// scope is "global" or the region that the path names, which must exist.
func (s site) scope(c *apiserver.Call) (string, error) {
	if s.global {
		return global, nil
	}
	region := c.Var("region")
	if !slices.Contains(regions, region) {
		return "", invalidField("region", region, "Unknown region.")
	}
	return "regions/" + region, nil
}

// existing finds the resource that the path names, and notes in the log that the
// call is about it.
func (s site) existing(c *apiserver.Call) (*resource, error) {
	scope, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	path := resourcePath(scope, s.kind, c.Var("name"))
	if !resourceName.MatchString(c.Var("name")) {
		return s.byID(c, scope)
	}
	if r := s.api.find(path); r != nil {
		s.describe(c, r)
		return r, nil
	}
	s.describe(c, &resource{kind: s.kind, scope: scope, name: c.Var("name")})
	return nil, notFound(path)
}

// byID finds a resource by its number, which stands where its name is
// expected. The text for what is neither is reported.
func (s site) byID(c *apiserver.Call, scope string) (*resource, error) {
	if !resourceNumber.MatchString(c.Var("name")) {
		return nil, invalidField(s.kind.singular, c.Var("name"),
			"Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}'")
	}
	for _, r := range s.api.referring(idKey(s.kind, scope, c.Var("name"))) {
		s.describe(c, r)
		return r, nil
	}
	return nil, notFound(resourcePath(scope, s.kind, c.Var("name")))
}

func (s site) insert(c *apiserver.Call) (any, error) {
	sent, err := c.Body()
	if err != nil {
		return nil, err
	}
	scope, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	name := apiserver.Text(sent, "name")
	c.Resource = resourcePath(scope, s.kind, name)
	s.describe(c, &resource{kind: s.kind, scope: scope, name: name})
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if done := a.repeated(c, s.version); done != nil {
		return done, nil
	}
	if err := s.checkInsert(sent); err != nil {
		return nil, err
	}
	if a.find(c.Resource) != nil {
		return nil, apiserver.AlreadyExists("The resource '%s' already exists", c.Resource)
	}
	r := &resource{kind: s.kind, scope: scope, name: name, id: apiserver.NewID(), created: a.server.Stamp(),
		body: s.configured(sent)}
	// Labels on insert were dropped in every recording (wire.md 2.6).
	delete(r.body, "labels")
	if err := a.settle(r, nil); err != nil {
		return nil, err
	}
	a.put(c, r)
	return a.begin(c, r, s.operation("insert")), nil
}

// checkInsert refuses a body that can be no new resource, whatever its kind.
// An empty body is not a resource (reported from the Python client).
func (s site) checkInsert(sent map[string]any) error {
	name := apiserver.Text(sent, "name")
	switch {
	case len(sent) == 0:
		return required("resource")
	case name == "":
		return required("resource.name")
	case !resourceName.MatchString(name):
		return invalidField("resource.name", name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'")
	}
	return s.checkFields(sent)
}

// patch merges what was sent into what is there; update replaces it.
func (s site) patch(c *apiserver.Call) (any, error) {
	return s.change(c, s.operation("patch"), func(sent map[string]any, old *resource) (map[string]any, error) {
		if err := s.checkFields(sent); err != nil {
			return nil, err
		}
		if err := checkFingerprint("resource.fingerprint", apiserver.Text(sent, "fingerprint"), old.contentHash,
			s.kind.patchNeedsFingerprint); err != nil {
			return nil, err
		}
		body := apiserver.Clone(old.body)
		apiserver.Merge(body, s.stripped(sent))
		return body, nil
	})
}

func (s site) update(c *apiserver.Call) (any, error) {
	return s.change(c, s.operation("update"), func(sent map[string]any, old *resource) (map[string]any, error) {
		if err := s.checkFields(sent); err != nil {
			return nil, err
		}
		if err := checkFingerprint("resource.fingerprint", apiserver.Text(sent, "fingerprint"), old.contentHash,
			true); err != nil {
			return nil, err
		}
		return s.configured(sent), nil
	})
}

// act carries out a custom method: the fields it names are replaced.
func (s site) act(which action) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		return s.change(c, operation{which.operation, which.instant},
			func(sent map[string]any, old *resource) (map[string]any, error) {
				if err := which.checkFields(sent); err != nil {
					return nil, err
				}
				if which.name == setLabels.name {
					if err := checkFingerprint("labelFingerprint", apiserver.Text(sent, "labelFingerprint"), old.labelsHash,
						true); err != nil {
						return nil, err
					}
				}
				body, sent := apiserver.Clone(old.body), apiserver.Clone(sent)
				for _, field := range which.fields {
					delete(body, field)
					if value, ok := sent[field]; ok {
						body[field] = value
					}
				}
				return body, nil
			})
	}
}

func (s site) change(c *apiserver.Call, op operation, next func(sent map[string]any, old *resource) (map[string]any,
	error)) (any, error) {
	sent, err := c.Body()
	if err != nil {
		return nil, err
	}
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
	changed := *old
	if changed.body, err = next(sent, old); err != nil {
		return nil, err
	}
	if err := a.settle(&changed, old); err != nil {
		return nil, err
	}
	a.put(c, &changed)
	return a.begin(c, &changed, op), nil
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
	if users := a.users(r); len(users) > 0 {
		e := apiserver.Invalid("The %s resource '%s' is already being used by '%s'", snake(r.kind.singular), r.path(),
			users[0].path())
		e.Reason = "resourceInUseByAnotherResource"
		return nil, e
	}
	a.drop(c, r)
	return a.begin(c, r, s.operation("delete")), nil
}

// stripped is what was sent without what only the server writes.
func (s site) stripped(sent map[string]any) map[string]any {
	body := apiserver.Clone(sent)
	for _, fields := range [][]string{identity, s.kind.outputs, {"name"}} {
		for _, field := range fields {
			delete(body, field)
		}
	}
	return body
}

// configured is a whole resource as it was sent, filled up with defaults.
func (s site) configured(sent map[string]any) map[string]any {
	body := s.stripped(sent)
	for field, value := range apiserver.Clone(s.kind.defaults) {
		if body[field] == nil {
			body[field] = value
		}
	}
	return body
}

// settle checks a resource that is about to be written and brings it into the
// form in which it is kept.
func (a *API) settle(r, old *resource) error {
	for _, field := range r.kind.required {
		if value := r.body[field]; value == nil || value == "" {
			return required("resource." + field)
		}
	}
	for field, allowed := range r.kind.enums {
		if value, ok := r.body[field]; ok && !slices.Contains(allowed, fmt.Sprint(value)) {
			return invalidField("resource."+field, fmt.Sprint(value), "It is not a valid enum value.")
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
