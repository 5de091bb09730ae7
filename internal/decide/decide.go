// Package decide is where everything is decided. Decide is a pure function of
// the facts that were gathered about one service, of what the policy and the
// holds say, of the request and of the time. A Decision has the outcome, the
// steps that are due now and later, why, and what to remember.
//
// Decide does not guess a fact that was not gathered. It names the fact in
// Decision.Needs, the loop of package reconcile gathers it, and Decide is called
// with it. Most services need nothing but the posture.
//
// Every stop and every outcome is in this package: what the mode, a hold or an
// exemption forbids (scope.go), what others undo (contest.go),
// or opened on purpose (break_glass.go),
// how many services may change within an hour (limits.go), writes that did not
// hold (breaker.go), who writes (writer.go), what a 403 calls for (diagnosis.go).
package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// maxRounds bounds the rounds of one run. A round follows a conflict, and every
// round of writes, to see what is left.
const maxRounds = 4

// Needs are facts that a decision rests on and that were not gathered.
type Needs struct {
	History, Recent, Callers, Breaker, Traffic, Examination, SignIn bool
	// Slot is what a slot of the limits is needed for, nil = none is.
	Slot *SlotRequest
	// Aftermath is the watch for which the answers of load balancers are needed, nil = none.
	Aftermath *memory.Watch
	// Used asks whether some callers called; nil = it is not needed.
	Used *UsedRequest
	// Side is when the service was first seen open, where it is needed who comes by its load
	// balancers; zero = it is not.
	Side time.Time
	// Forbidden is what load balancers are asked before a redeploy; nil = nothing.
	Forbidden *doctor.Question
}

// Any reports whether something is needed.
func (n Needs) Any() bool { return n != Needs{} }

// Decision is what follows from the facts.
type Decision struct {
	// Needs are the facts that must be gathered first. While there are any, nothing
	// else of the decision counts.
	Needs Needs
	// OutOfScope means that no rule covers the service, and that nobody asked about it.
	OutOfScope bool
	// Outcome is how the run ends, where nothing is due.
	Outcome report.Outcome
	// Waves are the steps to perform now, in groups; empty = the run ends.
	Waves [][]plan.Step
	// Plan is what is due, now and later.
	Plan plan.Plan

	Posture   posture.Posture
	Settings  policy.Settings
	Digest    string // of the policy's text
	Findings  []protection.Finding
	Writer    Writer
	Hold      *policy.Hold // what stops the plan, its own or a neighbour's
	WouldAct  bool         // the function takes the steps by itself
	Again     bool         // it only guards again what was guarded before
	Run       Run          // with what this decision adds to it
	Diagnosis *doctor.Diagnosis

	WaitingFor *report.WaitingFor
	Contest    *report.Contest
	Exemption  *report.Exemption
	// ClosesAt is when a service is closed that stays open although it should be guarded;
	// zero = never.
	ClosesAt time.Time
	// LookAgain is when the service is to be looked at again, whatever happens until then;
	// zero = nothing calls for it.
	LookAgain time.Time
	Advice    []string
	// Err is the error that ended the run. The report adds how to cure it.
	Err error
	// AfterErr is advice that follows the cure of Err; "" = none.
	AfterErr string

	// Offer is the plan that waits for a person's approval, nil = none does.
	Offer *Offer
	// Approval is the consent that the steps rest on, nil = they rest on none.
	Approval *memory.Approval

	Remember Remember
}

// Remember is what a decision wants kept beside the state of the doors.
type Remember struct {
	// Undone are protections of ours that somebody undid, as the memory and the
	// history show.
	Undone []memory.Undo
	// Guarded means that the service was guarded before, as the audit log shows: a lost
	// record is made good.
	Guarded bool
	// Relied are grants that steps wait for, each with the time since when it is known.
	Relied map[policy.Grant]time.Time
	// WantedSince is since when steps have been wanted while a door is open; zero = there
	// are none.
	WantedSince time.Time
	// ContestedSince is since when others undo fields of ours again and again; zero = nobody
	// does.
	ContestedSince time.Time
	// BreakGlass are fields that were opened on purpose, as the memory does not know yet.
	BreakGlass []memory.BreakGlass
	// Watch is what is watched from now on, or was judged; nil = nothing new. Its run is ""
	// where it is the run that this decision belongs to.
	Watch *memory.Watch
}

