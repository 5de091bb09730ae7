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
	// Window is how far back Writes looks.
	Window = 24 * time.Hour
	// fresh is how long an answer of the audit log is used. keptProjects bounds the
	// projects whose answers are kept.
	fresh        = time.Minute
	keptProjects = 64
	// mostPages and pageSize bound one query. Of more entries the newest are read.
	mostPages = 10
	pageSize  = 1000
)

// Writes returns the writes in a project in the last 24 hours, oldest first. An answer
// may be a minute old, unless Forget was called since, and must not be changed: it is
// read and understood once, for all who ask. An entry may be missing for seconds after
// the write: Cloud Logging says no more than that entries are there soon.
func (c *Client) Writes(ctx context.Context, project string) ([]event.Write, error) {
	writes, err := c.writes.Get(ctx, strings.ToLower(project), func(ctx context.Context) ([]event.Write, error) {
		entries, err := c.ask(ctx, project, c.now())
		return event.Writes(entries), err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log of %q: %w", project, connect.Classify(err))
	}
	return writes, nil
}

func (c *Client) ask(ctx context.Context, project string, now time.Time) ([]json.RawMessage, error) {
	request := &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, OrderBy: "timestamp desc", PageSize: pageSize,
		Filter: logfilter.Writes(now.Add(-Window)),
	}
	var entries []json.RawMessage
	for range mostPages {
		page, err := c.list(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Entries {
			text, err := entry.MarshalJSON()
			if err != nil {
				return nil, err
			}
			entries = append(entries, text)
		}
		if request.PageToken = page.NextPageToken; request.PageToken == "" {
			break
		}
	}
	return entries, nil
}

// Forget drops the answer of a project, so that the next call reads the log, which may
// have our latest write by then.
func (c *Client) Forget(project string) { c.writes.Forget(strings.ToLower(project)) }
