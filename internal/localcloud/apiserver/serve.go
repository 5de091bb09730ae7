package apiserver

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// ServeHTTP answers one API call. Every call of every API comes through here.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.options.Observe == nil {
		s.serve(w, r)
		return
	}
	seen := &observed{ResponseWriter: w, status: http.StatusOK}
	c := s.serve(seen, r) // a panic cuts the connection: there is no answer to observe
	s.options.Observe(Exchange{c.Route, r, c.body, seen.status, seen.body.Bytes()})
}

// serve answers one API call.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) *Call {
	c := &Call{Request: r, server: s, Time: s.Now(), Region: regionOf(r.Host)}
	c.Caller, c.Delegation = caller(r)
	c.Route, c.vars = s.routes.find(r)
	if c.Route == nil {
		e := NotFound("The requested URL %s %s was not found on this server.", r.Method, r.URL.Path)
		s.calls.add(CallEntry{Principal: c.Caller, Resource: r.URL.Path, Status: e.Code})
		write(w, r, e.Code, errorBody(r, "", e))
		return c
	}
	c.Project = DefaultProject()
	if named, ok := s.Project(c.vars["project"]); ok {
		c.Project = named
	}
	c.Resource = resourceOf(c)
	pause(r.Context(), s.options.Latency)
	answer, err := s.handle(c)
	if err != errCut {
		s.record(c, answer, err)
		answer = s.finishNow(answer)
		if wrong := c.interfere(true); wrong != nil {
			err = wrong
		}
	}
	s.reply(w, c, answer, err)
	return c
}

// reply answers, as far as no fault keeps it from doing so.
func (s *Server) reply(w http.ResponseWriter, c *Call, answer any, err error) {
	status, body := http.StatusOK, answer
	switch {
	case err == errCut:
		status = 0
	case err != nil:
		e := asError(err)
		status, body = e.Code, errorBody(c.Request, c.Route.API, e)
	default:
		body = c.selected(c.withEnumEncoding(answer))
	}
	s.calls.add(CallEntry{c.Caller, c.Route.API, c.Route.ID, c.Resource, status, c.Route.Write})
	if err == errCut {
		panic(http.ErrAbortHandler) // closes the connection
	}
	if _, ok := c.fault(TruncateAnswer, false); ok {
		w = &truncated{ResponseWriter: w}
	}
	write(w, c.Request, status, body)
}

// fields are what a client asks for of an answer (partial responses).
func (c *Call) fields() string { return cmp.Or(c.Query("fields"), c.Query("$fields")) }

// selected is the answer as far as the client asks for it.
func (c *Call) selected(answer any) any {
	if body, ok := answer.(map[string]any); ok && c.fields() != "" {
		answer, _ = schema.Project(body, c.fields()) // checked by admit
	}
	return answer
}

// truncated sends half of an answer, which it announces whole, and closes the
// connection.
type truncated struct {
	http.ResponseWriter
	status int
}

// WriteHeader waits for the body, whose length belongs to the header.
func (t *truncated) WriteHeader(status int) { t.status = status }

func (t *truncated) Write(body []byte) (int, error) {
	t.Header().Set("Content-Length", strconv.Itoa(len(body)))
	t.ResponseWriter.WriteHeader(t.status)
	if _, err := t.ResponseWriter.Write(body[:len(body)/2]); err == nil {
		// What was sent must leave before the connection is closed.
		_ = http.NewResponseController(t.ResponseWriter).Flush()
	}
	panic(http.ErrAbortHandler)
}

// handle admits the call and lets its handler answer.
func (s *Server) handle(c *Call) (any, error) {
	if c.Route.AuditMethod != "" {
		c.Record = newRecord(c)
	}
	if err := c.readBody(); err != nil {
		return nil, err
	}
	c.nameResource()
	c.faults = s.faults.fire(c)
	if err := c.interfere(false); err != nil {
		if e, ok := err.(*Error); ok && unlogged(e) {
			c.Record = nil
		}
		return nil, err
	}
	if err := s.admit(c); err != nil {
		return nil, err
	}
	if _, ok := c.fault(WriteFirst, false); ok {
		s.overtake(c)
	}
	return c.Route.Handle(c)
}

