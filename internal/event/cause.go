package event

import (
	"slices"
	"strings"
	"time"
)

// Kind says what happened, in the words of the published contract.
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
	APIDisabled           Kind = "api-disabled"
	ProjectIAMChanged     Kind = "project-iam-changed"
	Alert                 Kind = "alert"
	CommandReceived       Kind = "command"
	Heartbeat             Kind = "heartbeat" // nothing happened; the way here is open
)

// Reason says why a message leads to nothing.
type Reason string

// The closed list of reasons.
const (
	OtherService Reason = "other-service" // another Google service, or a resource that is no concern of ours
	ReadCall     Reason = "read-call"     // reads nothing that could have changed
	FailedCall   Reason = "failed-call"   // the call changed nothing
	FirstHalf    Reason = "first-half"    // the other half of a long operation's pair will follow
	OwnWrite     Reason = "own-write"     // own principal and our user agent
	OwnReport    Reason = "own-report"    // a report of ours came back
	OutOfScope   Reason = "out-of-scope"
	Unrelated    Reason = "unrelated"       // one of our services, but nothing that touches protection
	NotALogEntry Reason = "not-a-log-entry" // well-formed, but no shape that is known here
	Unreadable   Reason = "unreadable"      // cannot be read, or lacks every identifier
)

// Cause is something that happened and may concern a target. Every name in it
// matches Google's grammar for it; nothing else of a message is ever used to
// build a request.
type Cause struct {
	Kind   Kind
	Method string // the audited method's name, "" for what is no audited call

	// Project is an id or a number, as the entry has it.
	Project  string
	Location string // region, or "global"
	Service  string // Cloud Run service, "" where the cause is about something else
	// BackendService is a backend service's name, or its numeric id where an
	// entry has nothing better.
	BackendService string
	// Resource is the full name of any other resource: a NEG, URL map, proxy,
	// forwarding rule or IAP policy holder; of a heartbeat the project, folder or
	// organisation that it was logged in, "" where it was published.
	Resource string

	Principal string // e-mail of who did it; "" when the entry does not say
	UserAgent string
	CallerIP  string
	At        time.Time // zero when the entry has no time
	// Key is the same for one log entry through every envelope: logName,
	// insertId and timestamp.
	Key string
	// EventID is the id of the envelope (ce-id or messageId), for the report.
	EventID string

	Symptom  *Symptom  // what was refused: RunRequestDenied, LBRequestDeniedByIAP
	Incident *Incident // Alert
	Command  *Command  // CommandReceived
}

// Symptom is a refused request, as a request log tells it. Its text comes from
// whoever sent the request: it is cut and free of control characters, and it
// is for reading only.
type Symptom struct {
	Status    int    // HTTP status
	Text      string // Cloud Run's own explanation, "" from a load balancer
	URL       string // without query and fragment, which may hold secrets
	Method    string // HTTP method
	UserAgent string // of the refused client
	Revision  string // Cloud Run revision that refused, "" from a load balancer
}

// Incident is what an alert notification of Cloud Monitoring is about.
type Incident struct {
	ID        string
	State     string // "open" or "closed"
	Policy    string // alerting policy's name
	Condition string
	URL       string // of the incident in the console
}

// Command is what somebody asks for on the commands topic.
type Command struct {
	Name string // apply, plan, audit, doctor or sweep
	// Target is a resource name: projects/P[/locations/L[/services/S]]; "" means
	// everything in scope, for sweep and audit only.
	Target string
	PlanID string // the reviewed plan to carry out, "" for none
	ID     string // the sender's own id, for the report and against repetition
}

// Self is who we are, to recognise own writes: both must match.
type Self struct {
	// Principals are the e-mails of the accounts that we call as: the function's
	// own first, then those that it writes as. None = nothing is an own write.
	Principals []string
	UserAgent  string // product token without version: "iapguard"
}

// Account is the function's own account, "" when it is not known.
func (s Self) Account() string {
	if len(s.Principals) == 0 {
		return ""
	}
	return s.Principals[0]
}

// Is reports whether an e-mail is that of one of our accounts.
func (s Self) Is(email string) bool {
	return email != "" && slices.ContainsFunc(s.Principals, func(own string) bool { return strings.EqualFold(own, email) })
}
