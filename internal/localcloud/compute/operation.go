package compute

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Compute Engine shows Pacific time, wherever it runs.

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// waitAtMost is how long operations.wait blocks ("up to two minutes",
// discovery document).
const waitAtMost = 2 * time.Minute

// maxRequests bounds how many request ids are remembered.
const maxRequests = 5000

// pacificTime is where Compute Engine's clocks hang. The zone is embedded, so
// that loading it cannot fail.
var pacificTime, _ = time.LoadLocation("America/Los_Angeles")

// pacific is a time as Compute Engine writes it: milliseconds and the Pacific
// offset.
func pacific(t time.Time) string { return t.In(pacificTime).Format("2006-01-02T15:04:05.000-07:00") }

// operationTypes are the types of operations that are not called like the last part of
// their method's id, by that part. That of setSslCertificates is unverified, all others
// are recorded.
var operationTypes = map[string]string{
	"setTarget": "SetTarget", "setUrlMap": "SetUrlMap", "setSslCertificates": "SetSslCertificates",
	"addRule": "AddRule", "patchRule": "PatchRule", "removeRule": "RemoveRule",
}

// spelledOut are the methods whose operations have their whole id for a type (recorded).
var spelledOut = []string{
	"compute.regionNetworkEndpointGroups.insert", "compute.regionNetworkEndpointGroups.delete",
	"compute.targetHttpsProxies.setQuicOverride", "compute.sslPolicies.patch",
	"compute.targetGrpcProxies.insert", "compute.targetGrpcProxies.delete",
}

// operationType is the type of the operation that a method starts.
func operationType(method string) string {
	if slices.Contains(spelledOut, method) {
		return method
	}
	verb := method[strings.LastIndexByte(method, '.')+1:]
	return cmp.Or(operationTypes[verb], verb)
}

// begin starts the operation of a write that has already taken effect, writes
// it into the call's log entry, and has it finished later; that of setLabels has ended at
// once (recorded). The lock is held.
func (a *API) begin(c *apiserver.Call, r *resource) map[string]any {
	instant := strings.HasSuffix(c.Route.ID, ".setLabels")
	now := a.server.Stamp()
	name := operationName(now)
	body := map[string]any{
		"kind": "compute#operation", "id": apiserver.NewID(), "name": name, "operationType": operationType(c.Route.ID),
		"targetLink": link(r.path()), "targetId": r.id, "user": c.Caller.Email(),
		"insertTime": pacific(now), "startTime": pacific(now),
		"selfLink": link(operationPath(r.place, name)),
		"status":   "RUNNING", "progress": number("0"),
	}
	if r.region() != "" {
		body["region"] = link(r.place.name())
	}
	if instant {
		finish(body, now)
	}
	started := a.server.StartOperation(operationPath(r.place, name), body)
	a.remember(c.Query("requestId"), operationPath(r.place, name))
	last := complete(c, body, instant)
	failure, never := c.OperationFault()
	switch {
	case instant:
		started.Finish(body)
	case !never:
		a.server.Later(a.server.OperationTime(), func() {
			done, at := apiserver.Clone(body), a.server.Stamp()
			finish(done, at)
			fail(done, failure)
			if last != nil {
				last.Time = at
				blame(last, failure)
				a.server.Emit(*last)
			}
			started.Finish(done)
		})
	}
	return inVersion(apiserver.Clone(body), versionOf(c))
}

// fail writes an error into a finished operation, in the recorded form.
func fail(body map[string]any, failure *apiserver.Error) {
	if failure == nil {
		return
	}
	body["error"] = map[string]any{"errors": []any{map[string]any{"code": failure.Reason, "message": failure.Message}}}
	body["httpErrorStatusCode"] = number(strconv.Itoa(failure.Code))
	body["httpErrorMessage"] = strings.ToUpper(http.StatusText(failure.Code))
}

// blame writes the same into the log entry of the operation's end.
func blame(last *apiserver.AuditRecord, failure *apiserver.Error) {
	if failure != nil {
		last.Severity, last.Status = "ERROR", &apiserver.Status{Code: failure.RPCCode(), Message: failure.Message}
	}
}

