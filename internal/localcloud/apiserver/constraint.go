package apiserver

import "net/http"

// Constraints are the organization policies in effect at resources.
type Constraints interface {
	// Enforced reports whether a boolean constraint is enforced.
	Enforced(resource, constraint string) bool
	// Allows reports whether a list constraint allows a value.
	Allows(resource, constraint, value string) bool
	// Excludes returns the constraint that keeps a member out of the policy of a
	// resource, "" = none does.
	Excludes(resource, member string) (constraint string)
}

// SetConstraints sets the source of organization policies. It is called before the
// first request.
func (s *Server) SetConstraints(constraints Constraints) { s.constraints = constraints }

// Enforced reports whether a boolean constraint is enforced at a resource.
func (s *Server) Enforced(resource, constraint string) bool {
	return s.constraints != nil && s.constraints.Enforced(resource, constraint)
}

// Allows reports whether a list constraint allows a value at a resource.
func (s *Server) Allows(resource, constraint, value string) bool {
	return s.constraints == nil || s.constraints.Allows(resource, constraint, value)
}

// Violated is the refusal of Compute Engine where a constraint forbids a write
// (reported for other constraints of its).
func Violated(in Project, constraint string) *Error {
	return failure(http.StatusPreconditionFailed, "FAILED_PRECONDITION", "conditionNotMet",
		"Constraint constraints/%s violated for projects/%s.", constraint, in.ID)
}

// excluded says that a constraint keeps a member out of a policy.
type excluded struct{ resource, member, constraint string }

func (e *excluded) Error() string { return e.constraint }

// excluded finds a member that a change adds and a constraint keeps out. What was
// there before stays (documented: the constraints are not retroactive).
func (s *Server) excluded(resource string, old, now map[string]any) error {
	if s.constraints == nil {
		return nil
	}
	for _, change := range deltas(old, now) {
		delta := change.(map[string]any)
		member := Text(delta, "member")
		if delta["action"] != "ADD" {
			break
		}
		if constraint := s.constraints.Excludes(resource, member); constraint != "" {
			return &excluded{resource, member, constraint}
		}
	}
	return nil
}

// notPermitted is the refusal of a policy with an excluded member. Cloud Run's text and
// the details of the others are reported.
func (c *Call) notPermitted(why *excluded) error {
	const text = "One or more users named in the policy do not belong to a permitted customer"
	if c.Route.API == "run" {
		return Precondition(text + ",  perhaps due to an organization policy.")
	}
	who := why.member
	if email := Principal(who).Email(); email != "" {
		who = email
	}
	e := Precondition(text + ".")
	e.Details = []any{map[string]any{"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": []any{
		map[string]any{"type": "constraints/" + why.constraint, "subject": "orgpolicy:" + why.resource + "?configvalue=" + who,
			"description": "User " + who + " is not in permitted organization."}}}}
	return e
}
