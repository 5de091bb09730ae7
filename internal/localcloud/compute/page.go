package compute

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// defaultPage is maxResults when the client names none, and its limit.
const defaultPage = 500

// item is one entry of a list: a resource, or what a client of v1 sees of anything else.
type item struct {
	order    string // place, "" = place computes it
	api      *API
	resource *resource
	other    map[string]any
}

// place is where the item stands in the order of its list.
func (i item) place() string {
	if i.order != "" {
		return i.order
	}
	return i.resource.order(i.resource.name)
}

// object is the item as clients of v1 see it.
func (i item) object() map[string]any {
	if i.resource != nil {
		return i.api.view(i.resource, "v1")
	}
	return i.other
}

// scope is "global" or "regions/REGION".
func (i item) scope() string {
	if i.resource != nil {
		return i.resource.scope
	}
	if _, region, ok := strings.Cut(apiserver.Text(i.other, "selfLink"), "/regions/"); ok {
		region, _, _ = strings.Cut(region, "/")
		return "regions/" + region
	}
	return global
}

// append appends the item as JSON, as clients of v1 see it.
func (i item) append(text []byte) []byte {
	if i.resource != nil {
		return i.api.appendText(text, i.resource)
	}
	other, _ := json.Marshal(i.other) // texts, numbers, lists and objects
	return append(text, other...)
}

// size is about how long append's text is.
func (i item) size() int {
	if i.resource != nil {
		return len(i.resource.text()) + 256
	}
	return 1024
}

// source returns up to n items of a list, from the one after a place on.
type source func(after string, n int) []item

// listing is the head of a list: its message, the path of the collection and the
// version of its links.
type listing struct {
	message, path, version string
	scope                  string // of a list of one scope
}

func (l listing) answer(next string) map[string]any {
	answer := map[string]any{"kind": "compute#" + strings.ToLower(l.message[:1]) + l.message[1:], "id": l.path}
	if document().Message(l.message).Fields["selfLink"] != nil {
		answer["selfLink"] = link(l.path)
	}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer
}

// page answers one page of a list.
func page(c *apiserver.Call, from source, head listing) (any, error) {
	shown, next, err := cut(c, from)
	if err != nil {
		return nil, err
	}
	answer := head.answer(next)
	if head.scope != "" && unreachable(c, head.scope) {
		answer["warning"] = notReached(head.scope)["warning"]
	}
	if len(shown) == 0 {
		return inVersion(answer, head.version), nil
	}
	if asText(c, head.version) {
		return withItems(answer, shown, func(text []byte) []byte { return appendList(text, shown) }), nil
	}
	answer["items"] = objects(shown)
	return inVersion(answer, head.version), nil
}

func objects(items []item) []any {
	all := make([]any, len(items))
	for i, each := range items {
		all[i] = each.object()
	}
	return all
}

// asText reports whether the JSON that is kept of resources is what a client asks for:
// all of them, as v1 shows them.
func asText(c *apiserver.Call, version string) bool {
	return version == "v1" && c.Query("fields") == "" && c.Query("$fields") == ""
}

// withItems is an answer as JSON, with items that add appends in their own form.
func withItems(answer map[string]any, items []item, add func([]byte) []byte) apiserver.Encoded {
	head, _ := json.Marshal(answer) // of texts
	size := len(head) + 1<<14       // what names the scopes
	for _, each := range items {
		size += each.size()
	}
	text := append(apiserver.Buffer(size), head[:len(head)-1]...)
	text = append(text, `,"items":`...)
	return append(add(text), '}')
}

// appendList appends items as a JSON list.
func appendList(text []byte, items []item) []byte {
	text = append(text, '[')
	for i, each := range items {
		if i > 0 {
			text = append(text, ',')
		}
		text = each.append(text)
	}
	return append(text, ']')
}

// cut returns the items of the page that a call asks for, and the token of the
// next page, "" where there is none. It ends when the client has gone.
func cut(c *apiserver.Call, items source) (shown []item, next string, err error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, "", err
	}
	size, after, err := paging(c)
	if err != nil {
		return nil, "", err
	}
	for {
		if err := context.Cause(c.Request.Context()); err != nil {
			return nil, "", apiserver.Cancelled(err)
		}
		batch := items(after, size+1)
		if keep == nil {
			shown = slices.Grow(shown, len(batch))
		}
		for _, each := range batch {
			switch {
			case unreachable(c, each.scope()):
			case keep != nil && !keep(each):
			case len(shown) == size:
				return shown, base64.StdEncoding.EncodeToString([]byte(shown[size-1].place())), nil
			default:
				shown = append(shown, each)
			}
		}
		if len(batch) <= size {
			return shown, "", nil
		}
		after = batch[size].place()
	}
}

// paging reads maxResults and pageToken, which is the place of the last item
// shown.
func paging(c *apiserver.Call) (size int, after string, err error) {
	size = defaultPage
	if text := c.Query("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > defaultPage {
			return 0, "", invalidField("maxResults", text, "The value must be between 0 and 500.")
		}
		if n > 0 {
			size = n
		}
	}
	token, err := base64.StdEncoding.DecodeString(c.Query("pageToken"))
	if err != nil {
		return 0, "", invalidField("pageToken", c.Query("pageToken"), "The token is not one that was handed out.")
	}
	return size, string(token), nil
}
