// Package report is the published contract: one Report per handled cause,
// target and outcome, as a CloudEvent whose data validates against the JSON
// Schema beside this file.
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// Schema is the JSON Schema of a report's data.
//
//go:embed schema.json
var Schema []byte

// Outcome is how the handling of a cause for one target ended.
type Outcome string

// The outcomes; deploy/docs/reference/reports.md says what each means. Retries says what
// becomes of the message.
const (
	Compliant  Outcome = "compliant"
	Started    Outcome = "started"
	Protected  Outcome = "protected"
	Planned    Outcome = "planned"
	Redeployed Outcome = "redeployed"
	Exempt     Outcome = "exempt"
	Held       Outcome = "held"
	Waiting    Outcome = "waiting"
	Deferred   Outcome = "deferred"
	Contested  Outcome = "contested"
	Blocked    Outcome = "blocked"
	Failed     Outcome = "failed"
	Rejected   Outcome = "rejected"
	Uncovered  Outcome = "uncovered"
)

// Retries reports whether the message is to be delivered again after this outcome.
func (o Outcome) Retries() bool { return o == Deferred || o == Failed }

// Report is the data of one event. Times are UTC.
type Report struct {
	RunID      string      `json:"runId"`
	PlanID     string      `json:"planId,omitempty"`
	ObservedAt time.Time   `json:"observedAt"`
	Version    string      `json:"version"` // of iapguard
	Target     *Target     `json:"target,omitempty"`
	Outcome    Outcome     `json:"outcome"`
	Mode       policy.Mode `json:"mode,omitempty"`
	Policy     *Policy     `json:"policy,omitempty"`
	Cause      Cause       `json:"cause"`
	Command    *Command    `json:"command,omitempty"`
	// ApprovedBy is the account that approved the plan of the run; "" = it rests on no approval.
	ApprovedBy  string    `json:"approvedBy,omitempty"`
	Findings    []Finding `json:"findings,omitempty"`
	Steps       []Step    `json:"steps,omitempty"`
	DoorsBefore []Door    `json:"doorsBefore,omitempty"`
	Doors       []Door    `json:"doors,omitempty"`
	// Accessors are who gets in at doors that are guarded by IAP, AccessorsLeftOff how
	// many more there are, and AccessorsAtLeast whether others may get in too: see door.List.
	Accessors        []Named `json:"accessors,omitempty"`
	AccessorsLeftOff int     `json:"accessorsLeftOff,omitempty"`
	AccessorsAtLeast bool    `json:"accessorsAtLeast,omitempty"`
	// Invokers are who gets in at doors that are guarded by IAM alone, likewise.
	Invokers        []Named `json:"invokers,omitempty"`
	InvokersLeftOff int     `json:"invokersLeftOff,omitempty"`
	InvokersAtLeast bool    `json:"invokersAtLeast,omitempty"`
	// Exposed is whether a door is open after all this: yes, no or unknown.
	Exposed door.Knowledge `json:"exposed,omitempty"`
	// Accepted means that the policy accepts that it is unknown, because it accepts that
	// facts stay unread.
	Accepted     bool       `json:"accepted,omitempty"`
	ExposedSince *time.Time `json:"exposedSince,omitempty"`
	ExposedUntil *time.Time `json:"exposedUntil,omitempty"`
	// ClosesAt is when whenStuck closes the service, which stays open although it should be
	// guarded.
	ClosesAt   *time.Time  `json:"closesAt,omitempty"`
	WaitingFor *WaitingFor `json:"waitingFor,omitempty"`
	Exemption  *Exemption  `json:"exemption,omitempty"`
	Contest    *Contest    `json:"contest,omitempty"`
	// Callers are those who call the service now, where a step could shut
	// somebody out, the worst off first.
	Callers []Caller `json:"callers,omitempty"`
	// ExpectedAudience is what IAP's JWTs are made out to, as things are.
	ExpectedAudience []string `json:"expectedAudience,omitempty"`
	// Verdict is the doctor's, Why says it in a line, Evidence what was looked at.
	Verdict  string     `json:"verdict,omitempty"`
	Why      string     `json:"why,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
	Advice   []string   `json:"advice,omitempty"`
	// Unread is what could not be read and would only have added to the
	// picture: inherited grants, for example.
	Unread []Unread `json:"unread,omitempty"`
	// Truncated means that something is left off, or a text shortened. LeftOff counts what is
	// left off, by list.
	Truncated bool     `json:"truncated,omitempty"`
	LeftOff   *LeftOff `json:"leftOff,omitempty"`
	// WouldAct reports whether the function takes the steps without a person. It is not published.
	WouldAct bool `json:"-"`
	// LookAgain is when the service is to be looked at again, whatever happens until then;
	// zero = nothing calls for it. It is not published.
	LookAgain time.Time `json:"-"`
	Calls     int64     `json:"calls"` // API calls made for this report
	ElapsedMS int64     `json:"elapsedMs"`
}

// Target is the service or the instance that a report is about.
type Target struct {
	Project       string            `json:"project"`
	ProjectNumber string            `json:"projectNumber,omitempty"`
	Location      string            `json:"location"`
	Service       string            `json:"service"`
	Kind          string            `json:"kind,omitempty"` // KindInstance, "" = a service
	UID           string            `json:"uid,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
}

