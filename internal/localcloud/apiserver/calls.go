package apiserver

import (
	"strings"
	"sync"
)

// maxCalls bounds the call log; the oldest calls are forgotten first. What a call
// was about is cut after maxResource bytes.
const (
	maxCalls    = 20000
	maxResource = 1024
)

// CallEntry is one API call as the call log shows it.
type CallEntry struct {
	Principal Principal `json:"principal"`
	API       string    `json:"api"`
	Method    string    `json:"method"`
	Resource  string    `json:"resource"`
	Status    int       `json:"status"`
	Write     bool      `json:"write"`
}

type callLog struct {
	each    func(CallEntry) // nil = nobody listens
	mu      sync.Mutex
	entries []CallEntry
}

func (l *callLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

func (l *callLog) add(entry CallEntry) {
	if len(entry.Resource) > maxResource {
		entry.Resource = strings.ToValidUTF8(entry.Resource[:maxResource], "") + "…"
	}
	if l.each != nil {
		defer l.each(entry)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= maxCalls {
		// Half at once, so that dropping costs nothing per call.
		l.entries = append([]CallEntry(nil), l.entries[maxCalls/2:]...)
	}
	l.entries = append(l.entries, entry)
}

// Calls are the API calls so far, oldest first, never nil.
func (s *Server) Calls() []CallEntry {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]CallEntry{}, s.calls.entries...)
}
