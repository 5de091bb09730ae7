package apiserver

// Settle waits until everything has happened that Later was asked for so far:
// operations have ended and their log entries are written. Nobody may call an
// API meanwhile.
func (s *Server) Settle() { s.later.Wait() }
