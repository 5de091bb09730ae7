package collection

import (
	"cmp"
	"slices"
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
	if given := apiserver.Text(asked, "name"); given != "" && !c.sameName(given, name) {
		return nil, apiserver.Invalid("The request was invalid: invalid value for %s.name: %q", lowerFirst(c.Message), given)
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
	taken := name
	if c.Alias != nil {
		taken = c.Alias(c, name)
	}
	current, there := c.Get(taken)
	if !there {
		if err := c.condition(call, nil); err != nil {
			return nil, err
		}
	} else if err := cmp.Or(c.condition(call, &current), c.exists(name)); err != nil {
		return nil, err
	}
	w.At = c.server.Stamp()
	w.New = &Resource{Name: name, Created: w.At, Body: apiserver.Clone(c.Defaults)}
	if w.New.Body == nil {
		w.New.Body = map[string]any{}
	}
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
	for name := range f.method.Parameters {
		if strings.HasSuffix(name, "Id") && call.Request.URL.Query().Has(name) {
			return all + "/" + call.Query(name), nil
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

// sent reads the resource in a request's body into w.Sent, and returns what stands
// beside it where the resource is only a part of the request.
func (c *Collection) sent(w *Write, f face) (beside map[string]any, err error) {
	body, err := w.Call.Body()
	if err != nil {
		return nil, err
	}
	canonical, err := f.document.Normalize(f.method.Request, body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	if f.method.Request == c.Message || c.Unshape != nil && f.document != c.document {
		w.Sent = canonical
		if name, given := body["name"]; given {
			canonical["name"] = name
		}
		if c.Unshape != nil {
			if err := c.Unshape(Version(w.Call), w); err != nil {
				return nil, err
			}
		}
		return map[string]any{"name": w.Sent["name"]}, nil
	}
	for name, field := range f.document.Message(f.method.Request).Fields {
		if field.Ref == c.Message && !field.Repeated {
			w.Sent = apiserver.Object(canonical, name)
			delete(canonical, name)
		}
	}
	if w.Sent == nil {
		w.Sent = map[string]any{}
	}
	return canonical, nil
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// sameName compares what a client calls a resource with its name: whatever it calls the
// project by, and also when it gives only the id.
func (c *Collection) sameName(given, name string) bool {
	_, id := c.split(name)
	return c.server.ByID(given) == c.server.ByID(name) || given == id
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

// patch writes the fields of the mask. Without a mask it writes those that were
// sent.
func (c *Collection) patch(call *apiserver.Call, f face) (any, error) {
	w := &Write{Call: call, Method: f.verb}
	beside, err := c.sent(w, f)
	if err != nil {
		return nil, err
	}
	mask := call.Query("updateMask")
	if text := apiserver.Text(beside, "updateMask"); text != "" {
		mask = text
	}
	if mask == "" {
		mask = c.DefaultMask
	}
	if mask == "" && (c.Replaces || f.method.Verb == "PUT" && f.method.Request == c.Message) {
		mask = "*"
	}
	if c.MaskRoot != "" {
		mask = strings.TrimPrefix(strings.ReplaceAll(mask, ","+c.MaskRoot, ","), c.MaskRoot)
	}
	paths, err := c.document.Mask(c.Message, mask)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	for _, path := range paths {
		if field := c.document.Message(c.Message).Fields[path[0]]; field != nil && field.ReadOnly || slices.Contains(c.Fixed, path[0]) {
			return nil, apiserver.Invalid("The request was invalid: invalid value for update_mask: %q", strings.Join(path, "."))
		}
	}
	if given := apiserver.Text(beside, "name"); given != "" && !c.sameName(given, call.Resource) {
		return nil, apiserver.Invalid("The request was invalid: invalid value for %s.name: %q", lowerFirst(c.Message), given)
	}
	return c.write(w, func(w *Write) error {
		if err := c.checkEtag(w, apiserver.Text(w.Sent, "etag")); err != nil {
			return err
		}
		switch {
		case mask == "*":
			w.New.Body = apiserver.Clone(w.Sent)
			c.outputs(w)
		case mask == "":
			apiserver.Merge(w.New.Body, w.Sent)
		default:
			for _, path := range paths {
				c.assign(w, path)
			}
		}
		return nil
	})
}

// assign writes a field of the mask. Where the kind says so, a message in the last
// position of a path is merged into the one that is there, as protobuf's
// field_mask.proto has it ("Field Masks in Update Operations").
func (c *Collection) assign(w *Write, path []string) {
	sent, message := w.Sent, c.document.Message(c.Message)
	for i, name := range path {
		if message == nil || message.Fields[name] == nil {
			break
		}
		field := message.Fields[name]
		if c.MergesMessages && i == len(path)-1 && field.Ref != "" && !field.Map && !field.Repeated {
			if merged := apiserver.Object(sent, name); merged != nil {
				patch := merged
				for j := i; j >= 0; j-- {
					patch = map[string]any{path[j]: patch}
				}
				apiserver.Merge(w.New.Body, patch)
				return
			}
		}
		sent, message = apiserver.Object(sent, name), c.document.Message(field.Ref)
	}
	Assign(w.New.Body, w.Sent, path)
}

// outputs keeps what only the server writes, when everything else is replaced.
func (c *Collection) outputs(w *Write) {
	for name, field := range c.document.Message(c.Message).Fields {
		if value, ok := w.Old.Body[name]; ok && field.ReadOnly {
			w.New.Body[name] = value
		}
	}
}

// Change is a custom method that changes the resource that a call names.
func (c *Collection) Change(call *apiserver.Call, by func(*Write) error) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	document, method := c.Method(call)
	if method.Request != "" {
		if body, err = document.Normalize(method.Request, body); err != nil {
			return nil, apiserver.InvalidSchema(err)
		}
	}
	return c.write(&Write{Call: call, Method: lastPart(call.Route.ID), Sent: body}, by)
}

// write changes a resource that is there.
func (c *Collection) write(w *Write, by func(*Write) error) (any, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.describe(w.Call, w.Call.Resource)
	old, err := c.Named(w.Call)
	if err != nil {
		return nil, err
	}
	changed := old
	changed.Body = apiserver.Clone(old.Body)
	w.Old, w.New, w.At = &old, &changed, c.server.Stamp()
	if err := by(w); err != nil {
		return nil, err
	}
	c.stamp(w)
	return c.keep(w)
}

func (c *Collection) remove(call *apiserver.Call) (any, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.describe(call, call.Resource)
	old, err := c.Named(call)
	switch {
	case err != nil && call.Query("allowMissing") == "true" && c.Answer != nil:
		return c.Answer(c, &Write{Call: call, Method: "delete", At: c.server.Stamp()}, map[string]any{})
	case err != nil && call.Query("allowMissing") == "true":
		return map[string]any{}, nil
	case err != nil:
		return nil, err
	}
	w := &Write{Call: call, Method: "delete", Old: &old, At: c.server.Stamp()}
	if err := c.checkEtag(w, call.Query("etag")); err != nil {
		return nil, err
	}
	return c.keep(w)
}

// checkEtag refuses a write that names another version than the current one.
func (c *Collection) checkEtag(w *Write, etag string) error {
	switch current := apiserver.Text(w.Old.Body, "etag"); {
	case etag == "" || current == "" || etag == current:
		return nil
	case c.Conflict != nil:
		return c.Conflict(*w.Old, etag)
	default:
		return apiserver.Aborted("The request was aborted: the etag %s is not the current one of '%s'", etag, w.Old.Name)
	}
}

// Dry reports whether the client only wants to know whether the write would be
// accepted.
func (w *Write) Dry() bool {
	return w.Call.Query("validateOnly") == "true" || w.Call.Query("dryRun") == "all" || w.Sent["validateOnly"] == true
}

// keep prepares a write, keeps it and answers it. A write whose operation is going
// to fail, or never ends, is not kept, unless the kind has Fails.
func (c *Collection) keep(w *Write) (any, error) {
	if c.Prepare != nil {
		if err := c.Prepare(w); err != nil {
			return nil, err
		}
	}
	failure, never := w.Call.OperationFault()
	comes := failure == nil && !never
	dry := w.Dry()
	if dry {
		w.Call.Record = nil
	}
	switch {
	case !dry && !comes && c.Fails != nil && w.New != nil:
		c.Fails(w, failure)
		c.Put(*w.New)
	case dry || !comes:
	case w.New == nil:
		c.Drop(w.Old.Name)
	default:
		c.Put(*w.New)
	}
	if c.Changed != nil && !dry && comes {
		c.Changed(w)
	}
	shown := map[string]any{}
	if w.New != nil {
		shown = c.ShownTo(w.Call, *w.New)
	} else if c.Answer != nil {
		shown = c.ShownTo(w.Call, *w.Old)
	}
	if c.Answer != nil {
		return c.Answer(c, w, shown)
	}
	return shown, nil
}

// Edit changes a resource without a call, as what runs behind an API does. By changes a
// copy, and reports whether that is to be kept.
func (c *Collection) Edit(name string, by func(r *Resource) bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if r, ok := c.Get(name); ok {
		if r.Body = apiserver.Clone(r.Body); by(&r) {
			c.Put(r)
		}
	}
}

// Assign writes the field at a path as it was sent; one that was not is cleared.
func Assign(into, sent map[string]any, path []string) {
	key := path[0]
	value, given := sent[key]
	switch {
	case len(path) == 1 && given:
		into[key] = value
	case len(path) == 1:
		delete(into, key)
	default:
		child := apiserver.Object(into, key)
		if child == nil {
			child = map[string]any{}
			into[key] = child
		}
		Assign(child, apiserver.Object(sent, key), path[1:])
	}
}