// Decide says what to do about one service.
func Decide(f Facts, s Settings, r Request, now time.Time) Decision {
	d := &decider{facts: f, rules: s, request: r, now: now}
	d.assess()
	d.watched()
	var decision Decision
	switch {
	case f.Posture.Target.Instance:
		decision = d.instance()
	case f.WriteErr != nil:
		decision = d.failed()
	case d.hidden != nil:
		decision = d.balancersHidden()
	case r.Diagnose && !d.settings.Exemption.BuiltIn() && len(f.Posture.Regions) == 0:
		decision = d.diagnose()
	default:
		decision = d.protect()
	}
	if d.needs.Any() {
		return Decision{Needs: d.needs}
	}
	if slices.ContainsFunc(slices.Concat(decision.Waves...), d.run.failed) {
		d.setAside()
		decision = d.endedBy() // no step fails twice in one delivery
	}
	decision.Remember.Relied, decision.Remember.WantedSince, decision.Remember.Watch = d.relied, d.wanting, d.watching()
	decision.Remember.ContestedSince = d.contestedSince()
	decision.Remember.Guarded = d.want.GuardedOnce && d.facts.Memory == nil
	decision = d.toldGlass(d.toldPolicy(d.toldUnread(d.tellStuck(decision))))
	decision.Offer, decision.Approval = d.offer(decision), d.approval()
	decision = d.withWhole(decision)
	if d.unseen {
		decision.LookAgain = earliest(decision.LookAgain, d.now.Add(askLogAgain))
	}
	if watch := decision.Remember.Watch; watch != nil && watch.Verdict == "" {
		decision.LookAgain = earliest(decision.LookAgain, WatchUntil(*watch))
	}
	return decision
}

// decider is one decision while it is made.
type decider struct {
	facts   Facts
	rules   Settings
	request Request
	now     time.Time

	want            policy.Wanted
	settings        policy.Settings
	inScope         bool
	findings        []protection.Finding
	plan            plan.Plan
	hold            *policy.Hold
	writer          Writer
	protectedBefore bool      // memory or history show that we protected the service before
	missingSince    time.Time // when what it waits for went missing; zero = not known
	diagnosis       *doctor.Diagnosis
	relied          map[policy.Grant]time.Time
	wanting         time.Time
	hidden          error         // why load balancers that were seen before are not seen now
	whole           []plan.Step   // the whole plan, where steps were taken out of it
	heldUp          []Holdup      // what holds steps back
	glass           []brokenGlass // what was opened on purpose
	contest         *contest      // the step that others undo most often; nil = there is none
	stuck           *stuckService // nil = the service is not
	needs           Needs
	run             Run
	watch           *memory.Watch // what was watched, with the verdict of now; nil = nothing was judged
	unseen          bool          // we took the public from the service, and the audit log does not say so yet
}

// assess compares the posture with what is wanted, and plans.
func (d *decider) assess() {
	d.hideBalancers()
	d.exemptDoors()
	d.run = d.facts.Run
	d.markSides()
	p := d.facts.Posture
	j := d.judge()
	d.want, d.inScope, d.findings, d.settings = j.want, j.inScope, j.findings, j.want.Settings
	p.Trust = d.settings.Trust
	d.facts.Posture = p
	d.plan = protection.Plan(p, d.want, d.findings, d.now)
	d.askSides()
	d.findings = slices.DeleteFunc(slices.Clone(d.findings), d.getsIAP)
	if d.run.Before == nil {
		d.run.Before, d.run.OpenSince = door.Of(p), d.openSince()
	}
	if d.hold = heldBy(p, d.plan.Steps, d.want.SettingsOf); d.hold == nil {
		d.hold = d.heldUnread()
	}
	d.writer = d.writerOf()
	d.protectedBefore = d.wasProtectedBefore()
	if waits, ok := waitsFor(d.findings); ok {
		d.missingSince = d.waitingSince(waits)
	}
	d.planSoon()
	d.judgeCallers()
	d.closePublished()
	d.relied = plan.Relied(d.plan, p, d.want, d.now)
	if len(d.plan.Steps) > 0 && d.mayWrite() && exposedIn(door.Of(p)) {
		d.wanting = d.wantedSince()
	}
}

