package requestlog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
)

// Entries are read in a few pages, newest first, and told as so many visitors
// at most: whoever wants to be seen can ask as often and as anybody they like.
const (
	visitorPages    = 3
	visitorPageSize = 500
	maxVisitors     = 20
)

// Visitors gives who was let in at one of these hosts of the service since a
// time, by address and user agent, the most frequent first. Who they are the log
// does not say.
func (c *Client) Visitors(ctx context.Context, target posture.Target, hosts []string, since time.Time) ([]caller.Caller, error) {
	request := &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + target.Project}, OrderBy: "timestamp desc", PageSize: visitorPageSize,
		Filter: logfilter.Visits(target, hosts, since),
	}
	seen := visitors{}
	for range visitorPages {
		answer, err := c.entries.List(request).Context(ctx).Do()
		if err != nil {
			return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, connect.Needing("logging.logEntries.list", err))
		}
		for _, entry := range answer.Entries {
			seen.add(entry)
		}
		if request.PageToken = answer.NextPageToken; request.PageToken == "" {
			break
		}
	}
	return seen.frequent(), nil
}

// visitors are callers by what tells them apart.
type visitors map[[3]string]caller.Caller

// add counts one request. Nobody keeps its query, which may hold secrets.
func (v visitors) add(entry *logging.LogEntry) {
	request := entry.HttpRequest
	if request == nil {
		return
	}
	address := posture.Origin(request.RequestUrl)
	key := [3]string{request.RemoteIp, request.UserAgent, address}
	one, known := v[key]
	if !known {
		one = caller.Caller{
			Kind: caller.Visitor, Name: posture.Shown(request.UserAgent), Address: posture.Shown(address), RemoteIP: posture.Shown(request.RemoteIp),
		}
	}
	one.Requests++
	if at, err := time.Parse(time.RFC3339Nano, entry.Timestamp); err == nil && (one.LastSeen == nil || at.After(*one.LastSeen)) {
		at = at.UTC()
		one.LastSeen = &at
	}
	v[key] = one
}

func (v visitors) frequent() []caller.Caller {
	list := slices.SortedFunc(maps.Values(v), func(a, b caller.Caller) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.RemoteIP+a.Name+a.Address, b.RemoteIP+b.Name+b.Address))
	})
	return list[:min(len(list), maxVisitors)]
}
