package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// An account that a rule's breakGlass names opens a door on purpose: the field that it wrote
// stays as it is for four hours, or until a person resumes. The other fields are protected.
//
// Who wrote it, the audit log says, and nothing else: neither a message nor a report. The
// opener of a field is who undid it first since it was last as we want it, so a later write of
// somebody who is named does not excuse an earlier one of somebody who is not. Where the log
// does not show that, nobody opened it on purpose, and it is closed. The memory keeps what the
// log showed once: it counts where the log cannot be read, or no longer reaches back so far.
// It counts for nothing where the log shows another opener.
//
// There is glass to break only where we guarded before, and it is broken only while a door is
// open. It is not a round of a contest.

// glassLasts is for how long a field stays as it is.
const glassLasts = 4 * time.Hour

// mayLack is from how many writes of others on the history may lack older ones: it has twenty
// entries at most, and an operation leaves two.
const mayLack = 10

// brokenGlass is a step that is not taken, because somebody opened its field on purpose.
type brokenGlass struct {
	memory.BreakGlass
	step plan.Step
}

// breakGlass finds what was opened on purpose, and puts the steps off that would close it. It
// reports whether what it needs is there.
func (d *decider) breakGlass() bool {
	if len(d.settings.BreakGlass) == 0 || d.request.DryRun || d.hold != nil || !d.agreed() ||
		!exposedIn(door.Of(d.facts.Posture)) {
		return true
	}
	closing := slices.DeleteFunc(slices.Clone(d.plan.Steps),
		func(s plan.Step) bool { return !s.ShutsOut() || s.Op() == redeploy })
	before := d.facts.MemoryUnread || d.guardedBefore() || slices.ContainsFunc(closing, d.tookBefore)
	if len(closing) == 0 || !before {
		return true
	}
	if d.facts.Recent == nil {
		d.needs.Recent = true
		return false
	}
	until := map[string]time.Time{}
	for _, step := range closing {
		if found, opened := d.openedOnPurpose(step); opened {
			d.glass = append(d.glass, brokenGlass{found, step})
			until[fieldOf(step)] = found.Until
		}
	}
	plan.Pause(d.plan, d.facts.Posture, func(s plan.Step) time.Time { return until[fieldOf(s)] })
	return true
}

// openedOnPurpose is who opened what a step closes, where the rule lets them and the time has
// not run out.
func (d *decider) openedOnPurpose(step plan.Step) (found memory.BreakGlass, opened bool) {
	opener, guarded, complete := d.openerOf(step)
	known := d.glassOf(step)
	switch {
	case opener != nil && complete:
		found = memory.BreakGlass{Field: fieldOf(step), By: opener.Principal, At: opener.At}
		if found.At.After(d.now) {
			found.At = d.now
		}
		found.Until = found.At.Add(glassLasts)
		for _, each := range known {
			if each.At.Equal(opener.At.UTC().Round(0)) {
				found.Until = earliest(found.Until, each.Until)
			}
		}
	case !complete && len(known) > 0:
		found = known[len(known)-1]
		found.Until = earliest(found.Until, found.At.Add(glassLasts))
	}
	opened = d.settings.BreaksGlass(found.By) && found.Until.After(d.now) && !found.At.After(d.now) &&
		(guarded || d.guardedBefore() || d.tookBefore(step))
	return found, opened
}

// openerOf is the write that first undid a step's field since it was last as we want it, nil =
// the history shows none; whether we guarded it before, as far as that shows; and whether no
// earlier opener can be missing.
func (d *decider) openerOf(step plan.Step) (opener *event.Write, guarded, complete bool) {
	history := d.facts.Recent
	if history.Unread != nil {
		return nil, false, false
	}
	others := 0
	for _, write := range history.Writes {
		ours := d.wroteIt(write)
		if !ours {
			others++
		}
		switch step.EffectOf(d.facts.Posture, write) {
		case plan.Untouched:
		case plan.Made:
			opener, complete, guarded = nil, true, guarded || ours
		default:
			if opener == nil {
				opener = &write
			}
		}
	}
	return opener, guarded, complete || others < mayLack
}

// glassOf are the entries of the memory about a step's field, the oldest first.
func (d *decider) glassOf(step plan.Step) []memory.BreakGlass {
	if d.facts.Memory == nil {
		return nil
	}
	known := slices.DeleteFunc(slices.Clone(d.facts.Memory.BreakGlass),
		func(b memory.BreakGlass) bool { return b.Field != fieldOf(step) })
	slices.SortStableFunc(known, func(a, b memory.BreakGlass) int { return a.At.Compare(b.At) })
	return known
}

// openedAfter reports whether the memory has a field as opened on purpose after a time.
func (d *decider) openedAfter(step plan.Step, at time.Time) bool {
	return slices.ContainsFunc(d.glassOf(step), func(b memory.BreakGlass) bool { return b.At.After(at) })
}

// onlyGlass reports whether nothing is left to do but what was opened on purpose.
func (d *decider) onlyGlass(due, later []plan.Step) bool {
	return len(d.glass) > 0 && len(due) == 0 && !slices.ContainsFunc(later, func(s plan.Step) bool {
		return s.NotBefore.Before(d.glassUntil())
	})
}

// glassUntil is when the first of what was opened on purpose is closed again.
func (d *decider) glassUntil() (until time.Time) {
	for _, each := range d.glass {
		until = earliest(until, each.Until)
	}
	return until
}

// endBroken is the decision about a service where nothing is open but what was opened on
// purpose.
func (d *decider) endBroken() Decision {
	decision := d.end(report.Held)
	first, until := d.glass[0], d.glassUntil().UTC()
	decision.WaitingFor = &report.WaitingFor{Until: &until, Who: first.By,
		What: fmt.Sprintf("%s of %s was opened on purpose by %s", first.step.Field(), first.step.Resource, first.By)}
	return decision
}

// toldGlass adds to a decision what was opened on purpose, and when it is closed again.
func (d *decider) toldGlass(decision Decision) Decision {
	for _, each := range d.glass {
		until := each.Until.UTC()
		why := fmt.Sprintf("%s opened %s at %s, as breakGlass of rule %s allows: it is closed again at %s", each.By,
			each.step.Field(), each.At.UTC().Format(time.RFC3339), d.settings.Rule, until.Format(time.RFC3339))
		decision.Findings = append(slices.Clip(decision.Findings), protection.Finding{
			Code: protection.BreakGlass, Severity: protection.High, Disposition: protection.Remarks,
			Resource: each.step.Resource, Why: why,
			Remedy: why + ", or earlier by iapguard resume " + d.facts.Posture.Target.Name(),
		})
		decision.ClosesAt, decision.LookAgain = earliest(decision.ClosesAt, until), earliest(decision.LookAgain, until)
		if !slices.Contains(d.glassOf(each.step), each.BreakGlass) {
			decision.Remember.BreakGlass = append(decision.Remember.BreakGlass, each.BreakGlass)
		}
	}
	return decision
}
