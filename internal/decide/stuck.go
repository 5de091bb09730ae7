package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/stuck"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// A service is stuck when a door is open, the rule enforces, and what would shut the door
// is not on its way: an obstacle stops it, it waits for a load balancer or an accessor, a
// write of it is refused, or others undo it again and again. Everybody who can put
// something before a service can make it stuck, so the owner says beforehand what becomes
// of it: whenStuck. The clock starts when the memory first saw a door open, and stops when
// all doors are seen shut. Neither a touch of the service, nor another door in place of the
// first, nor a contest in which a door is shut for a moment starts it anew.
//
// Closing takes the ways in that the service itself decides about: its ingress, its invoker
// check, its public members. It goes past every obstacle, and may lock out those who
// are entitled, which is what the rule says. It counts under the limits. A service that was
// closed so and is opened again is closed at once. It ends when the service is guarded by
// IAP.
//
// Nothing is closed under a hold, an exemption or another mode, by a person's apply, while
// the memory cannot be read, or where IAP signs visitors in.
//
// An obstacle made by somebody who may not update the service should not be the reason to
// close. Who made one is known at most for as long as the audit log is asked about, and
// whether they may update the service depends on groups, which are not read. So the report
// names an obstacle that is not at the service itself, beforehand and for a person, and
// closing relies on no guess.

// notices are how long before the closing it is reported once more.
var notices = []time.Duration{72 * time.Hour, 24 * time.Hour, time.Hour}

// stuckService is what becomes of a service that is stuck.
type stuckService struct {
	since time.Time // when the first of its doors was seen open; zero = not known
	at    time.Time // when it is closed; zero = never
	never string    // why it is never closed although the rule says close
	// unread means that never is so only because something could not be read.
	unread bool
	steps  []plan.Step
}

// readAgain is when a stuck service is looked at again whose clock, or whose sign-in page, could not
// be read: else it would stay open until the next sweep.
const readAgain = 5 * time.Minute

// findStuck finds out whether the service is stuck, and plans its closing where that is due.
func (d *decider) findStuck() {
	p, rule := d.facts.Posture, d.settings.WhenStuck
	open := exposedIn(door.NotExempt(door.Of(p))) // an exempt door may stay open
	if !open || len(d.glass) > 0 || d.mode() != policy.Enforce || d.request.Consent || d.request.DryRun {
		return
	}
	closings := slices.DeleteFunc(protection.Closings(p, d.want, nil), d.run.failed)
	contested := d.facts.Memory != nil && !d.facts.Memory.ContestedSince.IsZero()
	lacking := slices.ContainsFunc(closings, func(s plan.Step) bool { return !contains(d.plan.Steps, s) })
	if !lacking && !contested && len(d.plan.Steps) > 0 {
		return // it is on its way
	}
	d.stuck = &stuckService{since: d.stuckSince()}
	switch {
	case !rule.Closes():
		return
	case d.stuck.since.IsZero():
		d.stuck.never = "since when a door is open is not known, because the memory cannot be read"
		d.stuck.unread = true
		return
	case len(closings) == 0:
		d.stuck.never = "neither its ingress nor its public members keep the door open, or the rule keeps them"
		return
	case d.facts.SignIn == nil:
		d.needs.SignIn = true
		return
	}
	if d.stuck.never = d.signsIn(); d.stuck.never != "" {
		d.stuck.unread = d.facts.SignIn.Unread != nil
		return
	}
	d.stuck.at, d.stuck.steps = closesAt(rule, d.stuck.since, d.closedBefore(), d.now), closings
	// Under a hold the closing is planned too: its report says held, and it is looked at again when the hold ends.
	may := d.mayWrite() || d.hold != nil && !d.request.ReadOnly && d.agreed()
	if d.stuck.at.After(d.now) || !may || d.otherPlan() {
		return
	}
	d.closeBy(closings, fmt.Sprintf("whenStuck closes it: a door has been open since %s", d.stuck.since.UTC().Format(time.RFC3339)))
}

// closesAt is when a service is closed whose door has been open since a time. What was
// closed before is closed again at once, whatever the window.
func closesAt(rule stuck.Rule, since time.Time, before bool, now time.Time) time.Time {
	if before {
		return now
	}
	return rule.Window.Next(latest(since.Add(rule.After), now))
}

