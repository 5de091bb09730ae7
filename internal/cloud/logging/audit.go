package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/logfilter"
)

const (
	// Window is how far back LastWrites looks.
	Window = 24 * time.Hour
	// fresh is how long an answer of the audit log is used, and recent that of RecentWrites.
	// keptProjects bounds how many answers are kept.
	fresh        = time.Minute
	recent       = 10 * time.Second
	keptProjects = 64
	// mostWrites bounds the entries of one answer: others write as much as they like.
	mostWrites = 20
)

// LastWrites returns the last writes to resources of a project, of the last 24 hours and
// oldest first: at most 20 entries of these accounts, and as many of all others. The names
// are the last segments of the resources' names. An answer may be a minute old, but not older
// than what this process wrote to these resources, and must not be changed. An entry may be missing for seconds after the write: Cloud Logging says no
// more than that entries are there soon.
func (c *Client) LastWrites(ctx context.Context, project string, names, accounts []string) ([]event.Write, error) {
	return c.lastWrites(ctx, c.writes, Written{Project: project, Names: names, Accounts: accounts})
}

// RecentWrites returns what LastWrites does, by an answer that is ten seconds old at most.
func (c *Client) RecentWrites(ctx context.Context, project string, names, accounts []string) ([]event.Write, error) {
	return c.lastWrites(ctx, c.recent, Written{Project: project, Names: names, Accounts: accounts})
}

func (c *Client) lastWrites(ctx context.Context, kept *cache.Cache[[]event.Write], of Written) ([]event.Write, error) {
	project, names, accounts := of.Project, of.Names, of.Accounts
	key := strings.Join(append([]string{fmt.Sprint(c.generation(project, names)), strings.ToLower(project)}, names...), " ")
	writes, err := kept.Get(ctx, key, func(ctx context.Context) ([]event.Write, error) {
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

// Wrote says that this process wrote to a resource of a project, by the last segment of its
// name: earlier answers do not have it.
func (c *Client) Wrote(project, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wrote) >= mostWritten {
		clear(c.wrote) // earlier answers may be used once more: they are a minute old at most
	}
	c.wrote[strings.ToLower(project)+" "+name]++
}

// mostWritten bounds of how many resources it is known how often this process wrote to them.
const mostWritten = 10_000

// generation counts the writes of this process to resources of a project.
func (c *Client) generation(project string, names []string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for _, name := range names {
		count += c.wrote[strings.ToLower(project)+" "+name]
	}
	return count
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

const (
	// retained is how long entries of the audit log of admin activity are kept.
	// Source: logging/quotas.
	retained = 400 * 24 * time.Hour
	// mostTrail bounds the entries of a trail about one resource, of our accounts and of all
	// others, and mostPages the pages that they are read from.
	mostTrail = 100
	mostPages = 10
)

// Written selects writes.
type Written struct {
	Project  string
	Names    []string  // the last segments of the resources' names
	Accounts []string  // whose writes those of others do not crowd out
	Since    time.Time // zero = for as long as entries are kept
}

// Trail returns writes, oldest first: as LastWrites, but where there are many, of each resource
// for itself, so that writes to one do not crowd out those to another. from is since when no
// write is missing.
func (c *Client) Trail(ctx context.Context, of Written) (writes []event.Write, from time.Time, err error) {
	from = of.Since
	if kept := c.now().Add(-retained); from.Before(kept) {
		from = kept
	}
	t := trail{c, of, from, nil, from}
	for _, by := range []func(string, []string) string{logfilter.By, logfilter.ByOthers} {
		if err := t.read(ctx, by); err != nil {
			return nil, t.from, fmt.Errorf("reading the audit log of %q: %w", of.Project, connect.Classify(err))
		}
	}
	return event.Writes(t.entries), t.from, nil
}

// trail is the answer of Trail while it is read.
type trail struct {
	*Client
	of      Written
	since   time.Time
	entries []json.RawMessage
	from    time.Time
}

// read reads the writes of some accounts: by all names in one, where the answer is complete.
func (t *trail) read(ctx context.Context, by func(filter string, accounts []string) string) error {
	all, oldest, err := t.trail(ctx, t.of.Project, by(logfilter.WritesTo(t.of.Names, t.since), t.of.Accounts))
	if err != nil || oldest.IsZero() {
		t.entries = append(t.entries, all...)
		return err
	}
	for _, name := range t.of.Names {
		newest, oldest, err := t.trail(ctx, t.of.Project, by(logfilter.WritesTo([]string{name}, t.since), t.of.Accounts))
		if err != nil {
			return err
		}
		if t.entries = append(t.entries, newest...); oldest.After(t.from) {
			t.from = oldest
		}
	}
	return nil
}

// trail reads the newest entries that a filter selects. oldest is the time of the oldest of
// them where there may be older ones, else zero.
func (c *Client) trail(
	ctx context.Context, project, filter string,
) (entries []json.RawMessage, oldest time.Time, err error) {
	request := &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, OrderBy: "timestamp desc", PageSize: mostTrail, Filter: filter,
	}
	oldest = c.now()
	for range mostPages {
		page, err := c.list(ctx, request)
		if err != nil {
			return nil, oldest, err
		}
		for _, entry := range page.Entries {
			text, err := entry.MarshalJSON()
			if err != nil {
				return nil, oldest, err
			}
			entries = append(entries, text)
			if at, err := time.Parse(time.RFC3339Nano, entry.Timestamp); err == nil {
				oldest = at
			}
		}
		switch request.PageToken = page.NextPageToken; {
		case request.PageToken == "":
			return entries, time.Time{}, nil
		case len(entries) >= mostTrail:
			return entries, oldest, nil
		}
	}
	return entries, oldest, nil
}
