package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/logfilter"
)

const (
	// Window is how far back LastWrites looks.
	Window = 24 * time.Hour
	// fresh is how long an answer of the audit log is used. keptProjects bounds how many
	// answers are kept.
	fresh        = time.Minute
	keptProjects = 64
	// mostWrites bounds the entries of one answer: others write as much as they like.
	mostWrites = 20
)

// LastWrites returns the last writes to resources of a project, of the last 24 hours and
// oldest first: at most 20 entries of these accounts, and as many of all others. The names
// are the last segments of the resources' names. An answer may be a minute old and must not
// be changed. An entry may be missing for seconds after the write: Cloud Logging says no
// more than that entries are there soon.
func (c *Client) LastWrites(ctx context.Context, project string, names, accounts []string) ([]event.Write, error) {
	key := strings.Join(append([]string{strings.ToLower(project)}, names...), " ")
	writes, err := c.writes.Get(ctx, key, func(ctx context.Context) ([]event.Write, error) {
		since := c.now().Add(-Window)
		filters := []string{logfilter.WritesTo(names, since)}
		if len(accounts) > 0 {
			filters = []string{
				logfilter.By(filters[0], accounts), logfilter.ByOthers(filters[0], accounts),
			}
		}
		var entries []json.RawMessage
		for _, filter := range filters {
			newest, err := c.newest(ctx, project, filter)
			if err != nil {
				return nil, err
			}
			entries = append(entries, newest...)
		}
		return event.Writes(entries), nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log of %q: %w", project, connect.Classify(err))
	}
	return writes, nil
}

// newest reads the newest entries that a filter selects, in one call.
func (c *Client) newest(ctx context.Context, project, filter string) ([]json.RawMessage, error) {
	page, err := c.list(ctx, &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, OrderBy: "timestamp desc", PageSize: mostWrites, Filter: filter,
	})
	if err != nil {
		return nil, err
	}
	var entries []json.RawMessage
	for _, entry := range page.Entries {
		text, err := entry.MarshalJSON()
		if err != nil {
			return nil, err
		}
		entries = append(entries, text)
	}
	return entries, nil
}