// stuckSince is when the memory first saw a door open that is still open, or a field
// contested that still is: now where it knows none, zero where it cannot be read.
func (d *decider) stuckSince() time.Time {
	if d.facts.MemoryUnread {
		return time.Time{}
	}
	since := d.now
	if known := d.facts.Memory; known != nil {
		since = earliest(earliest(since, known.OpenLongest()), known.ContestedSince)
	}
	return since
}

// closedBefore reports whether the service was closed as stuck, and not guarded since.
func (d *decider) closedBefore() bool {
	return d.facts.Memory != nil && !d.facts.Memory.ClosedSince.IsZero()
}

// closeBy puts closing steps into the plan, in place of those that wait.
func (d *decider) closeBy(closings []plan.Step, why string) {
	if d.facts.Callers == nil {
		d.needs.Callers = true
		return
	}
	p := d.facts.Posture
	steps := slices.DeleteFunc(slices.Clone(d.plan.Steps), func(s plan.Step) bool { return contains(closings, s) })
	for _, step := range closings {
		step.Why = why + "; " + step.Why
		steps = append(steps, step)
	}
	d.plan = plan.New(p.Target, steps)
	d.run.Judged = caller.WorstOff(d.run.Judged,
		caller.Judge(p, d.want, d.facts.Callers.Found, append(d.run.changes(), d.plan.Changes()...)))
	d.run.Unread = d.facts.Callers.Unread
}

func contains(steps []plan.Step, one plan.Step) bool {
	return slices.ContainsFunc(steps, func(s plan.Step) bool { return fieldOf(s) == fieldOf(one) })
}

// SignIn are the hosts at which IAP of the service's own project signs external identities
// in. Visitors are strangers there, so the page must stay open.
type SignIn struct {
	Hosts  []string
	Unread error // why they are not known; nil = they are
}

// signsIn is why the service may be a sign-in page, "" = it is none.
func (d *decider) signsIn() string {
	if err := d.facts.SignIn.Unread; err != nil {
		return fmt.Sprintf("whether IAP signs visitors in there is not known: %v", err)
	}
	for _, one := range door.Of(d.facts.Posture) {
		if host := posture.HostOf(one.Address); slices.Contains(d.facts.SignIn.Hosts, host) {
			return "IAP signs external identities in at " + posture.Shown(host)
		}
	}
	return ""
}

// tellStuck adds to a decision what becomes of a service that is stuck.
func (d *decider) tellStuck(decision Decision) Decision {
	ended := slices.Contains([]report.Outcome{report.Blocked, report.Waiting, report.Contested}, decision.Outcome)
	if d.stuck == nil || !ended || !exposedIn(door.NotExempt(door.Of(decision.Posture))) {
		return decision
	}
	s := d.stuck
	if s.at.IsZero() {
		if s.unread {
			decision.LookAgain = earliest(decision.LookAgain, d.now.Add(readAgain))
			decision.Advice = append(decision.Advice, "it stays open until this can be read: "+d.whyOpen())
			return decision
		}
		decision.Advice = append(decision.Advice, "it stays open until a person acts: "+d.whyOpen())
		return decision
	}
	decision.ClosesAt, decision.LookAgain = s.at, nextNotice(s.at, d.now)
	what := fmt.Sprintf("whenStuck of rule %s closes it at %s", d.settings.Rule, s.at.UTC().Format(time.RFC3339))
	if left := s.at.Sub(d.now).Round(time.Hour); left > 0 {
		what += ", in " + policy.InWords(left)
	}
	decision.Advice = append(decision.Advice, what+": then it is reached through an IAP that is on, and by those whom its "+
		"IAM policy names inside of the network, and by nobody else")
	if at := d.foreignObstacle(); at != "" {
		decision.Advice = append(decision.Advice, "who made the obstacle at "+at+", and whether they may update the "+
			"service, is not known: if it is not the team's own, take it away or hold the service before it is closed")
	}
	return decision
}

// foreignObstacle is a resource with an obstacle that is not the service itself, so that
// others may have made it; "" = there is none.
func (d *decider) foreignObstacle() string {
	for _, f := range d.findings {
		blocks := f.Disposition == protection.Blocks || f.Code == protection.SideTraffic
		if _, own := d.facts.Posture.Part(f.Resource); !own && blocks {
			return f.Resource
		}
	}
	return ""
}

