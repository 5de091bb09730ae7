package logging

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long entries are kept: those of admin activity and of system events in
// the bucket _Required, all others in _Default
// (logging/docs/routing/overview, log buckets).
const (
	requiredRetention = 400 * 24 * time.Hour
	defaultRetention  = 30 * 24 * time.Hour
)

// DefaultKeep is how many bytes of entries a router keeps when nothing else is
// asked for.
const DefaultKeep = 64 << 20

// overhead is what an entry takes beside its text, in bytes, roughly.
const overhead = 128

// stored is an entry as it is kept: its text, which takes a tenth of the memory
// that its parts would, and its place. It never changes.
type stored struct {
	raw json.RawMessage // nil = the text is packed
	packed
	tree map[string]any // its parts as filters see them, kept of the first entries alone
	place
	log      string   // its log's name
	into     []string // projects into whose logs sinks route it
	required bool
}

// place is an entry's place in the journal: by time, then by arrival.
type place struct {
	at     time.Time
	number uint64 // of arrival, from 1 on
}

func (p place) compare(other place) int {
	return cmp.Or(p.at.Compare(other.at), cmp.Compare(p.number, other.number))
}

// token is a place as a page token writes it.
func (p place) token() string { return fmt.Sprintf("%d.%d", p.at.UnixNano(), p.number) }

func parsePlace(token string) (place, bool) {
	var nanos int64
	var number uint64
	if n, err := fmt.Sscanf(token, "%d.%d", &nanos, &number); err != nil || n != 2 {
		return place{}, false
	}
	return place{time.Unix(0, nanos), number}, true
}

// journal is the entries that are kept, oldest first. It is bounded in bytes of their
// texts and in age. It is not safe for concurrent use.
type journal struct {
	entries []*stored
	fresh   []*stored // those that are not packed yet, in the order of arrival
	packer  packer
	bytes   int
	most    int // bytes
	arrived uint64
}

// add puts an entry into its place, mostly the last, and drops the oldest ones
// that are too many or too old.
func (j *journal) add(entry *stored, now time.Time) {
	j.arrived++
	entry.number = j.arrived
	if len(j.entries) >= blockEntries {
		entry.tree = nil
	}
	at := len(j.entries)
	for at > 0 && j.entries[at-1].compare(entry.place) > 0 {
		at--
	}
	j.entries = slices.Insert(j.entries, at, entry)
	j.bytes += entry.size()
	if j.fresh = append(j.fresh, entry); len(j.fresh) == 2*blockEntries {
		j.pack()
	}
	dropped := 0
	for dropped < len(j.entries)-1 && (j.bytes > j.most || j.entries[dropped].expired(now)) {
		j.bytes -= j.entries[dropped].size()
		j.entries[dropped] = nil
		dropped++
	}
	j.entries = j.entries[dropped:]
}

// pack puts packed entries in the place of the first fresh ones.
func (j *journal) pack() {
	for i, kept := range j.packer.pack(j.fresh[:blockEntries]) {
		at, found := slices.BinarySearchFunc(j.entries, j.fresh[i].place, byPlace)
		if found { // it was not dropped
			j.entries[at] = kept
		}
	}
	j.fresh = append(j.fresh[:0], j.fresh[blockEntries:]...)
	clear(j.fresh[len(j.fresh):cap(j.fresh)]) // the rest of the array would keep them
}

func byPlace(s *stored, p place) int { return s.place.compare(p) }

func (s *stored) size() int { return len(s.raw) + s.to - s.from + overhead }

func (s *stored) expired(now time.Time) bool {
	keep := defaultRetention
	if s.required {
		keep = requiredRetention
	}
	return now.Sub(s.at) > keep
}

// required reports whether a log is kept in the bucket _Required.
func required(logName string) bool {
	return strings.HasSuffix(logName, "cloudaudit.googleapis.com%2Factivity") ||
		strings.HasSuffix(logName, "cloudaudit.googleapis.com%2Fsystem_event")
}

// decoded is an entry as filters see it, nil where it is not JSON.
func decoded(raw []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree map[string]any
	if decoder.Decode(&tree) != nil {
		return nil
	}
	return tree
}

// query selects entries.
type query struct {
	filter *Filter
	logs   []string // what the names of the logs begin with; nil = every log
	newest bool     // the newest first
	after  place
	size   int // 0 = all
	now    time.Time
}

// between returns a copy of the entries that a query may select: those after its
// place, and within the times that its filter names.
func (j *journal) between(q query) []*stored {
	first, last := 0, len(j.entries)
	from, to := q.filter.times()
	find := func(p place) int {
		at, _ := slices.BinarySearchFunc(j.entries, p, byPlace)
		return at
	}
	if !from.IsZero() {
		first = find(place{at: from})
	}
	if !to.IsZero() {
		last = max(first, find(place{at: to.Add(1)}))
	}
	switch {
	case q.after.number == 0:
	case q.newest:
		last = min(last, find(q.after))
	default:
		first = max(first, find(place{q.after.at, q.after.number + 1}))
	}
	if first >= last {
		return nil
	}
	found := slices.Clone(j.entries[first:last])
	if q.newest {
		slices.Reverse(found)
	}
	return found
}

// names reports whether an entry's log is one of those that are asked for.
func (q query) names(entry *stored) bool {
	return q.logs == nil || slices.ContainsFunc(q.logs, func(begins string) bool {
		return strings.HasPrefix(entry.log, begins) || slices.Contains(entry.into, strings.TrimSuffix(begins, "/logs/"))
	})
}

// every is how many entries are looked at between two looks at the client.
const every = 256

// choose returns a page of the candidates that a filter selects, with their texts, and
// whether there may be more. It ends when the page is full, or when the client has gone.
func (q query) choose(ctx context.Context, candidates []*stored) (page []*stored, more bool, err error) {
	from := reader{rejects: q.filter.rejects}
	for i, each := range candidates {
		if i%every == 0 && ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		if each.expired(q.now) || !q.names(each) {
			continue
		}
		raw, maySelect := from.text(each)
		if !maySelect || !q.filter.selects(raw, each.tree) {
			continue
		}
		if page = append(page, &stored{raw: raw, place: each.place}); len(page) == q.size {
			return page, i+1 < len(candidates), nil
		}
	}
	return page, false, nil
}
