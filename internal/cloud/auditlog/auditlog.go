// Package auditlog reads who wrote what in a project, from Cloud Audit Logs:
// the memory that every instance of the function shares.
package auditlog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/logfilter"
)

// Client reads from Cloud Logging.
type Client struct {
	entries *logging.EntriesService
	now     func() time.Time

	mu       sync.Mutex
	projects map[string]*known
}

// known is the last answer about a project. Its lock is held while it is asked
// for, so that several who want it at once make one query.
type known struct {
	mu      sync.Mutex
	at      time.Time // when it was asked for, zero = never
	entries []json.RawMessage
}

const (
	// Window is how far back is looked.
	Window = 24 * time.Hour
	// fresh is how long an answer is used again: entries.list has a quota of 60
	// calls a minute and project. Source: logging/quotas.
	fresh = time.Minute
	// mostPages and pageSize bound one query. Of more entries the newest are read.
	mostPages = 10
	pageSize  = 1000
)

// New connects to Cloud Logging.
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
	return &Client{entries: api.Entries, now: now, projects: map[string]*known{}}, nil
}

// Writes gives the entries of writes in a project in the last 24 hours, newest
// first, as Cloud Logging's JSON. An answer may be a minute old, unless Forget
// was called since. An entry may be missing for seconds after the write:
// Cloud Logging says no more than that entries are there soon.
func (c *Client) Writes(ctx context.Context, project string) ([]json.RawMessage, error) {
	k := c.project(project)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := c.now()
	if !k.at.IsZero() && now.Sub(k.at) < fresh {
		return k.entries, nil
	}
	entries, err := c.ask(ctx, project, now)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log of %q: %w", project, connect.Needing("logging.logEntries.list", err))
	}
	k.at, k.entries = now, entries
	return entries, nil
}

func (c *Client) ask(ctx context.Context, project string, now time.Time) ([]json.RawMessage, error) {
	request := &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, OrderBy: "timestamp desc", PageSize: pageSize,
		Filter: logfilter.Writes(now.Add(-Window)),
	}
	var entries []json.RawMessage
	for range mostPages {
		page, err := c.entries.List(request).Context(ctx).Do()
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

// Forget makes the next look at a project ask anew. Whoever wrote there calls it.
func (c *Client) Forget(project string) {
	k := c.project(project)
	k.mu.Lock() // an answer that is on its way may lack the write
	defer k.mu.Unlock()
	k.at, k.entries = time.Time{}, nil
}

func (c *Client) project(name string) *known {
	c.mu.Lock()
	defer c.mu.Unlock()
	name = strings.ToLower(name)
	if c.projects[name] == nil {
		c.projects[name] = &known{}
	}
	return c.projects[name]
}