func finish(body map[string]any, at time.Time) {
	body["status"], body["progress"], body["endTime"] = "DONE", number("100"), pacific(at)
}

// operationName is operation-<epoch ms>-<epoch µs in hex>-<8 hex>-<8 hex>.
func operationName(t time.Time) string {
	var b [8]byte
	rand.Read(b[:])
	return fmt.Sprintf("operation-%d-%013x-%s-%s", t.UnixMilli(), t.UnixMicro(), hex.EncodeToString(b[:4]),
		hex.EncodeToString(b[4:]))
}

// remember keeps which operation a requestId has started, for a while.
func (a *API) remember(requestID, name string) {
	if requestID == "" {
		return
	}
	if len(a.requests) >= maxRequests {
		clear(a.requests)
	}
	a.requests[requestID] = name
}

// repeated is the operation that a call with the same requestId has started
// before, or nil.
func (a *API) repeated(c *apiserver.Call, version string) map[string]any {
	name := a.requests[c.Query("requestId")]
	if name == "" {
		return nil
	}
	op := a.server.Operation(name)
	if op == nil {
		return nil
	}
	c.Record = nil
	return inVersion(op.Body(), version)
}

// operationSite is where operations are read: one scope, one version.
type operationSite struct {
	api     *API
	version string
	global  bool
}

func (s operationSite) place(c *apiserver.Call) place {
	if s.global {
		return place{c.Project, global}
	}
	return at(c.Project, c.Var("region"))
}

// operationPath is the name of an operation from the project on, under which the
// server keeps it; with name "" what those of a scope begin with.
func operationPath(in place, name string) string { return in.name() + "/operations/" + name }

func (s operationSite) find(c *apiserver.Call) (*apiserver.Operation, error) {
	path := operationPath(s.place(c), c.Var("name"))
	if op := s.api.server.Operation(path); op != nil {
		return op, nil
	}
	return nil, notFound(path)
}

func (s operationSite) get(c *apiserver.Call) (any, error) {
	op, err := s.find(c)
	if err != nil {
		return nil, err
	}
	return inVersion(op.Body(), s.version), nil
}

func (s operationSite) wait(c *apiserver.Call) (any, error) {
	op, err := s.find(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), waitAtMost)
	defer cancel()
	return inVersion(op.Wait(ctx), s.version), nil
}

func (s operationSite) remove(c *apiserver.Call) (any, error) {
	op, err := s.find(c)
	if err != nil {
		return nil, err
	}
	s.api.server.DropOperation(op.Name())
	return nil, nil
}

func (s operationSite) list(c *apiserver.Call) (any, error) {
	prefix := operationPath(s.place(c), "")
	return page(c, s.under(prefix), listing{"OperationList", strings.TrimSuffix(prefix, "/"), s.version, s.place(c).scope})
}

func (s operationSite) aggregatedList(c *apiserver.Call) (any, error) {
	head := listing{"OperationAggregatedList", aggregatedPath(c.Project, "operations"), s.version, ""}
	return aggregation{"operations", true, true}.page(c, s.inEveryScope(c.Project), head)
}

// under are the operations whose names begin with prefix.
func (s operationSite) under(prefix string) source {
	return func(after string, n int) []item {
		var items []item
		for _, op := range s.api.server.Operations(prefix, after, n) {
			items = append(items, item{order: op.Name(), other: op.Body()})
		}
		return items
	}
}

// inEveryScope are a project's operations of Compute Engine: the server keeps those of
// other APIs too, in between.
func (s operationSite) inEveryScope(project apiserver.Project) source {
	return func(after string, n int) []item {
		var items []item
		for _, scope := range append([]string{global}, regionScopes...) {
			if prefix := operationPath(place{project, scope}, ""); len(items) < n && after < prefix+"\xff" {
				items = append(items, s.under(prefix)(max(after, prefix), n-len(items))...)
			}
		}
		return items
	}
}
