package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// backlog is how many entries a live subscriber may fall behind.
const backlog = 1024

// subscriber receives entries as they are written.
type subscriber struct {
	entries chan json.RawMessage
	lost    chan struct{} // closed when it fell too far behind
	closed  bool
}

// offer never blocks. Its caller holds the router's lock.
func (s *subscriber) offer(entry json.RawMessage) {
	if s.closed {
		return
	}
	select {
	case s.entries <- entry:
	default:
		s.closed = true
		close(s.lost)
	}
}

// Follow gives every entry from now on to each, in the order in which they are written, until
// the context ends. It returns at once. Entries that are written faster than each takes them
// are lost.
func (r *Router) Follow(ctx context.Context, each func(json.RawMessage)) {
	s, end := r.subscribe()
	go func() {
		for {
			select {
			case entry := <-s.entries:
				each(entry)
			case <-s.lost:
				end()
				s, end = r.subscribe()
			case <-ctx.Done():
				end()
				return
			}
		}
	}()
}

func (r *Router) subscribe() (s *subscriber, end func()) {
	s = &subscriber{entries: make(chan json.RawMessage, backlog), lost: make(chan struct{})}
	r.mu.Lock()
	r.subscribers[s] = struct{}{}
	r.mu.Unlock()
	return s, func() {
		r.mu.Lock()
		delete(r.subscribers, s)
		r.mu.Unlock()
	}
}

// Events streams entries as they are written, as server-sent events
// (html.spec.whatwg.org, 9.2), one entry in one line of data. A client that
// reads too slowly is cut off, and connects again as such clients do.
func (r *Router) Events(w http.ResponseWriter, request *http.Request) {
	s, end := r.subscribe()
	defer end()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	if stream.Flush() != nil {
		return // the wrapper of the writer cannot stream
	}
	for {
		select {
		case entry := <-s.entries:
			if _, err := fmt.Fprintf(w, "data: %s\n\n", entry); err != nil || stream.Flush() != nil {
				return
			}
		case <-s.lost:
			return
		case <-request.Context().Done():
			return
		}
	}
}
