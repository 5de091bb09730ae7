package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errCut ends a call whose connection is cut before it has any effect.
var errCut = fmt.Errorf("the connection was cut")

// fault is the first fault with an action that goes wrong with the call at a
// time: before or after its effect.
func (c *Call) fault(action string, after bool) (Fault, bool) {
	i := slices.IndexFunc(c.faults, func(f Fault) bool { return f.Action == action && f.After == after })
	if i < 0 {
		return Fault{}, false
	}
	return c.faults[i], true
}

// interfere lets go wrong what goes wrong before or after the effect.
func (c *Call) interfere(after bool) error {
	if slow, ok := c.fault(AnswerSlowly, after); ok {
		pause(c.Request.Context(), slow.Delay)
	}
	if _, ok := c.fault(CutConnection, after); ok {
		return errCut
	}
	if answer, ok := c.fault(AnswerStatus, after); ok {
		return injected(c, answer)
	}
	return nil
}

// OperationFault says how the operation of a write is to end: with an error,
// whose write then never takes effect, or never. Neither is the rule.
func (c *Call) OperationFault() (failure *Error, never bool) {
	if _, ok := c.fault(HangOperation, false); ok {
		return nil, true
	}
	if failing, ok := c.fault(FailOperation, false); ok {
		e := &Error{
			Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "INTERNAL_ERROR",
			Message: "Internal error. Please try again or contact Google Support.",
		}
		if failing.Reason != "" {
			e.Reason = failing.Reason
		}
		if failing.Message != "" {
			e.Message = failing.Message
		}
		return e, false
	}
	return nil, false
}

// lists reports whether a call asks for a list.
func (c *Call) lists() bool {
	return strings.HasSuffix(c.Route.ID, ".list") || strings.HasSuffix(c.Route.ID, ".aggregatedList")
}

// Unreachable reports whether the call's list has to do without a place.
func (c *Call) Unreachable(place string) bool {
	return slices.ContainsFunc(c.faults, func(f Fault) bool { return f.Action == PartialLists && f.Place == place })
}

// UnreachablePlaces are the places that the call's list has to do without, in order.
func (c *Call) UnreachablePlaces() []string {
	var all []string
	for _, f := range c.faults {
		if f.Action == PartialLists {
			all = append(all, f.Place)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// overtake moves the version of what the call is about, as if somebody else
// had written to it just before.
func (s *Server) overtake(c *Call) {
	if strings.HasSuffix(c.Route.ID, "etIamPolicy") {
		s.touchPolicy(c.Resource)
		return
	}
	for _, api := range s.apis {
		if api.Name == c.Route.API && api.Touch != nil {
			api.Touch(c.Resource)
		}
	}
}

// touchPolicy writes a policy as it is: only its etag is another.
func (s *Server) touchPolicy(resource string) {
	etag, now := Etag(s.Stamp()), s.Now()
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	policy := map[string]any{}
	if old, ok := s.policies.byResource[resource]; ok {
		policy = Clone(old)
	}
	policy["etag"] = etag
	s.policies.put(resource, policy, now)
}

// canonical is what Google answers with a status: the status' name, the legacy
// reason and a text (wire.md 0.1).
type canonical struct{ status, reason, message string }

var canonicals = map[int]canonical{
	400: {"INVALID_ARGUMENT", "invalid", "Request contains an invalid argument."},
	401: {"UNAUTHENTICATED", "authError", "Request had invalid authentication credentials."},
	403: {"PERMISSION_DENIED", "forbidden", "The caller does not have permission"},
	404: {"NOT_FOUND", "notFound", "Requested entity was not found."},
	408: {"DEADLINE_EXCEEDED", "requestTimeout", "The request timed out."},
	409: {"ABORTED", "aborted", "The operation was aborted."},
	412: {"FAILED_PRECONDITION", "conditionNotMet", "Precondition check failed."},
	429: {"RESOURCE_EXHAUSTED", "rateLimitExceeded", "Resource has been exhausted (e.g. check quota)."},
	500: {"INTERNAL", "backendError", "Internal error encountered."},
	502: {"UNAVAILABLE", "backendError", "Bad Gateway"},
	503: {"UNAVAILABLE", "backendError", "The service is currently unavailable."},
	504: {"DEADLINE_EXCEEDED", "backendError", "Deadline expired before operation could complete."},
}

// reasons say more than the status: which of its meanings applies.
var reasons = map[string]canonical{
	"alreadyExists":    {"ALREADY_EXISTS", "alreadyExists", "Requested entity already exists"},
	"resourceNotReady": {"FAILED_PRECONDITION", "resourceNotReady", "The resource '%s' is not ready"},
}

// injected is the error of a fault in the words of the API.
func injected(c *Call, f Fault) *Error {
	usual, known := canonicals[f.Status]
	if !known {
		usual = canonical{"UNKNOWN", "unknown", http.StatusText(f.Status)}
	}
	if f.Status == http.StatusForbidden && f.Reason == "" && c.Route.Permission != "" {
		return permissionDenied(c, c.Route.Permission, c.Resource)
	}
	if special, ok := reasons[f.Reason]; ok {
		usual = special
	}
	e := &Error{Code: f.Status, Status: usual.status, Reason: usual.reason,
		Message: strings.ReplaceAll(usual.message, "%s", c.Resource)}
	if f.Reason != "" {
		e.Reason = f.Reason
	}
	if e.Reason == "rateLimitExceeded" {
		// Recorded of Resource Manager with a 429; Compute Engine answers the
		// same with a 403 (compute/docs/api-rate-limits).
		e.Status = "RESOURCE_EXHAUSTED"
		e.Message = fmt.Sprintf("Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service '%s' for consumer 'project_number:%s'.",
			c.Route.service(), c.Project.Number)
	}
	if e.Code == http.StatusPreconditionFailed {
		e.Location, e.LocationType = "If-Match", "header"
	}
	if f.Message != "" {
		e.Message = f.Message
	}
	return e
}

// unlogged says that Google's front end, which keeps no audit log, refused a
// call: it is overloaded, out of order, or out of quota (unverified).
func unlogged(e *Error) bool { return e.Code >= 500 || e.Status == "RESOURCE_EXHAUSTED" }

// pause waits, or until the caller has gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
