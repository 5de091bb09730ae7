package memory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/timeout"
)

// Errors of reading and changing a record, for errors.Is. Beside them an error
// carries the store's classification (package fault).
var (
	// ErrMissing means that the store has no such record.
	ErrMissing = errors.New("no such record")
	// ErrUnreadable means that the content of the record is unknown. An unreadable
	// record is not an empty one, and is never overwritten.
	ErrUnreadable = errors.New("unreadable")
	// ErrRollback means that the record is older than one that this instance has read
	// or written. Reading returns the older record without its approvals; a change
	// stores it above the known sequence, so it is reported once.
	ErrRollback = errors.New("rolled back to an older state")
	// ErrNotPersisted means that a change was not stored in time.
	ErrNotPersisted = errors.New("not persisted")
)

// keptWrites bounds how many records are kept as they were last written here.
const keptWrites = 1024

// patience is how long one reading or change may take with all its retries.
const patience = 5 * time.Second

// Options are what a memory needs beside its store.
type Options struct {
	Clock clockwork.Clock // required
	// Key gives the HMAC-SHA256 key of the records' MACs; nil = records have none.
	// While it fails, records are unreadable and no record is written.
	Key func() ([]byte, error)
	// Alone means that only this process can reach the store.
	Alone bool
}

// Memory gives typed access to the records in a store. It is safe for concurrent
// use.
type Memory struct {
	store Store
	clock clockwork.Clock
	key   func() ([]byte, error)
	// proven: see Proven.
	proven bool

	wrote *lru.Cache[string, Blob] // by name, as last written here

	mu    sync.Mutex
	known map[string]int64 // sequence by name, as last read or written here
}

// New returns the memory over a store.
func New(store Store, options Options) *Memory {
	key := options.Key
	if key == nil {
		key = func() ([]byte, error) { return nil, nil }
	}
	wrote, err := lru.New[string, Blob](keptWrites)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &Memory{store: store, clock: options.Clock, key: key, proven: options.Alone || options.Key != nil,
		wrote: wrote, known: map[string]int64{}}
}

// Apart is an empty memory in this process, on the same clock.
func (m *Memory) Apart() *Memory { return New(NewInProcess(), Options{Clock: m.clock, Alone: true}) }

// Proven reports whether nobody else can have written the records: they carry MACs, or only
// this process can reach them.
func (m *Memory) Proven() bool { return m.proven }

// Service reads the record of a service. Its error is ErrMissing when there is
// none.
func (m *Memory) Service(ctx context.Context, id ServiceID) (Service, error) {
	found, err := read[Service](ctx, m, serviceName(id))
	return found.as(id), err
}

// UpdateService changes the record of a service and returns the new record.
// change receives an empty record (Sequence 0) where there is none, and reports
// whether it changed anything; if not, nothing is written. change runs again on
// the newer record when another writer came first.
func (m *Memory) UpdateService(ctx context.Context, id ServiceID, change func(*Service) bool) (Service, error) {
	return update(ctx, m, serviceName(id), func(s *Service) bool {
		*s = s.as(id)
		return change(s)
	})
}

// ServiceSequence notes the sequence that a service's record has reached according
// to a report. An older record is a rollback from then on.
func (m *Memory) ServiceSequence(id ServiceID, sequence int64) { m.know(serviceName(id), sequence) }

// Hour reads the slots taken in the hour that contains at, in one project; project
// "" stands for the whole deployment.
func (m *Memory) Hour(ctx context.Context, project string, at time.Time) (Hour, error) {
	found, err := read[Hour](ctx, m, hourName(project, at))
	found.Begins = at.UTC().Truncate(time.Hour)
	return found, err
}

// UpdateHour changes the record that Hour reads, as UpdateService does.
func (m *Memory) UpdateHour(ctx context.Context, project string, at time.Time, change func(*Hour) bool) (Hour, error) {
	return update(ctx, m, hourName(project, at), func(h *Hour) bool {
		h.Begins = at.UTC().Truncate(time.Hour)
		return change(h)
	})
}

// Plan reads the steps of a run.
func (m *Memory) Plan(ctx context.Context, run string) (Plan, error) {
	found, err := read[Plan](ctx, m, planName(run))
	found.Run = run
	return found, err
}

// UpdatePlan changes the steps of a run, as UpdateService does.
func (m *Memory) UpdatePlan(ctx context.Context, run string, change func(*Plan) bool) (Plan, error) {
	return update(ctx, m, planName(run), func(p *Plan) bool {
		p.Run = run
		return change(p)
	})
}

// Deployment reads the record of the deployment.
func (m *Memory) Deployment(ctx context.Context) (Deployment, error) {
	return read[Deployment](ctx, m, deploymentName)
}

// UpdateDeployment changes the record of the deployment, as UpdateService does.
func (m *Memory) UpdateDeployment(ctx context.Context, change func(*Deployment) bool) (Deployment, error) {
	return update(ctx, m, deploymentName, change)
}

