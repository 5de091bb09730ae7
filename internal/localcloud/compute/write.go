package compute

import (
	"cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

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
	return s.write(c, func(a *API) (*resource, error) {
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
		return r, nil
	})
}

// write carries out a write alone, and answers the operation that it begins. A request
// that comes again is answered with the operation of the first one.
func (s site) write(c *apiserver.Call, do func(a *API) (*resource, error)) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if done := a.repeated(c, s.version); done != nil {
		return done, nil
	}
	r, err := do(a)
	if err != nil {
		return nil, err
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

// edit makes what a resource is going to be of what was sent.
type edit = func(s site, c *apiserver.Call, sent map[string]any, old *resource) (body map[string]any, err error)

// change writes what an edit makes of the resource that a call names.
func (s site) change(c *apiserver.Call, next edit) (any, error) {
	return s.write(c, func(a *API) (*resource, error) {
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
		return &changed, nil
	})
}

func (s site) remove(c *apiserver.Call) (any, error) {
	return s.write(c, func(a *API) (*resource, error) {
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
		return r, nil
	})
}
