package workqueue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Later keeps items that are due in more than HoldAtMost.
type Later interface {
	// Schedule stores a payload until a time. There is one record for each key and
	// minute. After nil the record is stored, and the sender of the item may forget
	// it.
	Schedule(ctx context.Context, at time.Time, key string, payload []byte) error
}

// Records stores items like Later, and returns those that are due.
type Records interface {
	Later
	// Due returns the records that are due by a time, those of missed minutes
	// included, the oldest first. It may return a part of them, so the caller asks
	// until there are none. An error may come beside records that could be read.
	Due(ctx context.Context, until time.Time) ([]Record, error)
}

// Record is one stored item.
type Record struct {
	At      time.Time
	Key     string
	Payload []byte
	// Done removes the record, unless it was scheduled again meanwhile.
	Done func(ctx context.Context) error
}

// AddDue adds every item that is due by a time to a queue, and removes the records
// of those that the queue has taken. The others stay for the next time. added says
// how many were taken.
func AddDue(ctx context.Context, queue Queue, records Records, until time.Time) (added int, err error) {
	for {
		due, err := records.Due(ctx, until)
		if err != nil {
			err = fmt.Errorf("reading what is due: %w", err)
		}
		var taken atomic.Int64
		problem := sideBySide(len(due), func(i int) error {
			if err := addRecord(ctx, queue, due[i]); err != nil {
				return err
			}
			taken.Add(1)
			return nil
		})
		added += int(taken.Load())
		if err = Join(err, problem); err != nil || len(due) == 0 {
			return added, err
		}
	}
}

// lostAfter is how long after its time a due record has led to no look in the process that
// stored it, until that process goes on without it.
const lostAfter = time.Minute

// AddLost adds to a queue what this process stored, and what led to no look here although
// its time is over: somebody deleted the record, or the records cannot be read. After a clock
// went back, all that was stored before is added, for its time may be hours away. Where another
// process had the record, this leads to one look more, which finds nothing to do. added
// says how many items were taken.
func (w *Worker) AddLost(ctx context.Context, queue Queue) (added int, err error) {
	var problems []error
	now := w.Clock.Now().Round(0)
	for _, all := range []*lru.Cache[string, kept]{w.kept, w.again} {
		for _, name := range all.Keys() {
			one, known := all.Peek(name)
			if !known || now.Before(one.due.Add(lostAfter)) && !now.Before(one.noted) {
				continue
			}
			one.item.NotBefore = time.Time{}
			if err := queue.Add(ctx, one.item); err != nil {
				problems = append(problems, err)
				continue
			}
			if now, _ := all.Peek(name); now.noted.Equal(one.noted) { // else the look stored another one
				all.Remove(name)
			}
			added++
		}
	}
	return added, Join(problems...)
}

// addRecord hands a record's item on. A record that cannot be read stays, so that a
// person finds it.
func addRecord(ctx context.Context, queue Queue, record Record) error {
	item, err := restore(record.Payload)
	if err != nil {
		return fmt.Errorf("reading the due record of %s: %w", record.Key, err)
	}
	item.NotBefore = time.Time{}
	if err := queue.Add(ctx, item); err != nil {
		return err
	}
	if err := record.Done(ctx); err != nil {
		return fmt.Errorf("removing the due record of %s: %w", record.Key, err)
	}
	return nil
}

// InProcess keeps records in this process, for tests and where everything that
// could lose them ends with the process.
type InProcess struct {
	mu      sync.Mutex
	records map[recordName]inProcessRecord
}

// recordName identifies a record: there is one for each minute and key.
type recordName struct {
	minute time.Time
	key    string
}

type inProcessRecord struct {
	Record
	version int
}

// Schedule keeps a payload. A second call for the same key and minute keeps the
// earlier time and the newer payload.
func (p *InProcess) Schedule(_ context.Context, at time.Time, key string, payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.records == nil {
		p.records = map[recordName]inProcessRecord{}
	}
	name := recordName{at.UTC().Truncate(time.Minute), key}
	known, ok := p.records[name]
	if ok && known.At.Before(at) {
		at = known.At
	}
	p.records[name] = inProcessRecord{Record{At: at, Key: key, Payload: payload}, known.version + 1}
	return nil
}

// Due returns all records that are due by a time.
func (p *InProcess) Due(_ context.Context, until time.Time) ([]Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []Record
	for name, known := range p.records {
		if known.At.After(until) {
			continue
		}
		known.Done = func(context.Context) error { return p.done(name, known.version) }
		due = append(due, known.Record)
	}
	slices.SortFunc(due, func(a, b Record) int { return a.At.Compare(b.At) })
	return due, nil
}

func (p *InProcess) done(name recordName, version int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.records[name].version == version {
		delete(p.records, name)
	}
	return nil
}
