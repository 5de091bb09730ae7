// Package logging reads Cloud Logging: who wrote what, from the audit log, and
// which requests Cloud Run let in or refused, from its request log.
package logging

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/api/googleapi"
	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
)

// Client reads from Cloud Logging.
type Client struct {
	entries *logging.EntriesService
	now     func() time.Time
	share   *share
	writes  *cache.Cache[[]event.Write] // by project and resources

	mu     sync.Mutex
	wrote  map[string]int                // how often this process wrote, by project and resource
	recent *cache.Cache[[]event.Write]   // the same, for a shorter time
	visits *cache.Cache[[]caller.Caller] // by service and hosts
}

// New connects to Cloud Logging. The clock now decides how old kept answers are
// and how much of the quota is left.
func New(ctx context.Context, config connect.Config, now func() time.Time) (*Client, error) {
	options, err := config.Options(ctx, connect.Logging)
	if err != nil {
		return nil, err
	}
	api, err := logging.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Logging: %w", err)
	}
	api.UserAgent = config.UserAgent
	writes, err := cache.New(cache.Options[[]event.Write]{Size: keptProjects, TTL: fresh, Now: now})
	if err != nil {
		return nil, err
	}
	latest, err := cache.New(cache.Options[[]event.Write]{Size: keptProjects, TTL: recent, Now: now})
	if err != nil {
		return nil, err
	}
	visits, err := cache.New(cache.Options[[]caller.Caller]{Size: keptProjects, TTL: visitsKept, Now: now})
	if err != nil {
		return nil, err
	}
	return &Client{entries: api.Entries, now: now, share: newShare(now), writes: writes, recent: latest,
		visits: visits, wrote: map[string]int{}}, nil
}

// Any reports whether a project's log has an entry that the filter selects. An answer
// without entries that has a next page says that the search is not at its end: then there
// may be one.
func (c *Client) Any(ctx context.Context, project, filter string) (bool, error) {
	answer, err := c.list(ctx, &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, Filter: filter, OrderBy: "timestamp desc", PageSize: 1},
		"entries/insertId", "nextPageToken")
	if err != nil {
		return false, fmt.Errorf("searching the log of %q: %w", project, err)
	}
	return len(answer.Entries) > 0 || answer.NextPageToken != "", nil
}

// list reads one page of entries, or some fields of it.
func (c *Client) list(
	ctx context.Context, request *logging.ListLogEntriesRequest, fields ...googleapi.Field,
) (*logging.ListLogEntriesResponse, error) {
	c.share.take()
	call := c.entries.List(request).Context(ctx)
	if len(fields) > 0 {
		call.Fields(fields...)
	}
	answer, err := call.Do()
	return answer, connect.Needing("logging.logEntries.list", err)
}
