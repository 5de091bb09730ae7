package collection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

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

// checkName refuses a resource that calls itself otherwise than the request: by another
// name, whatever names the project in it, or by another id.
func (c *Collection) checkName(asked map[string]any, name string) error {
	_, id := c.split(name)
	given := apiserver.Text(asked, "name")
	if given == "" || given == id || c.server.ByID(given) == c.server.ByID(name) {
		return nil
	}
	message := strings.ToLower(c.Message[:1]) + c.Message[1:]
	return apiserver.Invalid("The request was invalid: invalid value for %s.name: %q", message, given)
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
	case etag == "" || current == "" || schema.SameBytes(etag, current):
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