// nameResource lets the route say what the call is about.
func (c *Call) nameResource() {
	if c.Route.Resource == nil {
		return
	}
	c.Resource = c.Route.Resource(c)
	if c.Record != nil {
		c.Record.ResourceName = c.Resource
		c.Record.monitor(c.Resource)
		for i := range c.Record.Authorization {
			c.Record.Authorization[i].Resource = c.Resource
		}
	}
}

// monitor names the monitored resource of Resource Manager's entries (recorded for
// projects; logging/docs/api/v2/resource-list): the project, the folder or the
// organization that a call is about. That other APIs' entries about a folder, an
// organization or a role of one have the same, and so are in its log, is unverified.
func (r *AuditRecord) monitor(resource string) {
	kinds, rest, _ := strings.Cut(resource, "/")
	id, _, below := strings.Cut(rest, "/")
	above := kinds == "folders" || kinds == "organizations"
	if above || kinds == "projects" && !below && r.Service == "cloudresourcemanager.googleapis.com" {
		r.ResourceType = strings.TrimSuffix(kinds, "s")
		r.Labels = map[string]string{r.ResourceType + "_id": id}
	}
}

// admit reports whether the call may have any effect: the project exists, the
// API is enabled, the caller has the permissions. Whatever refuses a call
// before its handler sees it belongs here.
func (s *Server) admit(c *Call) error {
	if project := c.vars["project"]; project != "" && !s.serves(c.Route, project) {
		return unknownProject(c, project)
	}
	if service := c.Route.service(); !alwaysOn[service] && !s.Enabled(c.Project, service) {
		return ServiceDisabled(c.Project, service)
	}
	if _, err := schema.Project(map[string]any{}, c.fields()); err != nil {
		return Invalid("Request contains an invalid argument: %v", err)
	}
	return s.authorize(c)
}

// serves reports whether a method knows a project, by its id or its number.
func (s *Server) serves(route *Route, project string) bool {
	found, ok := s.Project(project)
	return ok && (found == DefaultProject() || !s.defaultOnly[route.API])
}

// resourceOf is the path after its version, without custom verb, and with the
// project's id where it names the number.
func resourceOf(c *Call) string {
	path := strings.TrimPrefix(c.Request.URL.Path, "/")
	if i := strings.Index(path, "projects/"); i >= 0 {
		path = path[i:]
	}
	if j := strings.LastIndexByte(c.Route.Path, ':'); j > strings.LastIndexByte(c.Route.Path, '/') {
		path = strings.TrimSuffix(path, c.Route.Path[j:])
	}
	return c.server.ByID(path)
}

// newRecord is the log entry of a call before its outcome is known.
func newRecord(c *Call) *AuditRecord {
	record := &AuditRecord{
		Log: Activity, Service: c.Route.service(), Method: c.Route.AuditMethod, ResourceName: c.Resource,
		Principal: c.Caller, Delegation: c.Delegation, CallerIP: callerIP(c.Request), UserAgent: c.Request.UserAgent(),
		Time: c.Time, Severity: "NOTICE",
		ResourceType: "audited_resource",
		Labels: map[string]string{
			"project_id": c.Project.ID, "service": c.Route.service(), "method": c.Route.AuditMethod,
		},
	}
	if c.Route.Permission != "" {
		// What the call needs beside it is not shown (recorded: subnetworks.patch).
		record.Authorization = []Authorization{{c.Route.Permission, c.Resource, true}}
	}
	return record
}

// record completes the call's log entry with its outcome and emits it. What
// the handler filled in stays.
func (s *Server) record(c *Call, answer any, err error) {
	record := c.Record
	if record == nil {
		return
	}
	if record.Request == nil {
		if body, bodyErr := c.Body(); bodyErr == nil {
			record.Request = Clone(body)
		}
	}
	hideSecrets(record.Request)
	if err != nil {
		e := asError(err)
		record.Severity, record.Status = "ERROR", &Status{e.RPCCode(), e.Message}
		record.Response, record.Operation = nil, nil
		if e.Status == "PERMISSION_DENIED" {
			refuse(record.Authorization)
		}
	} else if body, ok := answer.(map[string]any); ok && record.Response == nil {
		record.Response = Clone(body)
	}
	s.Emit(*record)
}

// refuse says that nothing was granted, unless it is known which part was not.
func refuse(asked []Authorization) {
	if slices.ContainsFunc(asked, func(a Authorization) bool { return !a.Granted }) {
		return
	}
	for i := range asked {
		asked[i].Granted = false
	}
}
