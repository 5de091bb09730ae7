// Package scheduler is Cloud Scheduler as far as HTTP jobs go: they are kept,
// and run when somebody asks for it. No clock runs them.
package scheduler

import (
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
)

type object = map[string]any

// Scheduler holds the jobs of one project. It is safe for concurrent use.
type Scheduler struct {
	server *apiserver.Server
	send   func(dataplane.Sent) (int, error)

	mu   sync.Mutex
	jobs map[string]object
}

// New returns a Cloud Scheduler without jobs, whose requests go through send.
func New(s *apiserver.Server, send func(dataplane.Sent) (int, error)) *Scheduler {
	return &Scheduler{server: s, send: send, jobs: map[string]object{}}
}

// permissionSource documents which permission each method needs.
const permissionSource = "cloud.google.com/scheduler/docs/access-control"

// API is Cloud Scheduler as the server serves it.
func (s *Scheduler) API() apiserver.API {
	const all, one = "/v1/projects/{project}/locations/{location}/jobs",
		"/v1/projects/{project}/locations/{location}/jobs/{job}"
	return apiserver.API{Name: "cloudscheduler", State: s.state, Reset: s.reset, Routes: []apiserver.Route{
		route(http.MethodGet, all, "list", "", s.list),
		route(http.MethodGet, one, "get", "", s.get),
		route(http.MethodPost, all, "create", "CreateJob", s.create),
		route(http.MethodPatch, one, "patch", "UpdateJob", s.patch),
		route(http.MethodDelete, one, "delete", "DeleteJob", s.remove),
		route(http.MethodPost, one+":run", "run", "RunJob", s.run),
	}}
}

func route(verb, path, method, audited string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	permission := method
	if method == "patch" {
		permission = "update"
	}
	made := apiserver.Route{Verb: verb, Path: path, API: "cloudscheduler",
		ID:         "cloudscheduler.projects.locations.jobs." + method,
		Permission: "cloudscheduler.jobs." + permission, Source: permissionSource, Handle: handle}
	if audited != "" {
		made.Write, made.AuditMethod = true, "google.cloud.scheduler.v1.CloudScheduler."+audited
	}
	return made
}

func parent(call *apiserver.Call) string {
	return "projects/" + apiserver.ProjectID + "/locations/" + call.Var("location") + "/jobs"
}

// jobID is the grammar of a job's id (scheduler/docs/reference/rest, Job.name).
var jobID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`)

// named finds the job that a call is about. The lock is held.
func (s *Scheduler) named(call *apiserver.Call) (string, object, error) {
	name := parent(call) + "/" + call.Var("job")
	if found := s.jobs[name]; found != nil {
		return name, found, nil
	}
	return name, nil, apiserver.NotFound("Job not found.")
}

func (s *Scheduler) list(call *apiserver.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []any
	for _, name := range slices.Sorted(maps.Keys(s.jobs)) {
		if call.Var("location") == "-" || strings.HasPrefix(name, parent(call)+"/") {
			found = append(found, apiserver.Clone(s.jobs[name]))
		}
	}
	if found == nil {
		return object{}, nil
	}
	return object{"jobs": found}, nil
}

func (s *Scheduler) get(call *apiserver.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found, err := s.named(call)
	return apiserver.Clone(found), err
}

func (s *Scheduler) create(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	made := object{
		"timeZone": "Etc/UTC", "state": "ENABLED", "attemptDeadline": "180s",
		"retryConfig": object{"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s",
			"maxDoublings": 5},
	}
	name := apiserver.Text(body, "name")
	id := strings.TrimPrefix(name, parent(call)+"/")
	if !jobID.MatchString(id) {
		return nil, apiserver.Invalid("Job name must be formatted: %q", parent(call)+"/<JOB_ID>")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[name] != nil {
		return nil, apiserver.AlreadyExists("Job %s already exists.", name)
	}
	return s.put(call, made, body, name)
}

func (s *Scheduler) patch(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, old, err := s.named(call)
	if err != nil {
		return nil, err
	}
	return s.put(call, apiserver.Clone(old), body, name)
}

// put merges what was sent into a job and keeps it, if its caller may act as
// its account. The lock is held.
func (s *Scheduler) put(call *apiserver.Call, made, sent object, name string) (any, error) {
	apiserver.Merge(made, sent)
	target := apiserver.Object(made, "httpTarget")
	if target == nil {
		return nil, apiserver.Invalid("Only jobs with an httpTarget are served here.")
	}
	if token := apiserver.Object(target, "oidcToken"); token != nil {
		if err := call.ActAs(apiserver.Text(token, "serviceAccountEmail")); err != nil {
			return nil, err
		}
		if apiserver.Text(token, "audience") == "" { // documented: the target's URI
			token["audience"] = target["uri"]
		}
	}
	if apiserver.Text(target, "httpMethod") == "" {
		target["httpMethod"] = http.MethodPost
	}
	made["name"], made["userUpdateTime"] = name, s.server.Stamp().Format(time.RFC3339Nano)
	s.jobs[name] = made
	return apiserver.Clone(made), nil
}

func (s *Scheduler) remove(call *apiserver.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, err := s.named(call)
	if err != nil {
		return nil, err
	}
	delete(s.jobs, name)
	return object{}, nil
}

// run calls the target and keeps how that ended.
func (s *Scheduler) run(call *apiserver.Call) (any, error) {
	s.mu.Lock()
	name, job, err := s.named(call)
	job = apiserver.Clone(job)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	target := apiserver.Object(job, "httpTarget")
	token := apiserver.Object(target, "oidcToken")
	body, _ := base64.StdEncoding.DecodeString(apiserver.Text(target, "body")) // what is not base64 is sent as nothing
	answered, err := s.send(dataplane.Sent{
		Method: apiserver.Text(target, "httpMethod"), URL: apiserver.Text(target, "uri"), UserAgent: "Google-Cloud-Scheduler",
		Header: http.Header{"X-Cloudscheduler": {"true"}}, Body: body,
		Account: apiserver.Text(token, "serviceAccountEmail"), Audience: apiserver.Text(token, "audience"),
	})
	if err != nil {
		return nil, apiserver.Invalid("The URI cannot be called: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	job["lastAttemptTime"], job["status"] = s.server.Stamp().Format(time.RFC3339Nano), status(answered)
	if s.jobs[name] != nil {
		s.jobs[name] = job
	}
	return apiserver.Clone(job), nil
}

// status is a google.rpc.Status for an HTTP status
// (google/rpc/code.proto, "HTTP Mapping").
func status(answered int) object {
	code := map[int]int{http.StatusUnauthorized: 16, http.StatusForbidden: 7, http.StatusNotFound: 5,
		http.StatusTooManyRequests: 8}[answered]
	switch {
	case answered < 400:
		return object{}
	case code == 0 && answered >= 500:
		code = 14
	case code == 0:
		code = 9
	}
	return object{"code": code}
}

func (s *Scheduler) state() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := object{}
	for name, job := range s.jobs {
		state[name] = apiserver.Clone(job)
	}
	return state
}

func (s *Scheduler) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = map[string]object{}
}
