package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Request is one run: why, for what, and on whose word.
type Request struct {
	Cause  event.Cause
	Target posture.Target
	// Consent means that a person asked for this very run: the mode, the settle
	// time and the age from which services are changed, which restrain us when
	// we act by ourselves, do not apply.
	Consent bool
	// Whole means that a person asked for the whole recipe, also on a private service that the
	// rule leaves. Unlike Consent it lifts nothing else: a look only makes the offer of that
	// plan, or carries it out as it was approved.
	Whole bool
	// Accept refuses a plan that the consent was not given for, with the
	// reason; nil accepts whatever is right at the time. It is asked before
	// every round of writes, with what was written so far, and must be pure.
	Accept func(p plan.Plan, written []report.Step) error
	// Diagnose asks why the service answers 403 before anything is planned.
	Diagnose bool
	// OverLimit means that a person lets the run go on although a limit is used up.
	OverLimit bool
	// DryRun stops before the first write and publishes nothing.
	DryRun bool
	// ReadOnly stops before the first write and publishes what was found.
	ReadOnly bool
	// By is the account that sent the command; "" = it is not known, or there is none.
	By string
	// Since is when the oldest message that the run answers was accepted; zero = the
	// run waits for nothing.
	Since time.Time
}

// command is the name of the command that led to the request, "" for an event.
func (r Request) command() string {
	if r.Cause.Command == nil {
		return ""
	}
	return r.Cause.Command.Name
}

// swept reports whether a sweep led to the request, rather than an event.
func (r Request) swept() bool { return r.command() == "sweep" }

// Asked reports whether somebody asked for the run, rather than an event.
func (r Request) Asked() bool { return r.Consent || r.Cause.Kind == event.CommandReceived }

// Policy gives the settings for a service, and whether it is in scope.
type Policy interface {
	For(subject policy.Subject) (policy.Settings, bool)
	Asks() policy.Asked // beside names
	Digest() string
}

// Holds gives the hold that stops writes to a service, nil when there is none.
type Holds interface {
	Covering(subject policy.Subject, at time.Time) *policy.Hold
}

// Settings are what the policy and the holds say.
type Settings struct {
	Policy Policy
	Holds  Holds // nil = no holds are kept
	// HoldsUnread is why the holds could not be read, nil = they were. Then Holds are the
	// last good ones, and nothing is written but what was guarded before; without any, nothing
	// is written.
	HoldsUnread error
}

// Facts is everything that a decision rests on. A pointer that is nil stands for
// facts that were not gathered; see Needs.
type Facts struct {
	Posture posture.Posture
	Self    event.Self // who we are, by which our writes are counted
	Writers Writers    // who writes; nil = our own account does
	Run     Run        // what the run did so far
	// WriteErr is the error of a write, which ends the run; nil = none failed.
	WriteErr error
	// Relied are grants that steps waited for, with the time since when this process knows them:
	// who deletes a record does not begin these waits anew.
	Relied map[policy.Grant]time.Time
	// Memory is what is remembered of the service; nil = nothing is known.
	// What it holds is never trusted over a fresh read of the resource.
	Memory *memory.Service
	// MemoryUnread means that the record could not be read, so that it is not known
	// whether there is one.
	MemoryUnread bool
	// MemoryProven means that nobody else can have written what is remembered.
	MemoryProven bool
	History      *History
	// Recent is a history as of now, and as the audit log alone has it: the run's own cause,
	// which can come from a message, is not added.
	Recent      *History
	Callers     *Callers
	Used        *Used
	Slot        *Slot
	Breaker     *memory.Breaker
	Traffic     *Traffic
	SignIn      *SignIn
	Aftermath   *Aftermath
	Side        *Side
	Examination *posture.Examination
	Forbidden   *doctor.Counted
}

// FailedStep is a step that cannot be taken now, and why.
type FailedStep struct {
	Step plan.Step
	Err  error
}

// Run is what one run did so far.
type Run struct {
	Began     time.Time
	Round     int               // the first is 1
	Before    []door.Door       // the doors as they were first seen
	OpenSince time.Time         // since when one of these is known to have been open; zero = not known
	Done      []report.Step     // what was written, over all rounds and deliveries
	Failed    []FailedStep      // what this delivery tried and cannot do now
	Conflict  error             // the last conflict that a write met, nil = none did
	Unheld    []memory.Failure  // what it wrote that did not hold
	Joined    int               // how many of Done are an earlier delivery's
	Judged    []caller.Caller   // what all plans of the run mean to the callers
	Unread    []posture.Unread  // what could not be read of callers and load balancers
	Diagnosis *doctor.Diagnosis // the last one, nil = none was made
	Treated   bool              // the diagnosis calls for nothing but the recipe, and is not made again
}

// History is who wrote last to the service and to what leads to it within 24 hours,
// oldest first, or why that could not be read. It names people, and stands in for a
// missing memory. Others can fill it, so nothing is counted in it.
type History struct {
	Writes []event.Write
	Unread error
}

// Callers are those who call the service now.
type Callers struct {
	Found  []caller.Caller
	Unread []posture.Unread
}

// Used are those of some callers that called the service before it was first seen, or why that
// is not known.
type Used struct {
	Names  map[string]bool // false = it did not call
	Unread error
}

// wroteAt is when the run last took a step, zero if it took none yet.
func (r Run) wroteAt() time.Time {
	var at time.Time
	for _, step := range r.Done {
		if step.Result == report.StepDone && step.Op != string(provision) && step.At.After(at) {
			at = *step.At
		}
	}
	return at
}

// own are the steps that this delivery took.
func (r Run) own() []report.Step { return r.Done[min(r.Joined, len(r.Done)):] }

// took reports whether this delivery has taken such a step already.
func (r Run) took(step plan.Step) bool {
	for _, done := range r.own() {
		if done.Result == report.StepDone && done.Op == string(step.Op()) && done.Resource == step.Resource &&
			done.Field == step.Field() {
			return true
		}
	}
	return false
}

// wrote reports whether the run may have changed how the service is protected: a
// step that failed may have taken effect, with its answer lost. A redeploy
// protects nothing.
func (r Run) wrote() bool {
	for _, step := range r.Done {
		if step.Op != string(redeploy) {
			return true
		}
	}
	return false
}

// redeployedSince reports whether an earlier delivery of the run made a new revision after a
// time, and its end was not reported.
func (r Run) redeployedSince(at time.Time) bool {
	return slices.ContainsFunc(r.Done[:min(r.Joined, len(r.Done))], func(s report.Step) bool {
		return s.Op == string(redeploy) && s.Result == report.StepDone && s.At != nil && s.At.After(at)
	})
}
