package memory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
)

// Due is work that waits for a time.
type Due struct {
	Header
	Key     string    `json:"key"` // one for each thing to do: a target's name
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

// Schedule stores that something is to be done at a time. Of one key and minute
// there is one record: the earlier time and the newer payload count.
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

// Due gives what is to be done up to a time, from missed minutes too, the oldest
// first and a bounded number: whoever handles them asks until there are none
// left. A record that cannot be read is left out, and the error says so beside
// the others.
func (m *Memory) Due(ctx context.Context, until time.Time) ([]Due, error) {
	var entries []Entry
	err := m.retry(ctx, func(ctx context.Context) (err error) {
		entries, err = m.store.List(ctx, Query{Prefix: duePrefix, Before: dueName(until.Add(time.Minute), ""), Limit: mostDue})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing what is due: %w: %w", ErrUnreadable, err)
	}
	ctx, cancel := m.within(ctx, patience)
	defer cancel()
	records, problems := make([]Due, len(entries)), make([]error, len(entries))
	var group errgroup.Group
	group.SetLimit(readersOfDue)
	for i, entry := range entries {
		group.Go(func() error {
			records[i], records[i].generation, problems[i] = load[Due](ctx, m, entry.Name)
			return nil
		})
	}
	_ = group.Wait()
	return dueBy(until, records, problems)
}

// dueBy leaves out what is not due yet, and what another instance has done
// since it was listed.
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

// Done removes a record. One that was scheduled anew meanwhile stays.
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
