package playground

import (
	"net"
	"net/http"
	"sync"
)

// unused keeps the connections on which nothing was asked yet. A client opens
// some in advance, and a server that shuts down would wait five seconds for them.
type unused struct {
	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// note follows a connection, as http.Server.ConnState.
func (u *unused) note(connection net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.open, connection)
	case u.closed:
		_ = connection.Close() // nobody is waiting for an answer on it
	default:
		u.open[connection] = true
	}
}

func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for connection := range u.open {
		_ = connection.Close()
	}
}
