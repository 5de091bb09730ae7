package apiserver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// maxBody is the largest request that Google's front end reads.
const maxBody = 10 << 20

// Call is one API call in progress. Its handler may complete Resource, which
// names what the call is about, and Record, which becomes its log entry.
type Call struct {
	// Request is the HTTP request; its body is read through Body.
	Request *http.Request
	Route   *Route
	Caller  Principal
	// Delegation is who impersonated the caller, the first first; nobody mostly.
	Delegation []Principal
	// Time is when the call arrived.
	Time time.Time
	// Resource is the resource's name, for the call log and for permission
	// checks: the path after the version, with the project's id for its number.
	Resource string
	// Project is the one that the path names, by id or number, and DefaultProject where it
	// names none.
	Project Project
	// Region is the region that the request's host names, or "".
	Region string
	// Record is the call's log entry, on the monitored resource
	// audited_resource until the handler knows a better one. Nil for reads.
	// Setting it to nil drops the entry.
	Record *AuditRecord

	server *Server
	faults []Fault
	vars   map[string]string
	body   []byte
	parsed map[string]any
}

// Server is what answers the call.
func (c *Call) Server() *Server { return c.server }

// Var is the value of a variable of the route's path.
func (c *Call) Var(name string) string { return c.vars[name] }

// Query is the value of a query parameter.
func (c *Call) Query(name string) string { return c.Request.URL.Query().Get(name) }

// Bytes is the request's body as it was sent.
func (c *Call) Bytes() []byte { return c.body }

// Body is the request's JSON object; an empty body is an empty object. Numbers
// are json.Number, so that nothing changes by being read. The object is the
// call's own: what is kept of it must be a Clone.
func (c *Call) Body() (map[string]any, error) {
	if c.parsed != nil {
		return c.parsed, nil
	}
	if len(bytes.TrimSpace(c.body)) == 0 {
		c.parsed = map[string]any{}
		return c.parsed, nil
	}
	if kind, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		return nil, c.formEncoded()
	}
	if !utf8.Valid(c.body) {
		return nil, malformed(errors.New("it is not valid UTF-8"))
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, malformed(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, malformed(errors.New("more than one value"))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, malformed(errors.New("not an object"))
	}
	if err := schema.TooDeep(object); err != nil {
		return nil, InvalidSchema(err)
	}
	c.parsed = object
	return object, nil
}

// malformed is Google's 400 for a body that is not a JSON object. The text is
// Google's up to its first full stop; what follows is ours (unverified).
func malformed(err error) *Error {
	e := Invalid("Invalid JSON payload received. %s", err)
	e.Reason = "parseError"
	return e
}

// formEncoded is the 400 of a body that says it is a form, such as one that curl
// sends without a content type. Both texts are widely reported. Any other content
// type is read as JSON (unverified).
func (c *Call) formEncoded() *Error {
	if legacyErrors(c.Route.API) {
		e := Invalid("This API does not support parsing form-encoded input.")
		e.Reason = "parseError"
		return e
	}
	name, _, _ := bytes.Cut(c.body[:min(len(c.body), 256)], []byte("="))
	return Invalid("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. "+
		"Field '%s' could not be found in request message.", name, name)
}

// readBody takes the body in, bounded.
func (c *Call) readBody() error {
	if c.Request.Body == nil {
		return nil
	}
	most := cmp.Or(c.Route.MaxBody, maxBody)
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, int64(most)+1))
	if err != nil {
		return malformed(err)
	}
	if len(body) > most {
		return Invalid("Request payload size exceeds the limit: %d bytes.", most)
	}
	c.body = body
	return nil
}
