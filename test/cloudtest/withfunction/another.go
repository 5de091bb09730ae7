package withfunction

import "net/http"

// Another is a further instance, started now. It receives what a test hands to it, and nothing else.
func (e *Env) Another() http.Handler {
	e.t.Helper()
	return e.deployed()
}
