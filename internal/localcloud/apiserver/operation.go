package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// maxOperations bounds how many operations are remembered; the oldest are
// forgotten first, as Google forgets them after some days.
const maxOperations = 10000

// Operation is a long-running operation: a JSON body that changes until it is
// finished. Its starter decides how the body looks.
type Operation struct {
	name string

	mu   sync.Mutex
	text []byte // the body as JSON, which takes a fraction of the memory
	done chan struct{}
	once sync.Once
}

// operations are those that are remembered, by name.
type operations struct {
	all *store.Store[*Operation]

	mu      sync.Mutex
	started []string // names, oldest first
}

func (o *operations) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	// A past is of no use: nobody asks which operations there were.
	o.all = store.New(store.Options{Past: 1}, func(o *Operation) store.Keys {
		return store.Keys{Path: o.name, Order: o.name}
	})
	o.started = nil
}

func (o *operations) store() *store.Store[*Operation] {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all
}

// StartOperation keeps an operation under name, which no other operation of
// any API has: that is what lets one path mean several APIs.
func (s *Server) StartOperation(name string, body map[string]any) *Operation {
	o := &Operation{name: name, text: encoded(body), done: make(chan struct{})}
	now := s.Now()
	s.operations.mu.Lock()
	defer s.operations.mu.Unlock()
	s.operations.all.Put(now, o)
	if s.operations.started = append(s.operations.started, name); len(s.operations.started) > maxOperations {
		s.operations.all.Drop(now, s.operations.started[0])
		s.operations.started = s.operations.started[1:]
	}
	return o
}

// Operation finds an operation by the name it was started under, or nil.
func (s *Server) Operation(name string) *Operation {
	o, _ := s.operations.store().Get(name, time.Time{})
	return o
}

// DropOperation forgets an operation.
func (s *Server) DropOperation(name string) { s.operations.store().Drop(s.Now(), name) }

// Operations are up to limit operations whose names begin with prefix, by name,
// from the one after a name on; 0 = all.
func (s *Server) Operations(prefix, after string, limit int) []*Operation {
	return s.operations.store().Page(store.Query{Prefix: prefix, After: after, Limit: limit})
}

// Name is what the operation was started under.
func (o *Operation) Name() string { return o.name }

// Body is a copy of what a client sees of the operation now.
func (o *Operation) Body() map[string]any {
	o.mu.Lock()
	text := o.text
	o.mu.Unlock()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var body map[string]any
	// What was encoded can be decoded.
	_ = decoder.Decode(&body)
	return body
}

// Finish replaces the body and wakes those who wait. Only the first call counts.
func (o *Operation) Finish(body map[string]any) {
	o.once.Do(func() {
		text := encoded(body)
		o.mu.Lock()
		o.text = text
		o.mu.Unlock()
		close(o.done)
	})
}

// encoded is a body as JSON. Strings, numbers, lists and objects always encode.
func encoded(body map[string]any) []byte {
	text, _ := json.Marshal(body)
	return text
}

// Wait blocks until the operation is finished or ctx ends, and returns the
// body as it is then.
func (o *Operation) Wait(ctx context.Context) map[string]any {
	select {
	case <-o.done:
	case <-ctx.Done():
	}
	return o.Body()
}

// finishNow does what must have happened when a call is answered, and returns the
// answer as it is then: of an operation that has ended, how.
func (s *Server) finishNow(answer any) any {
	s.finishing.Lock()
	defer s.finishing.Unlock()
	s.mu.Lock()
	due := s.atOnce
	s.atOnce = nil
	s.mu.Unlock()
	for _, f := range due {
		f()
	}
	if body, ok := answer.(map[string]any); ok && s.options.OperationTime < 0 {
		if operation := s.Operation(Text(body, "name")); operation != nil {
			return operation.Body()
		}
	}
	return answer
}
