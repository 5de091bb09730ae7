package event

import (
	"slices"
	"strings"
	"time"
)

// Kind is what happened, in the words of the published contract.
type Kind string

// The kinds of causes.
const (
	RunServiceChanged     Kind = "run-service-changed"
	RunServiceReady       Kind = "run-service-ready"
	RunServiceDeleted     Kind = "run-service-deleted"
	RunIAMChanged         Kind = "run-iam-changed"
	RunRequestDenied      Kind = "run-request-denied"
	BackendServiceChanged Kind = "backend-service-changed"
	RoutingChanged        Kind = "routing-changed" // NEG, URL map, proxy, forwarding rule, domain mapping
	IAPPolicyChanged      Kind = "iap-policy-changed"
	IAPSettingsChanged    Kind = "iap-settings-changed"
	LBRequestDeniedByIAP  Kind = "lb-request-denied-by-iap"
	AuthorizationChanged  Kind = "authorization-policy-changed"
	RunInstanceChanged    Kind = "run-instance-changed" // created, changed or deleted
	RoleChanged           Kind = "role-changed"         // a custom role of a project or of an organization
	APIDisabled           Kind = "api-disabled"
	ProjectIAMChanged     Kind = "project-iam-changed" // of a project, or of what is above projects
	Alert                 Kind = "alert"
	FindingReported       Kind = "finding-reported" // by Security Command Center
	CommandReceived       Kind = "command"
	Heartbeat             Kind = "heartbeat" // nothing happened; delivery works
)

// Reason is why a message leads to nothing.
type Reason string

// The closed list of reasons.
const (
	otherService Reason = "other-service" // another Google service, or a resource that does not matter here
	ReadCall     Reason = "read-call"     // the call only reads
	failedCall   Reason = "failed-call"   // the call changed nothing
	FirstHalf    Reason = "first-half"    // of a long operation; the last half follows
	OwnWrite     Reason = "own-write"     // own principal and our user agent
	ownReport    Reason = "own-report"    // one of our reports came back
	outOfScope   Reason = "out-of-scope"
	Unrelated    Reason = "unrelated"       // an API that matters, but a call that does not touch protection
	notALogEntry Reason = "not-a-log-entry" // well-formed, but of an unknown shape
	Unreadable   Reason = "unreadable"      // cannot be read, or does not name a resource
)

// Cause is something that happened and may concern a target. Every name in it
// matches Google's grammar for it, so that it is safe in a request.
type Cause struct {
	Kind   Kind
	Method string // name of the audited method, "" without an audited call

	// Project is an id or a number, as the entry has it; "" where the cause is about a
	// folder or an organization, which Resource names, or a role of one.
	Project  string
	Location string // region, or "global"
	Service  string // Cloud Run service, "" where the cause is about something else
	// BackendService is the name of a backend service, or its numeric id where an
	// entry has no name.
	BackendService string
	// Resource is the full name of any other resource: a NEG, URL map, proxy,
	// forwarding rule, authorization policy, Cloud Run instance, role or holder of an
	// IAP policy; a folder, an organization or a role of one. For a heartbeat it is the
	// project, folder or organisation of its log, "" if it was published.
	Resource string

	Principal string // e-mail of the caller, "" when the entry does not have it
	UserAgent string
	CallerIP  string
	At        time.Time // zero when the entry has no time
	// Key is the dedupe key: logName, insertId and timestamp. It is the same for
	// one log entry through every envelope.
	Key string
	// EventID is the id of the envelope (ce-id or messageId).
	EventID string

	// Nonce is what a heartbeat proves its writer by. It is not checked here.
	Nonce    string
	Symptom  *Symptom  // the refused request: RunRequestDenied, LBRequestDeniedByIAP
	Incident *Incident // Alert
	Command  *Command  // CommandReceived
}

// Symptom is a refused request, from a request log. Its texts come from the
// sender of the request. They are cut and free of control characters, and they
// are for people to read.
type Symptom struct {
	Status    int    // HTTP status
	Text      string // Cloud Run's own explanation, "" from a load balancer
	URL       string // without query and fragment, which may hold secrets
	Method    string // HTTP method
	UserAgent string // of the refused client
	Revision  string // Cloud Run revision that refused, "" from a load balancer
}

// Incident is the subject of an alert notification of Cloud Monitoring.
type Incident struct {
	ID        string
	State     string // "open" or "closed"
	Policy    string // name of the alerting policy
	Condition string
	URL       string // of the incident in the console
}

// Command is a request on the commands topic.
type Command struct {
	Name string // apply, plan, audit, doctor, sweep or due
	// Target is a resource name: projects/P[/locations/L[/services/S]]; "" means
	// everything in scope, for sweep, audit and due only.
	Target string
	PlanID string // the reviewed plan to carry out, "" without one
	ID     string // chosen by the sender: part of the report and the dedupe key
	// WholeRecipe means that an approver let the whole recipe of the plan be taken. The function
	// alone sets it.
	WholeRecipe bool
}

// Self is our own identity. An own write matches both of its parts.
type Self struct {
	// Principals are the e-mails of the accounts that we call as: the function's
	// own account first, then those that it writes as. Without any, no call is an
	// own write.
	Principals []string
	UserAgent  string // product token without version: "iapguard"
}

// Account is the function's own account, "" when it is unknown.
func (s Self) Account() string {
	if len(s.Principals) == 0 {
		return ""
	}
	return s.Principals[0]
}

// Is reports whether an e-mail address belongs to one of our accounts.
func (s Self) Is(email string) bool {
	return email != "" && slices.ContainsFunc(s.Principals, func(own string) bool { return strings.EqualFold(own, email) })
}
