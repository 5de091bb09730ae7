package memory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/timeout"
)

// Due is work that waits for a time.
type Due struct {
	Header
	Key     string    `json:"key"` // what the work is about: a target's name
	At      time.Time `json:"at"`
	Payload []byte    `json:"payload,omitempty"`

	generation int64
}

const (
	minuteLayout = "2006-01-02T15:04"
	// mostDue bounds how many records one call of Due reads.
	mostDue = 100
	// readersOfDue bounds how many are read side by side.
	readersOfDue = 8
)

// dueName puts records of one minute beside each other, and earlier ones first.
func dueName(at time.Time, key string) string {
	return duePrefix + at.UTC().Format(minuteLayout) + "/" + url.PathEscape(key)
}

// Schedule stores work until it is due. For each key and minute there is one record
// with the earliest time and the newest payload.
func (m *Memory) Schedule(ctx context.Context, at time.Time, key string, payload []byte) error {
	_, err := update(ctx, m, dueName(at, key), func(d *Due) bool {
		earlier := d.At.IsZero() || at.Before(d.At)
		if !earlier && string(d.Payload) == string(payload) {
			return false
		}
		if earlier {
			d.At = at.UTC()
		}
		d.Key, d.Payload = key, payload
		return true
	})
	return err
}

// Due returns the work that is due by a time, including that of missed minutes,
// the oldest first. It returns at most 100 records, so the caller asks until there
// are none. A record that cannot be read is left out and named in the error, which
// comes beside the other records.
func (m *Memory) Due(ctx context.Context, until time.Time) ([]Due, error) {
	var entries []Entry
	err := m.retry(ctx, func(ctx context.Context) (err error) {
		entries, err = m.store.List(ctx,
			Query{Prefix: duePrefix, Before: dueName(until.Add(time.Minute), ""), Limit: mostDue})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing what is due: %w: %w", ErrUnreadable, err)
	}
	ctx, cancel := m.within(ctx)
	defer cancel()
	records, problems := make([]Due, len(entries)), make([]error, len(entries))
	var group errgroup.Group
	group.SetLimit(readersOfDue)
	for i, entry := range entries {
		group.Go(func() error {
			record, generation, err := load[Due](ctx, m, entry.Name)
			record.generation = generation
			records[i], problems[i] = record, timeout.Explain(ctx, err)
			return nil
		})
	}
	_ = group.Wait()
	return dueBy(until, records, problems)
}

// dueBy leaves out work that is not due yet, and work that another instance has
// done since the list was read.
func dueBy(until time.Time, records []Due, problems []error) (due []Due, err error) {
	var unread []error
	for i, record := range records {
		switch {
		case errors.Is(problems[i], ErrMissing):
		case problems[i] != nil:
			unread = append(unread, problems[i])
		case !record.At.After(until):
			due = append(due, record)
		}
	}
	return due, errors.Join(unread...)
}

// Done removes a record. A record that was scheduled again since Due returned it
// stays.
func (m *Memory) Done(ctx context.Context, due Due) error {
	name := dueName(due.At, due.Key)
	return m.retry(ctx, func(ctx context.Context) error {
		err := m.store.Delete(ctx, name, due.generation)
		if kind := fault.Of(err).Kind; err != nil && kind != fault.NotFound && kind != fault.Conflict {
			return fmt.Errorf("deleting record %s: %w: %w", name, ErrNotPersisted, err)
		}
		return nil
	})
}

// shrink drops nothing: work is kept whole or not at all.
func (d *Due) shrink(int) bool { return false }
func (d *Due) header() *Header { return &d.Header }
func (*Due) limit() int        { return maxRecord }
