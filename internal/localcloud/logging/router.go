package logging

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// publishTimeout bounds how long one publication may hold up an API call.
const publishTimeout = 10 * time.Second

// Options say what a Router cannot know by itself.
type Options struct {
	// Clock returns the time.
	Clock func() time.Time
	// Publish puts a message into a Pub/Sub topic (projects/P/topics/T). It
	// returns when the message is stored, so that a caller that waits for the topic's
	// subscriptions to be idle waits for this message too. Nil = sinks into
	// topics deliver nothing.
	Publish func(ctx context.Context, topic string, data []byte, attributes map[string]string) error
	// Keep is how many bytes of entries stay readable, the latest ones; 0 =
	// DefaultKeep. Entries older than Google keeps them are not readable either.
	Keep int
}

// Router is the log router of all projects. It is safe for concurrent use.
type Router struct {
	options Options
	listen  func(Entry) // nil = nobody
	counter Counter     // nil = nothing counts

	mu          sync.Mutex
	journal     journal
	sinks       map[string]*sink   // by full name
	server      *apiserver.Server  // whose hierarchy sinks select by; nil = an entry's own parent alone
	metrics     map[string]*metric // by full name
	subscribers map[*subscriber]struct{}
	unwritable  int // entries that could not be encoded
}

// New returns a router without sinks and entries.
func New(options Options) *Router {
	if options.Keep <= 0 {
		options.Keep = DefaultKeep
	}
	return &Router{options: options, journal: journal{most: options.Keep}, sinks: map[string]*sink{}, metrics: map[string]*metric{},
		subscribers: map[*subscriber]struct{}{}}
}

// Audit writes the entry of an audit record; it is what the server's Audit
// option takes.
func (r *Router) Audit(record apiserver.AuditRecord) { r.Write(auditEntry(record)) }

// Listen gives every entry from now on to each, which must not change it. It
// is called before the first Write.
func (r *Router) Listen(each func(Entry)) { r.listen = each }

// Write keeps an entry and routes it: live subscribers get it, and so do every
// sink whose filter selects it and the listener, before Write returns. insertId,
// timestamp and receiveTimestamp are filled in where they are empty.
func (r *Router) Write(entry Entry) {
	now := r.options.Clock()
	if entry.InsertID == "" {
		entry.InsertID = strings.ToLower(rand.Text()[:13])
	}
	if entry.Timestamp == "" {
		entry.Timestamp = timestamp(now)
	}
	if entry.ReceiveTimestamp == "" {
		entry.ReceiveTimestamp = timestamp(now)
	}
	kept, tree, err := prepare(entry)
	if err != nil {
		r.mu.Lock()
		r.unwritable++
		r.mu.Unlock()
		return
	}
	for _, each := range r.keep(kept, tree, now) {
		r.send(each, kept.raw, entry.Timestamp)
	}
	r.count(entry, tree, kept.into)
	if r.listen != nil {
		r.listen(entry)
	}
}

// prepare encodes an entry once, for storing, searching and publishing alike,
// and returns it as filters see it too.
func prepare(entry Entry) (*stored, map[string]any, error) {
	raw, err := json.Marshal(entry)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding entry %s: %w", entry.InsertID, err)
	}
	at, err := time.Parse(time.RFC3339Nano, entry.Timestamp)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the time of entry %s: %w", entry.InsertID, err)
	}
	kept := &stored{raw: raw, tree: decoded(raw), place: place{at: at}, log: entry.LogName, required: required(entry.LogName)}
	return kept, kept.tree, nil
}

// keep stores an entry, notifies live subscribers, and returns the sinks that
// want it.
func (r *Router) keep(entry *stored, tree map[string]any, now time.Time) []*sink {
	above := r.above(tree)
	r.mu.Lock()
	defer r.mu.Unlock()
	wanting := r.wanting(tree, above)
	for _, each := range wanting {
		if project := each.project(); project != "" {
			entry.into = append(entry.into, project)
			each.delivered++
		}
	}
	r.journal.add(entry, now)
	for each := range r.subscribers {
		each.offer(entry.raw)
	}
	return wanting
}

// send publishes an entry into a sink's topic. Logging drops what it cannot
// deliver and informs the project's owner; here the sink's state shows it.
func (r *Router) send(to *sink, raw json.RawMessage, timestamp string) {
	topic, ok := strings.CutPrefix(to.destination, pubsubDestination)
	if !ok || r.options.Publish == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	err := r.options.Publish(ctx, topic, raw, map[string]string{
		"logging.googleapis.com/timestamp": timestamp,
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		to.failed++
		to.lastError = err.Error()
		return
	}
	to.delivered++
}

// Entries are the kept entries that a filter selects, by time.
func (r *Router) Entries(filter *Filter) []json.RawMessage {
	// Without a client nothing can go wrong.
	page, _, _ := r.query(context.Background(), query{filter: filter})
	return raws(page)
}

// query returns the entries that a query selects, and whether there may be more.
func (r *Router) query(ctx context.Context, q query) ([]*stored, bool, error) {
	q.now = r.options.Clock()
	r.mu.Lock()
	candidates := r.journal.between(q)
	r.mu.Unlock()
	return q.choose(ctx, candidates)
}

func raws(entries []*stored) []json.RawMessage {
	var all []json.RawMessage
	for _, each := range entries {
		all = append(all, each.raw)
	}
	return all
}

// reset forgets entries and sinks, but not those that wire the local cloud.
func (r *Router) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.metrics)
	r.journal, r.unwritable = journal{most: r.options.Keep}, 0
	for name, each := range r.sinks {
		if !each.wired {
			delete(r.sinks, name)
		}
	}
}
