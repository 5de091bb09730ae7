package collection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Add keeps a resource that a method of another kind makes, such as a version. It sees
// the collection as no other write changes it meanwhile.
func (c *Collection) Add(made func() Resource) Resource {
	c.writing.Lock()
	defer c.writing.Unlock()
	added := made()
	c.Put(added)
	return added
}

// create makes a resource. Its id is in a parameter, in the body, or in the path, as
// the discovery document says; or the server gives it.
func (c *Collection) create(call *apiserver.Call, f face) (any, error) {
	w := &Write{Call: call, Method: f.verb}
	asked, err := c.sent(w, f)
	if err != nil {
		return nil, err
	}
	name, err := c.newName(call, f, asked)
	if err != nil {
		return nil, err
	}
	c.describe(call, name)
	if err := c.checkName(asked, name); err != nil {
		return nil, err
	}
	in, id := c.split(name)
	below := f.method.Verb != "PUT" && in != c.nameOf(call) // the id has slashes
	if below || c.ID != nil && !c.ID.MatchString(id) {
		return nil, c.badID(name)
	}
	if err := c.parentExists(name); err != nil {
		return nil, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	taken, there := c.Get(c.resolved(name))
	current := &taken
	if !there {
		current = nil
	}
	if err := c.condition(call, current); err != nil {
		return nil, err
	}
	if there {
		return nil, c.exists(name)
	}
	w.At = c.server.Stamp()
	w.New = &Resource{Name: name, Created: w.At, Body: map[string]any{}}
	apiserver.Merge(w.New.Body, c.Defaults)
	apiserver.Merge(w.New.Body, w.Sent)
	c.stamp(w)
	return c.keep(w)
}

// newName is the full name of a resource that is to be made.
func (c *Collection) newName(call *apiserver.Call, f face, asked map[string]any) (string, error) {
	if f.method.Verb == "PUT" {
		return c.nameOf(call), nil
	}
	all := c.nameOf(call)
	for name := range f.method.Parameters {
		if strings.HasSuffix(name, "Id") && call.Request.URL.Query().Has(name) {
			return all + "/" + call.Query(name), nil
		}
	}
	if given := apiserver.Text(asked, "name"); c.NewID != nil && (c.ID == nil || given == "") {
		return all + "/" + c.NewID(), nil
	}
	if c.IDField != "" {
		body, err := call.Body()
		path := strings.Split(c.IDField, ".")
		for _, name := range path[:len(path)-1] {
			body = apiserver.Object(body, name)
		}
		if id := apiserver.Text(body, path[len(path)-1]); id != "" || err != nil {
			return all + "/" + id, err
		}
	}
	for name, value := range asked { // such as accountId beside serviceAccount
		if id, ok := value.(string); ok && strings.HasSuffix(name, "Id") {
			return all + "/" + id, nil
		}
	}
	body, err := call.Body()
	name := c.server.ByID(apiserver.Text(body, "name"))
	switch {
	case err != nil:
		return "", err
	case !strings.Contains(name, "/"), c.Depth > 0 && !strings.HasPrefix(name, all+"/"):
		return all + "/" + name, nil
	case parentOf(name) != all:
		return "", c.badID(name)
	}
	return name, nil
}

// Overwrite keeps a resource, whether or not there is one of its name, as an upload
// does.
func (c *Collection) Overwrite(call *apiserver.Call, made Resource) (any, error) {
	if err := c.parentExists(made.Name); err != nil {
		return nil, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	w := &Write{Call: call, Method: lastPart(call.Route.ID), New: &made, Sent: apiserver.Clone(made.Body), At: c.server.Stamp()}
	if old, ok := c.Get(made.Name); ok {
		w.Old = &old
	}
	if err := c.condition(call, w.Old); err != nil {
		return nil, err
	}
	made.Created = w.At
	c.stamp(w)
	return c.keep(w)
}
