package apiserver

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// Error is an error as Google's APIs answer it. How it looks on the wire
// depends on the API and the client.
type Error struct {
	// Code is the HTTP status.
	Code int
	// Status is the canonical name: NOT_FOUND, ABORTED, …
	Status string
	// Message is Google's text.
	Message string
	// Reason is the legacy reason: notFound, conditionNotMet, …
	Reason string
	// Domain is the legacy domain, "global" when empty.
	Domain string
	// Location and LocationType say where the trouble is, in the legacy form:
	// "If-Match", "header".
	Location, LocationType string
	// Details are google.rpc detail messages.
	Details []any
}

// Error is Google's text.
func (e *Error) Error() string { return e.Message }

// rpcCodes are google.rpc.Code by name.
var rpcCodes = map[string]int{
	"CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
	"ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9,
	"ABORTED": 10, "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "UNAUTHENTICATED": 16,
}

// RPCCode is the gRPC code of the error.
func (e *Error) RPCCode() int { return rpcCodes[e.Status] }

// NotFound is a 404.
func NotFound(format string, args ...any) *Error {
	return failure(http.StatusNotFound, "NOT_FOUND", "notFound", format, args...)
}

// Invalid is the 400 of a wrong argument.
func Invalid(format string, args ...any) *Error {
	return failure(http.StatusBadRequest, "INVALID_ARGUMENT", "invalid", format, args...)
}

// Precondition is the 400 of a call that the state does not allow.
func Precondition(format string, args ...any) *Error {
	return failure(http.StatusBadRequest, "FAILED_PRECONDITION", "failedPrecondition", format, args...)
}

// AlreadyExists is the 409 of a name that is taken.
func AlreadyExists(format string, args ...any) *Error {
	return failure(http.StatusConflict, "ALREADY_EXISTS", "alreadyExists", format, args...)
}

// statusClientClosedRequest is the HTTP status of CANCELLED (google.rpc.Code).
const statusClientClosedRequest = 499

// Cancelled ends the work for a client that has gone; only the log of calls
// shows it.
func Cancelled(cause error) *Error {
	return failure(statusClientClosedRequest, "CANCELLED", "cancelled", "The operation was cancelled: %v", cause)
}

// Aborted is the 409 of a stale version.
func Aborted(format string, args ...any) *Error {
	return failure(http.StatusConflict, "ABORTED", "aborted", format, args...)
}

// Denied is a 403.
func Denied(format string, args ...any) *Error {
	return failure(http.StatusForbidden, "PERMISSION_DENIED", "forbidden", format, args...)
}

// UnknownField is the 400 of a field that the API does not have. At is the
// path of the object that holds it, "" for the body itself.
func UnknownField(name, at string) *Error {
	where := ""
	if at != "" {
		where = fmt.Sprintf(" at '%s'", at)
	}
	return InvalidSchema(&schema.Error{Violations: []schema.Violation{{Field: at,
		Description: fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Cannot find field.", name, where)}}})
}

// CheckFields refuses the first field of an object, by name, that is not among
// the known ones. At is the path of the object, "" for the body itself.
func CheckFields(object map[string]any, at, known string) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(strings.Fields(known), name) {
			return UnknownField(name, at)
		}
	}
	return nil
}

// InvalidSchema is the 400 of a body that does not fit its message: what
// package schema says, with the details that Google adds. Any other error is
// returned as the server's own failure.
func InvalidSchema(err error) *Error {
	var invalid *schema.Error
	if !errors.As(err, &invalid) {
		return asError(err)
	}
	e := Invalid("%s", invalid)
	e.Reason = "badRequest"
	violations := []any{}
	for _, v := range invalid.Violations {
		violation := map[string]any{"description": v.Description}
		if v.Field != "" {
			violation["field"] = v.Field
		}
		violations = append(violations, violation)
	}
	e.Details = []any{map[string]any{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}}
	return e
}

func failure(code int, status, reason, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
