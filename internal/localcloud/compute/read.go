package compute

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/store"
)

func (s site) get(c *apiserver.Call) (any, error) {
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	return s.api.view(r, s.version), nil
}

func (s site) list(c *apiserver.Call) (any, error) {
	in, err := s.place(c)
	if err != nil {
		return nil, err
	}
	items, err := s.items(c, in.order(""))
	if err != nil {
		return nil, err
	}
	path := in.name() + "/" + s.kind.collection
	return page(c, items, listing{s.method.Response, path, s.version, in.scope})
}

// items are the resources of a kind whose place begins with prefix, as lists
// show them, which may be as they were. By default they come by scope, then by
// name. That an aggregated list orders by scope first is unverified.
func (s site) items(c *apiserver.Call, prefix string) (source, error) {
	query := store.Query{List: s.kind.collection, Prefix: prefix, At: s.api.server.Listed()}
	switch order := c.Query("orderBy"); order {
	case "", "name":
		return func(after string, n int) []item {
			query.After, query.Limit = after, n
			return s.viewed(s.api.resources.Page(query), nil)
		}, nil
	case "creationTimestamp desc":
		all := s.api.resources.Page(query)
		slices.SortFunc(all, func(a, b *resource) int { return strings.Compare(newestFirst(a), newestFirst(b)) })
		return func(after string, n int) []item {
			first, found := slices.BinarySearchFunc(all, after, func(r *resource, after string) int {
				return strings.Compare(newestFirst(r), after)
			})
			if found {
				first++
			}
			return s.viewed(all[first:min(first+n, len(all))], newestFirst)
		}, nil
	default:
		return nil, invalidField("orderBy", order, "The list can be sorted by name or by creationTimestamp desc.")
	}
}

// newestFirst is a place in an order that begins with what was created last.
func newestFirst(r *resource) string {
	return fmt.Sprintf("%019d/%s", math.MaxInt64-r.created.UnixNano(), r.path())
}

// viewed are resources as items; order is their place, nil = that of an order by name.
func (s site) viewed(all []*resource, order func(*resource) string) []item {
	items := make([]item, len(all))
	for i, r := range all {
		items[i] = item{api: s.api, resource: r}
		if order != nil {
			items[i].order = order(r)
		}
	}
	return items
}
