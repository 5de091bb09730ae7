package collection

import (
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const defaultPageSize = 1000

func (c *Collection) get(call *apiserver.Call) (any, error) {
	found, err := c.Named(call)
	if err != nil {
		return nil, err
	}
	return c.Shown(found), nil
}

// list answers one page of what is below the call's collection, as it was the lists'
// lag ago.
func (c *Collection) list(call *apiserver.Call, f face) (any, error) {
	if err := c.parentExists(call.Resource + "/-"); err != nil {
		return nil, err
	}
	var all []Resource
	for _, r := range c.past.All(c.server.Listed()) {
		all = append(all, r)
	}
	all = c.ordered(all, call.Resource)
	keep, err := filterOf(call)
	if err != nil {
		return nil, err
	}
	items := make([]any, 0, len(all))
	for _, r := range all {
		shown := c.Shown(r)
		if c.Listed != nil {
			c.Listed(call, shown)
		}
		if keep(shown) {
			items = append(items, shown)
		}
	}
	page, next, err := Page(call, items, c.PageSize)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	message := f.document.Message(f.method.Response)
	for name, field := range message.Fields {
		switch {
		case field.Repeated && field.Ref == c.Message && len(page) > 0:
			answer[name] = page
		case name == "totalSize":
			answer[name] = len(items)
		}
	}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer, nil
}

// Page is the page of items that a call asks for, and the token of the next one. A
// token is opaque: how many items came before.
func Page(call *apiserver.Call, items []any, size int) (page []any, next string, err error) {
	if size == 0 {
		size = defaultPageSize
	}
	for _, parameter := range []string{"pageSize", "maxResults"} {
		if text := call.Query(parameter); text != "" {
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
	if token := call.Query("pageToken"); token != "" {
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

// filterOf is what a list keeps. The language of filters differs from API to API;
// none is served yet.
func filterOf(call *apiserver.Call) (func(map[string]any) bool, error) {
	for _, parameter := range []string{"filter", "orderBy"} {
		if call.Query(parameter) != "" {
			return nil, apiserver.Invalid("The request was invalid: %s is not supported here.", parameter)
		}
	}
	return func(map[string]any) bool { return true }, nil
}
