package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// A service that was private and is public now was published. Nobody can have come to rely
// on that yet, so its public members go first, before IAP is on. Nothing is done for the
// settle time: who publishes it by mistake, and takes that back, finds it as it was.
// A service that cannot be put behind IAP now is not closed by this: it waits, as any other.

// publishedFor is how long a service counts as published. Beyond it somebody may rely on
// being let in.
const publishedFor = 10 * time.Minute

// closePublished has the public taken from a service that was published as soon as it has been
// public for the settle time, and lets no other step come before.
func (d *decider) closePublished() {
	opened := d.publishedAt()
	if opened.IsZero() || d.request.Consent {
		return
	}
	due := opened.Add(d.settings.Settle)
	for i := range d.plan.Steps {
		step := &d.plan.Steps[i]
		if step.Op() == revokePublic || step.Op() == requireInvoker {
			step.Closes, step.NotBefore = true, time.Time{}
			step.Why = "the service was private until it was published; " + step.Why
		}
		if step.NotBefore.Before(due) && due.After(d.now) {
			step.NotBefore = due
		}
	}
	d.plan = plan.New(d.plan.Target, d.plan.Steps)
}

// publishedAt is when a service was opened that was private before, zero where it is not, or
// has been for long: when it was first seen open, or written before that. The memory alone
// does not prove it: what opens the service must have been written since.
func (d *decider) publishedAt() time.Time {
	known, p := d.facts.Memory, d.facts.Posture
	if known == nil || known.PrivateSince.IsZero() || d.guardedLong() || d.looksNew() || door.ByNameOnly(p) ||
		!exposedIn(door.Of(p)) {
		return time.Time{}
	}
	opened, written := known.OpenLongest(), openedBy(p)
	if opened.IsZero() {
		opened = d.now
	}
	if !opened.After(known.PrivateSince) || d.now.Sub(opened) > publishedFor ||
		!written.After(known.PrivateSince) || d.now.Sub(written) > publishedFor {
		return time.Time{}
	}
	return earliest(opened, written)
}

// guardedLong reports whether a service was found guarded for so long that its visitors come through
// IAP. A private one that the rule just put behind IAP has none yet.
func (d *decider) guardedLong() bool {
	known := d.facts.Memory
	lately := d.settings.Private == policy.PrivateBehindIAP && !d.closedByUs() && d.now.Sub(known.GuardedSince) <= publishedFor
	return !known.GuardedSince.IsZero() && !lately
}

// openedBy is when a service was last changed by which everybody may invoke it, zero where
// that is not known of a part of it.
func openedBy(p posture.Posture) time.Time {
	var last time.Time
	for _, part := range p.Parts() {
		at := part.Invokers.ChangedAt
		if part.Service.InvokerCheckOff {
			at = part.Service.UpdatedAt
		}
		if at.IsZero() {
			return at
		}
		last = latest(last, at)
	}
	return last
}

// unpublished reports whether we took the public from a service: in this delivery, or by a write
// that the audit log shows after the one that let it in. What an earlier delivery did is known
// from the memory, which others may be able to write.
func (d *decider) unpublished(p posture.Posture) bool {
	if slices.ContainsFunc(d.run.own(), func(s report.Step) bool {
		return s.Result == report.StepDone && s.Op == string(revokePublic)
	}) {
		return true
	}
	// Where the record is gone, or begun anew, the log alone says so.
	if known := d.facts.Memory; known != nil && (d.closedByUs() && known.PrivateSince.IsZero() ||
		!d.closedByUs() && known.GuardedSince.IsZero()) {
		return false
	}
	writes, known := d.history()
	d.unseen = d.removedLately()
	if !known {
		return false
	}
	// Of entries of one moment, it is not known which was first.
	public, came, gone := false, time.Time{}, time.Time{}
	for _, w := range writes {
		if w.Kind != event.RunIAMChanged || w.Policy == nil || w.Service != p.Target.Service ||
			w.Location != p.Target.Location || w.At.Before(p.Service.CreatedAt) {
			continue
		}
		switch letsPublicIn := holdsPublic(*w.Policy); {
		case letsPublicIn:
			public, came = true, w.At
		case (public || w.At.Equal(gone)) && d.wroteIt(w):
			d.unseen = false
			return true
		case public && w.At.After(came):
			public, gone = false, w.At
		}
	}
	return false
}

// An entry of the audit log may be there only seconds after the write, and an answer of the
// log is used for a minute: so long a service that we took the public from looks private.
const (
	entriesMissFor = 5 * time.Minute
	askLogAgain    = time.Minute
)

// removedLately reports whether the memory knows that we took the public from the service so
// lately that the audit log may not say so yet.
func (d *decider) removedLately() bool {
	return d.facts.Memory != nil && slices.ContainsFunc(d.facts.Memory.Wrote, func(w memory.Write) bool {
		return w.Op == string(revokePublic) && !w.At.After(d.now) && d.now.Sub(w.At) < entriesMissFor
	})
}
