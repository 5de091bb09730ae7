package compute

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

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
	change edit
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
