package collection

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// patch writes the fields of the mask. Without a mask it writes those that were
// sent.
func (c *Collection) patch(call *apiserver.Call, f face) (any, error) {
	w := &Write{Call: call, Method: f.verb}
	beside, err := c.sent(w, f)
	if err != nil {
		return nil, err
	}
	mask, paths, err := c.mask(call, f, apiserver.Text(beside, "updateMask"))
	if err != nil {
		return nil, err
	}
	if err := c.checkName(beside, call.Resource); err != nil {
		return nil, err
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

// mask is the mask of a patch, as its parameter or its body has it, and the paths in it.
// "*" replaces everything, and "" writes what was sent.
func (c *Collection) mask(call *apiserver.Call, f face, inBody string) (mask string, paths [][]string, err error) {
	mask = cmp.Or(inBody, call.Query("updateMask"), c.DefaultMask)
	if mask == "" && (c.Replaces || f.method.Verb == "PUT" && f.method.Request == c.Message) {
		mask = "*"
	}
	if c.MaskRoot != "" {
		mask = strings.TrimPrefix(strings.ReplaceAll(mask, ","+c.MaskRoot, ","), c.MaskRoot)
	}
	paths, err = c.document.Mask(c.Message, mask)
	if err != nil {
		return "", nil, apiserver.InvalidSchema(err)
	}
	for _, path := range paths {
		field := c.document.Message(c.Message).Fields[path[0]]
		if field != nil && field.ReadOnly || slices.Contains(c.Fixed, path[0]) {
			return "", nil, apiserver.Invalid("The request was invalid: invalid value for update_mask: %q", strings.Join(path, "."))
		}
	}
	return mask, paths, nil
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