// KindInstance is the kind of a target that is a Cloud Run instance.
const KindInstance = "instance"

// TargetOf names what a report is about.
func TargetOf(p posture.Posture) *Target {
	target := &Target{
		Project: p.Target.Project, ProjectNumber: p.ProjectNumber, Location: p.Target.Location,
		Service: p.Target.Service, UID: p.Service.UID, Labels: p.Service.Labels,
	}
	if p.Target.Instance {
		target.Kind = KindInstance
	}
	return target
}

// Policy says which text and which rule of it decided.
type Policy struct {
	Digest string `json:"digest"`
	Rule   string `json:"rule"`
	// SkippedRules says which rules the service's labels, or a pattern of names, selected without effect, and why.
	SkippedRules []string `json:"passedOver,omitempty"`
}

// Cause is what led to the report.
type Cause struct {
	Kind      string     `json:"kind"`
	Key       string     `json:"key"`
	EventID   string     `json:"eventId,omitempty"`
	Method    string     `json:"method,omitempty"`
	Principal string     `json:"principal,omitempty"`
	UserAgent string     `json:"userAgent,omitempty"`
	CallerIP  string     `json:"callerIp,omitempty"`
	At        *time.Time `json:"at,omitempty"`
}

// Command is what somebody asked for on the commands topic.
type Command struct {
	Name   string `json:"name"`
	ID     string `json:"id,omitempty"` // the sender's own
	By     string `json:"by,omitempty"` // the account that sent it directly; "" = who sent it is not known
	PlanID string `json:"planId,omitempty"`
}

// Finding is one difference from what is wanted.
type Finding struct {
	Code     protection.Code     `json:"code"`
	Severity protection.Severity `json:"severity"`
	Resource string              `json:"resource"`
	Why      string              `json:"why"`
}

// Evidence is one thing that the doctor looked at, and what was found.
type Evidence struct {
	What  string `json:"what"`
	Found string `json:"found"`
}

// WaitingFor says what must come first.
type WaitingFor struct {
	What  string     `json:"what"`
	Who   string     `json:"who,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// Exemption is why the policy excuses the service, who answers for that, and
// when it ends: zero is never, for what is built in.
type Exemption struct {
	Owner   string    `json:"owner"`
	Ticket  string    `json:"ticket"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires,omitzero"`
}

// Contest is how often a protection of ours was undone within a day, who undid it,
// and what to write at its source so that it stays.
type Contest struct {
	Rounds  int        `json:"rounds"` // a write of ours and its undoing are one
	FirstAt *time.Time `json:"firstAt,omitempty"`
	LastAt  *time.Time `json:"lastAt,omitempty"`
	Actors  []Actor    `json:"actors,omitempty"` // each once, the last of them last
	Field   string     `json:"field"`            // the setting, or the role
	Fix     string     `json:"fix"`              // several lines, what fits the last actor first
}