// The names of records. Segments are escaped, so a segment never contains a slash.
const (
	deploymentName = "deployment"
	planPrefix     = "plan/"
	offerPrefix    = "offer/"
	orderedPrefix  = "command/"
	tokenPrefix    = "token/"
	duePrefix      = "due/"
)

func serviceName(id ServiceID) string {
	return "service/" + url.PathEscape(id.Target.Project) + "/" + url.PathEscape(id.Target.Location) + "/" +
		url.PathEscape(id.Target.Service)
}

func hourName(project string, at time.Time) string {
	hour := "hour/" + at.UTC().Format("2006-01-02T15")
	if project == "" {
		return hour + "/deployment"
	}
	return hour + "/project/" + url.PathEscape(project)
}

func planName(run string) string { return planPrefix + url.PathEscape(run) }

// pointer is *R where *R is a record.
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

// Persisted reports whether a change is stored, by the error of its update: also where the record
// had been rolled back, or was gone, and was written anew.
func Persisted(err error) bool {
	return err == nil || errors.Is(err, ErrRollback) && !errors.Is(err, ErrNotPersisted)
}

// update reads a record, changes it and writes it over the generation that was
// read, with retries. A record that was rolled back is written even when change
// changed nothing, with a sequence above the known one.
func update[R any, P pointer[R]](ctx context.Context, m *Memory, name string,
	change func(P) bool) (current R, err error) {
	var rollback error
	err = m.retry(ctx, func(ctx context.Context) error {
		// What this process wrote last is most often still there. The store refuses to write over
		// anything else, and then the record is read.
		if own, ok := m.wrote.Get(name); ok {
			m.wrote.Remove(name)
			var found R
			if m.decode(name, own.Data, P(&found)) == nil && change(&found) {
				if err := m.put(ctx, name, P(&found), own.Generation); fault.Of(err).Kind != fault.Conflict {
					current = found
					return err
				}
			}
		}
		found, generation, err := load[R, P](ctx, m, name)
		switch {
		case errors.Is(err, ErrRollback):
			rollback = err
		case err != nil && !errors.Is(err, ErrMissing):
			return err
		}
		current = found
		if changed := change(&current); !changed && rollback == nil {
			return nil
		}
		return m.put(ctx, name, P(&current), generation)
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotPersisted, err)
	}
	return current, errors.Join(err, rollback)
}

// put writes a record over the generation that was read, once.
func (m *Memory) put(ctx context.Context, name string, changed record, over int64) error {
	header := changed.header()
	header.Sequence = max(header.Sequence, m.sequence(name)) + 1
	header.WrittenAt = m.clock.Now().UTC()
	data, err := m.encode(name, changed)
	if err != nil {
		return fault.New(fault.Invalid, "writing record %s: %w", name, err)
	}
	generation, err := m.store.Put(ctx, name, data, over)
	if err != nil {
		return fmt.Errorf("writing record %s: %w", name, err)
	}
	m.know(name, header.Sequence)
	m.wrote.Add(name, Blob{Data: data, Generation: generation})
	return nil
}

// load reads a record once. generation is 0 where there is none.
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
		switch record := any(&found).(type) {
		case *Service:
			record.Approvals = nil
		case *Deployment:
			record.Waiting = nil
		}
		return found, blob.Generation,
			fmt.Errorf("reading record %s: %w: it is at sequence %d, and was at %d", name, ErrRollback, header.Sequence, known)
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

// know notes the sequence that a record has reached. Records that any instance may
// delete are left out: for them a missing record is not a rollback.
func (m *Memory) know(name string, sequence int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	deletable := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	if sequence <= m.known[name] ||
		slices.ContainsFunc([]string{duePrefix, planPrefix, offerPrefix, orderedPrefix, tokenPrefix}, deletable) {
		return
	}
	if _, known := m.known[name]; !known && len(m.known) >= mostKnown {
		for arbitrary := range m.known {
			delete(m.known, arbitrary)
			break
		}
	}
	m.known[name] = sequence
}

// passing reports whether another attempt may succeed: another writer came first,
// the object was written too often (the documented limit is one write a second),
// or the store is unavailable.
// Source: cloud.google.com/storage/docs/retry-strategy.
func passing(err error) bool {
	switch fault.Of(err).Kind {
	case fault.Conflict, fault.Quota, fault.Unavailable:
		return true
	}
	return false
}

// within bounds calls of the store by patience.
func (m *Memory) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return timeout.With(ctx, m.clock, patience, "the store of the memory")
}

// retry does something until it succeeds or fails for good, with jittered pauses
// and for patience at most.
func (m *Memory) retry(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := m.within(ctx)
	defer cancel()
	backoff := gax.Backoff{Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2}
	for {
		err := do(ctx)
		if err == nil || !passing(err) {
			return timeout.Explain(ctx, err)
		}
		select {
		case <-m.clock.After(max(backoff.Pause(), fault.Of(err).RetryAfter)):
		case <-ctx.Done():
			return timeout.Explain(ctx, err)
		}
	}
}
