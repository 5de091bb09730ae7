package apiserver

import (
	"context"
	"sync"
)

// maxOperations bounds how many operations are remembered; the oldest are
// forgotten first, as Google forgets them after some days.
const maxOperations = 10000

// Operation is a long-running operation: a JSON body that changes until it is
// finished. Its starter decides how the body looks.
type Operation struct {
	mu   sync.Mutex
	body map[string]any
	done chan struct{}
	once sync.Once
}

// StartOperation keeps an operation under name, which no other operation of
// any API has: that is what lets one path mean several APIs.
func (s *Server) StartOperation(name string, body map[string]any) *Operation {
	o := &Operation{body: Clone(body), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[name] = o
	if s.started = append(s.started, name); len(s.started) > maxOperations {
		delete(s.operations, s.started[0])
		s.started = s.started[1:]
	}
	return o
}

// Operation finds an operation by the name it was started under, or nil.
func (s *Server) Operation(name string) *Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.operations[name]
}

// DropOperation forgets an operation.
func (s *Server) DropOperation(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.operations, name)
}

// EachOperation calls f with every operation's name and body, in no order.
func (s *Server) EachOperation(f func(name string, body map[string]any)) {
	s.mu.Lock()
	all := make(map[string]*Operation, len(s.operations))
	for name, o := range s.operations {
		all[name] = o
	}
	s.mu.Unlock()
	for name, o := range all {
		f(name, o.Body())
	}
}

// Body is a copy of what a client sees of the operation now.
func (o *Operation) Body() map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Clone(o.body)
}

// Finish replaces the body and wakes those who wait. Only the first call counts.
func (o *Operation) Finish(body map[string]any) {
	o.once.Do(func() {
		o.mu.Lock()
		o.body = Clone(body)
		o.mu.Unlock()
		close(o.done)
	})
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
