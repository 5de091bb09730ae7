// Package fault is the closed list of ways in which a call to a cloud API can
// fail. One table here decides what follows from a failure: the adapters
// classify an error by its Kind, and every other package asks for its Action.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what went wrong.
type Kind string

// The kinds of failure.
const (
	Unknown         Kind = "unknown"          // an error that no adapter classified
	ServiceGone     Kind = "service-gone"     // Cloud Run's services.get says that the service is not there; no other 404 does
	NotFound        Kind = "not-found"        // any other resource is not there, or not yet
	Conflict        Kind = "conflict"         // somebody else wrote in between: etag, fingerprint or version is stale
	Busy            Kind = "busy"             // the resource is being changed right now
	Denied          Kind = "denied"           // a permission is missing
	Unauthenticated Kind = "unauthenticated"  // the credentials were refused, newly issued ones too
	APIDisabled     Kind = "api-disabled"     // the API is switched off in the project
	OrgPolicy       Kind = "org-policy"       // an organisation policy forbids it
	NotProvisioned  Kind = "not-provisioned"  // the service agent is not known yet
	Invalid         Kind = "invalid"          // the API refuses the request as it is
	OperationFailed Kind = "operation-failed" // a write was admitted, and its long-running operation ended with an error
	OperationUnread Kind = "operation-unread" // a write was admitted, and its operation cannot be read
	Quota           Kind = "quota"            // too many requests
	Unavailable     Kind = "unavailable"      // a passing failure of the server or the connection
	Canceled        Kind = "canceled"         // our own deadline or cancellation
)

// Action is what to do about a failure.
type Action int

// The actions.
const (
	Retry  Action = iota // try again later; redelivery does it when this delivery gives up
	Replan               // observe and plan again: what was planned no longer fits
	Later                // a change is under way, another writer's or our own: not a failure, look again when it is done
	Block                // nothing will change by itself: report it with a remedy, do not retry
	Gone                 // the service itself no longer exists
	Fail                 // end this delivery with the error's text; redelivery begins with a new observation
)

// actions is the one table that decides. Unknown errors are retried: a retry
// ends in the dead-letter topic, where a person sees it, and a wrong "blocked"
// would hide it. So is a 404 of anything but the service: a list or a policy
// may lag behind a creation, and an acknowledged message is never looked at
// again.
var actions = map[Kind]Action{
	Unknown:     Retry,
	ServiceGone: Gone,
	NotFound:    Retry,
	Conflict:    Replan,
	Busy:        Later,
	Denied:      Block,
	// Keys are replaced, clocks set and token servers repaired without a change of the service.
	Unauthenticated: Retry,
	APIDisabled:     Block,
	OrgPolicy:       Block,
	NotProvisioned:  Retry,
	Invalid:         Block,
	// The failed write has moved the resource's version: repeated as it is, it
	// would end as a conflict that hides why the first one failed.
	OperationFailed: Fail,
	// The resource itself says what became of the write.
	OperationUnread: Later,
	Quota:           Retry,
	Unavailable:     Retry,
	Canceled:        Retry,
}

// Error is a failed call, classified.
type Error struct {
	Kind       Kind
	Permission string // the missing permission, where the API named it
	Account    string // the service account that the caller may not act as, where that is what is missing
	Caller     string // the service account that called, where that was not our own
	Service    string // the disabled API, where the API named it
	Consumer   string // the project in which it is disabled, projects/NUMBER or projects/ID, where the API named it
	Constraint string // what an organisation policy forbids by, where the API named it
	Remedy     string // what a person can do, one line; may be empty
	// Open means that a write was admitted and may take effect yet.
	Open bool
	// RetryAfter is how long the API asks callers to wait before the next call; 0 = it does not.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the error that was classified.
func (e *Error) Unwrap() error { return e.Err }

// New classifies an error message that no API sent.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// Of finds the classification of an error; an unclassified error is Unknown.
func Of(err error) *Error {
	var classified *Error
	if errors.As(err, &classified) {
		return classified
	}
	return &Error{Kind: Unknown, Err: err}
}

// ActionOf says what to do about an error.
func ActionOf(err error) Action { return actions[Of(err).Kind] }

// Lasting reports whether a failed read will fail the same way until a person
// changes something. An optional fact is then unread; any other failure is worth
// another attempt.
func Lasting(err error) bool {
	kind := Of(err).Kind
	return kind == NotFound || actions[kind] == Block
}

// LeavesOpen reports whether a write that failed may have taken effect all the same, or may do so yet:
// its answer was lost, or nobody knows how its operation ends.
func LeavesOpen(err error) bool {
	switch found := Of(err); found.Kind {
	case Unknown, Unavailable, Canceled, OperationUnread:
		return true
	default:
		return found.Open
	}
}

// Unread turns the lasting refusal to say what became of a write's operation into an
// OperationUnread: nothing is known yet of the write itself. Any other error stays as it is.
func Unread(operation string, err error) error {
	if err == nil || !Lasting(err) {
		return err
	}
	unread := *Of(err)
	unread.Kind = OperationUnread
	unread.Err = fmt.Errorf("the write was accepted, and whether its operation %s has ended cannot be read: %w",
		operation, unread.Err)
	return &unread
}

// Stale turns the NotFound of a write into a Conflict: the resource was there
// when it was observed, so a plan that names it no longer fits.
func Stale(err error) error {
	found := Of(err)
	if err == nil || found.Kind != NotFound {
		return err
	}
	stale := *found
	stale.Kind, stale.Err = Conflict, err
	return &stale
}