// protect decides about a service that is to be protected.
func (d *decider) protect() Decision {
	switch {
	case !d.inScope:
		return d.uncovered()
	case d.settings.ExemptAt(d.now):
		return d.exempt()
	}
	if err := d.accept(); err != nil {
		return d.end(report.Blocked, err.Error())
	}
	if err := d.plan.Check(d.facts.Posture); err != nil {
		d.plan = plan.Plan{Target: d.facts.Posture.Target}
		return d.end(report.Blocked, err.Error()+"; nothing was written: this is a fault of iapguard, please report it")
	}
	d.unheld()
	d.setAside()
	return d.perform()
}

// perform takes the steps that are due, or ends the run.
func (d *decider) perform() Decision {
	if !d.breakGlass() {
		return Decision{}
	}
	d.closeContested()
	d.findStuck()
	d.contests()
	due, _ := d.due()
	if d.writer.Unknown != "" && len(d.plan.Steps) > 0 && d.hold == nil && d.wanted() {
		return d.end(report.Blocked)
	}
	if due = d.restrained(due); d.needs.Any() {
		return Decision{}
	}
	if !d.mayWrite() || len(due) == 0 || d.run.Round > maxRounds {
		return d.outcome()
	}
	if part := firstPart(due); len(part) < len(due) {
		d.plan.Steps, due = part, part
	}
	decision := d.end(report.Started)
	decision.Waves, decision.Remember.Undone = plan.Waves(due), d.undone(due)
	return decision
}

// due splits the plan's steps by whether they are due now. The creation of IAP's agent
// shows in no resource until a policy names it, and is not repeated alone.
func (d *decider) due() (due, later []plan.Step) {
	due, later = d.plan.Due(d.now)
	if !slices.ContainsFunc(due, func(s plan.Step) bool { return s.Op() != provision || !d.run.took(s) }) {
		return nil, later
	}
	return due, later
}

// end is a decision with this outcome.
func (d *decider) end(outcome report.Outcome, advice ...string) Decision {
	d.run.Diagnosis = d.diagnosis
	return Decision{
		Outcome: outcome, Plan: d.plan, Posture: d.facts.Posture, Settings: d.settings, Digest: d.rules.Policy.Digest(),
		Findings: append(d.findings[:len(d.findings):len(d.findings)], d.unwritten()...), Writer: d.writer, Hold: d.hold,
		WouldAct: len(d.plan.Steps) > 0 && d.hold == nil && d.agreed(),
		Again:    d.reprotects(),
		Run:      d.run, Diagnosis: d.diagnosis, Advice: advice,
	}
}

// history gives the last writes to the service and to what leads to it, where they are
// known. It asks for them where they were not gathered.
func (d *decider) history() (writes []event.Write, known bool) {
	h := d.facts.History
	if h == nil {
		d.needs.History = true
		return nil, false
	}
	return h.Writes, h.Unread == nil
}

// accept asks whether the consent was given for this plan.
func (d *decider) accept() error {
	if d.request.Accept == nil {
		return nil
	}
	return d.request.Accept(d.plan, d.run.Done)
}

// wroteIt reports whether a write was ours. While our own account is not known,
// every write with iapguard's user agent counts as ours, which is stricter.
func (d *decider) wroteIt(w event.Write) bool { return wroteIt(d.facts.Self, w) }

func wroteIt(self event.Self, w event.Write) bool {
	if self.Account() == "" {
		self.Principals = []string{w.Principal}
	}
	return self.Wrote(w.Cause)
}

// The operations that decisions name.
var (
	enableAPI       = plan.EnableAPI{}.Operation().Op
	provision       = plan.ProvisionAgent{}.Operation().Op
	grantInvoker    = plan.GrantInvoker{}.Operation().Op
	grantAccess     = plan.GrantAccess{}.Operation().Op
	enableIAP       = plan.EnableIAP{}.Operation().Op
	enableDirectIAP = plan.EnableDirectIAP{}.Operation().Op
	restrictIngress = plan.RestrictIngress{}.Operation().Op
	requireInvoker  = plan.RequireInvoker{}.Operation().Op
	revokePublic    = plan.RevokePublic{}.Operation().Op
	revokeAccess    = plan.RevokeAccess{}.Operation().Op
	withdrawInvoker = plan.WithdrawInvoker{}.Operation().Op
	withdrawAccess  = plan.WithdrawAccess{}.Operation().Op
	redeploy        = plan.Redeploy{}.Operation().Op
)
