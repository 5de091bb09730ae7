package logging

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// DefaultKeep is how many entries a router keeps when nothing else is asked for.
const DefaultKeep = 10_000

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
	// Keep is how many entries stay readable; 0 = DefaultKeep.
	Keep int
}

// Router is the log router of one project. It is safe for concurrent use.
type Router struct {
	options Options
	listen  func(Entry) // nil = nobody

	mu          sync.Mutex
	entries     []stored
	sinks       map[string]*sink
	subscribers map[*subscriber]struct{}
	unwritable  int // entries that could not be encoded
}

// stored is an entry with what searching it needs.
type stored struct {
	raw  json.RawMessage
	tree map[string]any
	at   time.Time
}

// New returns a router without sinks and entries.
func New(options Options) *Router {
	if options.Keep <= 0 {
		options.Keep = DefaultKeep
	}
	return &Router{options: options, sinks: map[string]*sink{}, subscribers: map[*subscriber]struct{}{}}
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
	kept, err := prepare(entry)
	if err != nil {
		r.mu.Lock()
		r.unwritable++
		r.mu.Unlock()
		return
	}
	for _, each := range r.keep(kept) {
		r.send(each, kept)
	}
	if r.listen != nil {
		r.listen(entry)
	}
}

// prepare encodes an entry once, for storing, searching and publishing alike.
func prepare(entry Entry) (stored, error) {
	raw, err := json.Marshal(entry)
	if err != nil {
		return stored{}, fmt.Errorf("encoding entry %s: %w", entry.InsertID, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	kept := stored{raw: raw}
	if err := decoder.Decode(&kept.tree); err != nil {
		return stored{}, fmt.Errorf("reading entry %s again: %w", entry.InsertID, err)
	}
	if kept.at, err = time.Parse(time.RFC3339Nano, entry.Timestamp); err != nil {
		return stored{}, fmt.Errorf("reading the time of entry %s: %w", entry.InsertID, err)
	}
	return kept, nil
}

// keep stores an entry, notifies live subscribers, and returns the sinks that
// want it.
func (r *Router) keep(entry stored) []*sink {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) >= r.options.Keep {
		// An eighth at once, so that forgetting costs nothing per entry.
		r.entries = append([]stored(nil), r.entries[(r.options.Keep+7)/8:]...)
	}
	r.entries = append(r.entries, entry)
	for each := range r.subscribers {
		each.offer(entry.raw)
	}
	var wanting []*sink
	for _, each := range r.sinks {
		if each.selects(entry.tree) {
			wanting = append(wanting, each)
		}
	}
	return wanting
}

// send publishes an entry into a sink's topic. Logging drops what it cannot
// deliver and informs the project's owner; here the sink's state shows it.
func (r *Router) send(to *sink, entry stored) {
	topic, ok := strings.CutPrefix(to.destination(), pubsubDestination)
	if !ok || r.options.Publish == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	err := r.options.Publish(ctx, topic, entry.raw, map[string]string{
		"logging.googleapis.com/timestamp": apiserver.Text(entry.tree, "timestamp"),
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

// Entries are the kept entries that a filter selects, oldest first.
func (r *Router) Entries(filter *Filter) []json.RawMessage {
	r.mu.Lock()
	all := r.entries[:len(r.entries):len(r.entries)]
	r.mu.Unlock()
	var selected []json.RawMessage
	for _, each := range all {
		if filter.Match(each.tree) {
			selected = append(selected, each.raw)
		}
	}
	return selected
}

// reset forgets entries and sinks, but not those that wire the local cloud.
func (r *Router) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries, r.unwritable = nil, 0
	for name, each := range r.sinks {
		if !each.wired {
			delete(r.sinks, name)
		}
	}
}
