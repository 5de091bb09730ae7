package memory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"

	"github.com/iapguard/iapguard/internal/fault"
)

// The ways in which a record is not what the caller hopes for.
var (
	// ErrMissing: the store has no such record.
	ErrMissing = errors.New("no such record")
	// ErrUnreadable: nobody knows what the record holds. It is not the same as an
	// empty record.
	ErrUnreadable = errors.New("unreadable")
	// ErrRollback: the record is older than one that was read or written before. The
	// older record is returned with it, approvals taken out.
	ErrRollback = errors.New("rolled back to an older state")
	// ErrNotPersisted: a change was not stored in time.
	ErrNotPersisted = errors.New("not persisted")
)

// patience is how long one reading or change may take with all its retries.
const patience = 5 * time.Second

// Clock is the time that waits and time-outs run on.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// Options are what a memory needs beside its store.
type Options struct {
	Clock Clock // required
	// Key gives the HMAC-SHA256 key of the records' MACs; nil = records have none.
	// While it fails, records are unreadable and nothing is written.
	Key func() ([]byte, error)
}

// Memory gives typed access to the records in a store. It is safe for concurrent
// use.
type Memory struct {
	store Store
	clock Clock
	key   func() ([]byte, error)

	mu    sync.Mutex
	known map[string]int64 // sequence by name, as last read or written here
}

// New returns the memory over a store.
func New(store Store, options Options) *Memory {
	key := options.Key
	if key == nil {
		key = func() ([]byte, error) { return nil, nil }
	}
	return &Memory{store: store, clock: options.Clock, key: key, known: map[string]int64{}}
}

// Service reads the record of a service. It is ErrMissing when there is none.
func (m *Memory) Service(ctx context.Context, id ServiceID) (Service, error) {
	found, err := read[Service](ctx, m, serviceName(id))
	return found.as(id), err
}

// UpdateService changes the record of a service, and returns it as it is then.
// change gets an empty record (Sequence 0) where there is none, reports whether
// it changed anything, and runs again when somebody else wrote meanwhile.
// Nothing is written when it changed nothing.
func (m *Memory) UpdateService(ctx context.Context, id ServiceID, change func(*Service) bool) (Service, error) {
	return update(ctx, m, serviceName(id), func(s *Service) bool {
		*s = s.as(id)
		return change(s)
	})
}

// ServiceSequence says which sequence a service's record has reached, as a
// report told it. An older record is then a rollback.
func (m *Memory) ServiceSequence(id ServiceID, sequence int64) { m.know(serviceName(id), sequence) }

// Hour reads the slots that were taken in the hour of a time, in a project;
// project "" is the whole deployment.
func (m *Memory) Hour(ctx context.Context, project string, at time.Time) (Hour, error) {
	found, err := read[Hour](ctx, m, hourName(project, at))
	found.Begins = at.UTC().Truncate(time.Hour)
	return found, err
}

// UpdateHour changes what Hour reads.
func (m *Memory) UpdateHour(ctx context.Context, project string, at time.Time, change func(*Hour) bool) (Hour, error) {
	return update(ctx, m, hourName(project, at), func(h *Hour) bool {
		h.Begins = at.UTC().Truncate(time.Hour)
		return change(h)
	})
}

// Plan reads the steps of an open run.
func (m *Memory) Plan(ctx context.Context, run string) (Plan, error) {
	found, err := read[Plan](ctx, m, planName(run))
	found.Run = run
	return found, err
}

// UpdatePlan changes the steps of an open run.
func (m *Memory) UpdatePlan(ctx context.Context, run string, change func(*Plan) bool) (Plan, error) {
	return update(ctx, m, planName(run), func(p *Plan) bool {
		p.Run = run
		return change(p)
	})
}

// EndPlan removes the steps of a run that has ended.
func (m *Memory) EndPlan(ctx context.Context, run string) error {
	name := planName(run)
	return m.retry(ctx, func(ctx context.Context) error {
		blob, err := m.store.Get(ctx, name)
		if err == nil {
			err = m.store.Delete(ctx, name, blob.Generation)
		}
		if err != nil && fault.Of(err).Kind != fault.NotFound {
			return fmt.Errorf("%w: deleting record %s: %w", ErrNotPersisted, name, err)
		}
		return nil
	})
}

// Deployment reads what the whole deployment remembers.
func (m *Memory) Deployment(ctx context.Context) (Deployment, error) {
	return read[Deployment](ctx, m, deploymentName)
}

// UpdateDeployment changes what the whole deployment remembers.
func (m *Memory) UpdateDeployment(ctx context.Context, change func(*Deployment) bool) (Deployment, error) {
	return update(ctx, m, deploymentName, change)
}

// The names of records. Segments are escaped, so that no segment can begin
// another one.
const (
	deploymentName = "deployment"
	planPrefix     = "plan/"
	duePrefix      = "due/"
)

