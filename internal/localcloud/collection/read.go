package collection

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const defaultPageSize = 1000

func (c *Collection) get(call *apiserver.Call) (any, error) {
	found, err := c.Named(call)
	if err != nil {
		return nil, err
	}
	return c.ShownTo(call, found), nil
}

// list answers one page of what is below the call's collection, as it was the lists'
// lag ago.
func (c *Collection) list(call *apiserver.Call, f face) (any, error) {
	parent := c.nameOf(call)
	if err := c.parentExists(parent + "/-"); err != nil {
		return nil, err
	}
	if err := checked(call, f); err != nil {
		return nil, err
	}
	all := c.listed()
	keep, err := c.filter(call)
	if err != nil {
		return nil, err
	}
	if c.Everywhere {
		for i, r := range all {
			all[i].Name = parent + "/" + lastSegment(r.Name)
		}
	}
	all = slices.DeleteFunc(c.ordered(all, parent), func(r Resource) bool { return !keep(r) })
	message := f.document.Message(f.method.Response)
	var unreachable []any
	if message.Fields["unreachable"] != nil {
		all = slices.DeleteFunc(all, func(r Resource) bool { return call.Unreachable(location(r.Name)) })
		for _, place := range call.UnreachablePlaces() {
			unreachable = append(unreachable, place)
		}
	}
	items, last := make([]any, 0, len(all)), ""
	for _, r := range all {
		prefix, beside := c.prefix(call, r)
		if prefix != "" && prefix != last {
			items = append(items, prefix)
			last = prefix
		}
		if prefix != "" && !beside {
			continue
		}
		shown := c.ShownTo(call, r)
		if c.Listed != nil {
			c.Listed(call, shown)
		}
		items = append(items, shown)
	}
	size := c.PageSize
	if asked := call.Query("pageSize"); c.DefaultPageSize > 0 && (asked == "" || asked == "0") {
		size = c.DefaultPageSize
	}
	page, next, err := Page(call, items, size)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	page, prefixes := apart(page)
	for name, field := range message.Fields {
		switch {
		case field.Repeated && field.Ref != "" && len(page) > 0:
			answer[name] = page
		case name == "prefixes" && len(prefixes) > 0:
			answer[name] = prefixes
		case name == "totalSize":
			answer[name] = len(items)
		case name == "unreachable" && len(unreachable) > 0:
			answer[name] = unreachable
		}
	}
	switch version := apiVersion(call); {
	case version != "": // Kubernetes' form
		answer["apiVersion"], answer["metadata"] = version, map[string]any{}
		if next != "" {
			answer["metadata"] = map[string]any{"continue": next}
		}
	case next != "":
		answer["nextPageToken"] = next
	}
	if c.ListKind != "" && message.Fields["kind"] != nil {
		answer["kind"] = c.ListKind
	}
	return answer, nil
}

// location is where a resource is, "" where its name has no location.
func location(name string) string {
	_, rest, _ := strings.Cut(name, "/locations/")
	place, _, _ := strings.Cut(rest, "/")
	return place
}

// listed are all resources that lists know of, in no order.
func (c *Collection) listed() []Resource {
	if c.Consistent {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return slices.Collect(maps.Values(c.resources))
	}
	return slices.Collect(maps.Values(c.past.All(c.server.Listed())))
}

func (c *Collection) prefix(call *apiserver.Call, r Resource) (prefix string, beside bool) {
	if c.Prefix == nil {
		return "", false
	}
	return c.Prefix(call, r)
}

// apart parts the resources of a page from prefixes, which are texts.
func apart(page []any) (resources, prefixes []any) {
	for _, each := range page {
		if _, text := each.(string); text {
			prefixes = append(prefixes, each)
		} else {
			resources = append(resources, each)
		}
	}
	return resources, prefixes
}

// checked refuses the body of a search that does not fit its message.
func checked(call *apiserver.Call, f face) error {
	if f.method.Request == "" {
		return nil
	}
	body, err := call.Body()
	if err != nil {
		return err
	}
	if _, err := f.document.Normalize(f.method.Request, body); err != nil {
		return apiserver.InvalidSchema(err)
	}
	return nil
}

// Argument is a parameter of a list, which a search by POST has in its body.
func Argument(call *apiserver.Call, name string) string {
	if body, err := call.Body(); err == nil && body[name] != nil {
		return fmt.Sprint(body[name])
	}
	return call.Query(name)
}

// Page is the page of items that a call asks for, and the token of the next one. A
// token is opaque: how many items came before.
func Page[T any](call *apiserver.Call, items []T, size int) (page []T, next string, err error) {
	if size == 0 {
		size = defaultPageSize
	}
	for _, parameter := range []string{"pageSize", "maxResults", "limit"} {
		if text := Argument(call, parameter); text != "" {
			asked, err := strconv.Atoi(text)
			if err != nil || asked < 0 {
				return nil, "", apiserver.Invalid("The request was invalid: invalid value for %s: %q", parameter, text)
			}
			if asked > 0 {
				size = min(size, asked)
			}
		}
	}
	from := 0
	if token := cmp.Or(Argument(call, "pageToken"), Argument(call, "continue")); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(text))
		}
		if err != nil || from < 0 {
			return nil, "", apiserver.Invalid("The request was invalid: invalid value for pageToken: %q", token)
		}
	}
	from = min(from, len(items))
	to := min(from+size, len(items))
	if to < len(items) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return slices.Clip(items[from:to]), next, nil
}

// filter is which resources a list shows.
func (c *Collection) filter(call *apiserver.Call) (func(Resource) bool, error) {
	if c.Filter != nil {
		return c.Filter(call)
	}
	for _, parameter := range []string{"filter", "orderBy"} {
		if call.Query(parameter) != "" {
			return nil, apiserver.Invalid("The request was invalid: %s is not supported here.", parameter)
		}
	}
	return func(Resource) bool { return true }, nil
}