// Actor is somebody who undoes a protection, with what.
type Actor struct {
	Principal string `json:"principal,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
}

// CauseOf is a cause as reports publish it.
func CauseOf(c event.Cause) Cause {
	reported := Cause{
		Kind: string(c.Kind), Key: c.Key, EventID: c.EventID, Method: c.Method,
		Principal: c.Principal, UserAgent: c.UserAgent, CallerIP: c.CallerIP,
	}
	if !c.At.IsZero() {
		at := c.At.UTC()
		reported.At = &at
	}
	return reported
}

// CommandOf is the command of a cause as reports publish it, nil for an event.
// by is who sent it, "" where that is not known.
func CommandOf(c event.Cause, by string) *Command {
	if c.Command == nil {
		return nil
	}
	return &Command{Name: c.Command.Name, ID: c.Command.ID, By: by, PlanID: c.Command.PlanID}
}

// TypePrefix begins the type of every event of ours.
const TypePrefix = "dev.iapguard.report.v1."

// ID is the event's id: the hash of the cause's key, the target, the outcome and
// the data. The same said again has the same id, whatever run says it, when, by
// which version of ours and at what cost.
func (r Report) ID() string {
	r = r.Bounded()
	key := r.Cause.Key + "\n" + r.Subject() + "\n" + string(r.Outcome) + "\n"
	r.RunID, r.Version, r.ObservedAt, r.Calls, r.ElapsedMS = "", "", time.Time{}, 0, 0
	data, err := r.encode()
	if err != nil {
		data = []byte(err.Error()) // what cannot be encoded is never published
	}
	sum := sha256.Sum256(append([]byte(key), data...))
	return hex.EncodeToString(sum[:16])
}

// encode is the data of the event.
func (r Report) encode() ([]byte, error) {
	return json.Marshal(r, jsonv1.DefaultOptionsV1(), json.WithMarshalers(json.MarshalToFunc(writeTime)))
}

// Data is the data of the event, as it is published: these bytes are what a signature is about.
func (r Report) Data() ([]byte, error) { return r.Bounded().encode() }

// Subject is the target's name, "" for a message that could not be read, and for
// one whose services could not be determined.
func (r Report) Subject() string {
	if r.Target == nil {
		return ""
	}
	return posture.Target{Project: r.Target.Project, Location: r.Target.Location, Service: r.Target.Service,
		Instance: r.Target.Kind == KindInstance}.Name()
}

// writeTime writes times to the microsecond: BigQuery's TIMESTAMP has no more
// digits, and a message that does not fit its column is not written.
// Source: bigquery/docs/reference/standard-sql/data-types#timestamp_type.
func writeTime(to *jsontext.Encoder, at time.Time) error {
	return to.WriteToken(jsontext.String(at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)))
}

// Event is the report as a CloudEvent, within its bounds. ownProject is the source of a report
// that has no target.
func (r Report) Event(ownProject string) (cloudevents.Event, error) {
	r = r.Bounded()
	event := cloudevents.NewEvent()
	event.SetID(r.ID())
	event.SetType(TypePrefix + string(r.Outcome))
	event.SetTime(r.ObservedAt)
	if subject := r.Subject(); subject != "" {
		ownProject = r.Target.Project
		event.SetSubject(subject)
	}
	event.SetSource("//iapguard/projects/" + ownProject)
	event.SetDataSchema("https://iapguard.dev/schemas/report-v1.json")
	data, err := r.encode()
	if err != nil {
		return event, fmt.Errorf("encoding report: %w", err)
	}
	if err := event.SetData(cloudevents.ApplicationJSON, jsontext.Value(data)); err != nil {
		return event, fmt.Errorf("encoding report: %w", err)
	}
	if err := event.Validate(); err != nil {
		return event, fmt.Errorf("building report event: %w", err)
	}
	return event, nil
}