func serviceName(id ServiceID) string {
	return "service/" + url.PathEscape(id.Target.Project) + "/" + url.PathEscape(id.Target.Location) + "/" + url.PathEscape(id.Target.Service)
}

func hourName(project string, at time.Time) string {
	hour := "hour/" + at.UTC().Format("2006-01-02T15")
	if project == "" {
		return hour + "/deployment"
	}
	return hour + "/project/" + url.PathEscape(project)
}

func planName(run string) string { return planPrefix + url.PathEscape(run) }

// pointer is a record that R's pointer is.
type pointer[R any] interface {
	*R
	record
}

// read reads a record, with retries.
func read[R any, P pointer[R]](ctx context.Context, m *Memory, name string) (found R, err error) {
	err = m.retry(ctx, func(ctx context.Context) error {
		found, _, err = load[R, P](ctx, m, name)
		return err
	})
	return found, err
}

// update reads a record, changes it and writes it over what was read, with
// retries. A record that was rolled back is written even when nothing else
// changed: its sequence then continues above the known one.
func update[R any, P pointer[R]](ctx context.Context, m *Memory, name string, change func(P) bool) (current R, err error) {
	var rollback error
	err = m.retry(ctx, func(ctx context.Context) error {
		found, generation, err := load[R, P](ctx, m, name)
		switch {
		case errors.Is(err, ErrRollback):
			rollback = err
		case err != nil && !errors.Is(err, ErrMissing):
			return err
		}
		current = found
		header := P(&current).header()
		if changed := change(&current); !changed && rollback == nil {
			return nil
		}
		header.Sequence = max(header.Sequence, m.sequence(name)) + 1
		header.WrittenAt = m.clock.Now().UTC()
		data, err := m.encode(name, P(&current))
		if err != nil {
			return fault.New(fault.Invalid, "writing record %s: %w", name, err)
		}
		if _, err := m.store.Put(ctx, name, data, generation); err != nil {
			return fmt.Errorf("writing record %s: %w", name, err)
		}
		m.know(name, header.Sequence)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotPersisted, err)
	}
	return current, errors.Join(err, rollback)
}

// load reads a record once. Its generation is 0 where there is none.
func load[R any, P pointer[R]](ctx context.Context, m *Memory, name string) (found R, generation int64, err error) {
	known := m.sequence(name)
	blob, err := m.store.Get(ctx, name)
	switch {
	case fault.Of(err).Kind == fault.NotFound && known > 0:
		return found, 0, fmt.Errorf("reading record %s: %w: it is gone, and was at sequence %d", name, ErrRollback, known)
	case fault.Of(err).Kind == fault.NotFound:
		return found, 0, fmt.Errorf("reading record %s: %w", name, ErrMissing)
	case err != nil:
		return found, 0, fmt.Errorf("reading record %s: %w: %w", name, ErrUnreadable, err)
	}
	if err := m.decode(name, blob.Data, P(&found)); err != nil {
		var none R
		return none, 0, fault.New(fault.Invalid, "reading record %s: %w: %w", name, ErrUnreadable, err)
	}
	header := P(&found).header()
	if header.Sequence < known {
		if s, ok := any(&found).(*Service); ok {
			s.Approvals = nil
		}
		return found, blob.Generation, fmt.Errorf("reading record %s: %w: it is at sequence %d, and was at %d", name, ErrRollback, header.Sequence, known)
	}
	m.know(name, header.Sequence)
	return found, blob.Generation, nil
}

// mostKnown bounds how many sequences an instance remembers.
const mostKnown = 20_000

func (m *Memory) sequence(name string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[name]
}

// know notes how far a record has come. Records that end by being deleted,
// perhaps by another instance, are never rolled back.
func (m *Memory) know(name string, sequence int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if sequence <= m.known[name] || strings.HasPrefix(name, duePrefix) || strings.HasPrefix(name, planPrefix) {
		return
	}
	if _, known := m.known[name]; !known && len(m.known) >= mostKnown {
		for any := range m.known { // an arbitrary one
			delete(m.known, any)
			break
		}
	}
	m.known[name] = sequence
}

// passing are the failures that another attempt may overcome: somebody else
// wrote meanwhile, or an object is written too often (one write a second is
// documented), or the service is out of reach.
// Source: cloud.google.com/storage/docs/retry-strategy.
func passing(err error) bool {
	switch fault.Of(err).Kind {
	case fault.Conflict, fault.Quota, fault.Unavailable:
		return true
	}
	return false
}

// retry does something until it succeeds or fails for good, with jittered pauses
// and for patience at most.
func (m *Memory) retry(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := m.within(ctx, patience)
	defer cancel()
	backoff := gax.Backoff{Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2}
	for {
		err := do(ctx)
		if err == nil || !passing(err) {
			return err
		}
		if m.clock.Sleep(ctx, backoff.Pause()) != nil {
			return err
		}
	}
}

// within ends a context after d of the memory's clock.
func (m *Memory) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		if m.clock.Sleep(ctx, d) == nil {
			cancel()
		}
	}()
	return ctx, cancel
}