// whyOpen is why nothing closes a service that is stuck.
func (d *decider) whyOpen() string {
	switch {
	case d.stuck.never != "":
		return d.stuck.never
	case d.settings.WhenStuck.Do == stuck.Report:
		return fmt.Sprintf("rule %s says whenStuck: report", d.settings.Rule)
	}
	return fmt.Sprintf("rule %s has no whenStuck", d.settings.Rule)
}

// NoticesPassed is how many of the times have come at which the closing of a service is reported
// once more.
func NoticesPassed(closes, now time.Time) int {
	passed := 0
	for _, before := range notices {
		if !closes.Add(-before).After(now) {
			passed++
		}
	}
	return passed
}

// nextNotice is when to look again at a service that is closed at a time.
func nextNotice(closes, now time.Time) time.Time {
	for _, before := range notices {
		if at := closes.Add(-before); at.After(now) {
			return at
		}
	}
	return closes
}

// openAtMost is the part of an hour for which a contest may leave a door open before
// another field shuts it.
const openAtMost = time.Hour / 10

// closeContested shuts a door by another field where others turn IAP off again and again,
// and had the door open for more than a tenth of the last hour: public members go, and the
// invoker check goes on, although IAP is off. Then IAM refuses strangers while IAP is off.
// Those who are entitled get in whenever IAP is on, because its agent may invoke the
// service; while it is off they do not, by the doing of who turns it off. The ingress is
// restricted only where a load balancer leads to the service: else the address that is
// shut would be their only one. An obstacle stops all that as it stops it otherwise.
func (d *decider) closeContested() {
	p := d.facts.Posture
	if !exposedIn(door.Of(p)) || len(d.glass) > 0 || d.mode() != policy.Enforce || !d.mayWrite() || d.request.Consent || !d.agentPasses() {
		return
	}
	fought := slices.ContainsFunc(d.plan.Steps, func(s plan.Step) bool {
		iap := s.Op() == enableIAP || s.Op() == enableDirectIAP
		return iap && len(d.allRoundsOf(s)) >= contestedAfter && openWithin(d.allRoundsOf(s), d.now) > openAtMost
	})
	if !fought {
		return
	}
	closings := slices.DeleteFunc(protection.Closings(p, d.want, d.findings), func(s plan.Step) bool {
		return d.run.failed(s) || s.Op() == restrictIngress && !ledByHTTPS(p)
	})
	d.closeBy(closings, "others turn IAP off again and again, so another setting keeps strangers out")
}

// agentPasses reports whether IAP's agent may invoke the service, so that those who pass IAP
// get in without public members.
func (d *decider) agentPasses() bool {
	inherits := func(part posture.Posture) bool { return door.InheritsInvoker(part) }
	return d.facts.Posture.AgentInvokes() || !slices.ContainsFunc(d.facts.Posture.Parts(),
		func(part posture.Posture) bool { return !inherits(part) })
}

func ledByHTTPS(p posture.Posture) bool {
	return slices.ContainsFunc(p.Reached(), func(b posture.Backend) bool {
		return slices.ContainsFunc(b.Frontends, func(f posture.Frontend) bool { return f.HTTPS })
	})
}

// allRoundsOf are the undoings of a step within 24 hours, with the one that is not noted yet.
func (d *decider) allRoundsOf(step plan.Step) []memory.Undo {
	rounds := d.roundsOf(step)
	if undo, undone := d.undoing(step); undone {
		rounds = append(rounds, undo)
	}
	return rounds
}

// openWithin is for how long a door was open within the last hour by these undoings.
func openWithin(rounds []memory.Undo, now time.Time) time.Duration {
	var open time.Duration
	from := now.Add(-time.Hour)
	for _, round := range rounds {
		if round.OpenSince.IsZero() || round.At.Before(from) {
			continue
		}
		open += max(0, round.At.Sub(latest(round.OpenSince, from)))
	}
	return open
}

// contestedSince is since when others undo fields of ours again and again; zero = nobody
// does. It ends when no field was undone three times within a day.
func (d *decider) contestedSince() time.Time {
	known := d.facts.Memory
	if known == nil {
		return time.Time{}
	}
	var since time.Time
	for _, undo := range known.Undone {
		recent := slices.DeleteFunc(known.Rounds(undo.Field, d.now.Add(-logged)),
			func(u memory.Undo) bool { return u.At.After(d.now) })
		if len(recent) >= contestedAfter {
			since = earliest(since, recent[0].At)
		}
	}
	if since.IsZero() || known.ContestedSince.IsZero() {
		return since
	}
	return earliest(since, known.ContestedSince)
}
