package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/remedy"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	// contestedAfter is how often one field may be undone in 24 hours before it is
	// contested.
	contestedAfter = 3
	// pauseOfContest is the time between two writes of a contested field.
	pauseOfContest = time.Minute
	// mostActors bounds how many are named.
	mostActors = 10
)

// contest is the step that others undid most often.
type contest struct {
	step   plan.Step
	rounds []memory.Undo // the oldest first
	until  time.Time     // when it is taken again; zero = it is not paused
}

// contests finds the steps that others keep undoing. What closes a door there is taken
// again after a pause. Grants are repaired at once, and so is what somebody asks for: for
// them a step is contested only after they have tried.
func (d *decider) contests() {
	if d.request.DryRun || d.hold != nil || d.facts.Memory == nil {
		return
	}
	pauses := map[string]time.Time{}
	for _, step := range d.plan.Steps {
		rounds := d.roundsOf(step)
		if undo, undone := d.undoing(step); undone {
			rounds = append(rounds, undo) // it is noted when the step is taken again
		}
		tries := d.mayWrite() && d.request.Asked() && !d.run.took(step)
		if len(rounds) < contestedAfter || tries {
			continue
		}
		found := contest{step: step, rounds: rounds}
		again := d.lastWrote(step).Add(pauseOfContest)
		if d.mayWrite() && step.ShutsOut() && again.After(d.now) {
			found.until = again
			pauses[fieldOf(step)] = again
		}
		d.contested(found)
	}
	plan.Pause(d.plan, d.facts.Posture, func(s plan.Step) time.Time { return pauses[fieldOf(s)] })
	if d.request.Asked() {
		return // what they asked for holds now
	}
	for _, step := range d.taken() {
		if rounds := d.roundsOf(step); len(rounds) >= contestedAfter {
			d.contested(contest{step: step, rounds: rounds})
		}
	}
}

// contested notes a contest, unless another has more rounds.
func (d *decider) contested(found contest) {
	if d.contest == nil || len(d.contest.rounds) < len(found.rounds) {
		d.contest = &found
	}
}

// endContested ends a run whose step is contested. Who undid it last, the audit log says.
// It is asked only now: nothing that is written rests on it.
func (d *decider) endContested() Decision {
	if d.facts.History == nil {
		d.needs.History = true
		return Decision{}
	}
	found, p := d.contest, d.facts.Posture
	said := d.describe(found)
	who := "somebody"
	if len(said.Actors) > 0 && said.Actors[len(said.Actors)-1].Principal != "" {
		who = said.Actors[len(said.Actors)-1].Principal
	}
	decision := d.end(report.Contested, fmt.Sprintf(
		"%s of %s was undone %d times in 24 hours, last by %s: change it at its source as contest.fix says",
		said.Field, p.Target, said.Rounds, who))
	decision.Contest = &said
	if next, what := d.afterContest(found, said.Field); !next.IsZero() {
		next = next.UTC()
		decision.WaitingFor = &report.WaitingFor{What: what, Until: &next}
	}
	return decision
}

// afterContest is when the run goes on: when the contested step is taken again, or an
// earlier step that nobody fights over is due. Zero = nothing is due later.
func (d *decider) afterContest(found *contest, field string) (next time.Time, what string) {
	if !found.until.IsZero() {
		next, what = found.until, field+" is contested, and is written again after a pause"
	}
	if !d.mayWrite() {
		return next, what
	}
	_, later := d.due()
	for _, step := range later {
		if next.IsZero() || step.NotBefore.Before(next) {
			next, what = step.NotBefore, d.waitReason(step.NotBefore)
		}
	}
	return next, what
}

// describe is a contest as a report has it.
func (d *decider) describe(found *contest) report.Contest {
	first, last := found.rounds[0].At.UTC(), found.rounds[len(found.rounds)-1].At.UTC()
	said := report.Contest{Rounds: len(found.rounds), FirstAt: &first, LastAt: &last, Field: found.step.Field()}
	var actors []report.Actor
	for _, round := range found.rounds {
		actors = append(actors, report.Actor{Principal: round.By, UserAgent: round.Tool})
	}
	if write := d.lastChange([]plan.Step{found.step}, d.facts.History.Writes); write != nil {
		actors = append(actors, report.Actor{Principal: write.Principal, UserAgent: write.UserAgent})
	}
	tool := ""
	for _, actor := range actors {
		if actor == (report.Actor{}) {
			continue
		}
		said.Actors = slices.DeleteFunc(said.Actors, func(known report.Actor) bool { return known == actor })
		said.Actors, tool = append(said.Actors, actor), actor.UserAgent
	}
	said.Actors = said.Actors[max(0, len(said.Actors)-mostActors):]
	said.Fix = d.fixes(found.step, tool)
	return said
}

// fixes are what to write at the source for the contested step, and for the other steps
// of the run: what undoes one there undoes the others next.
func (d *decider) fixes(contested plan.Step, tool string) string {
	var fixes []string
	for _, step := range slices.Concat([]plan.Step{contested}, d.taken(), d.plan.Steps) {
		if fix := remedy.SourceFix(d.facts.Posture, step, tool); fix != "" && !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	return strings.Join(fixes, "\n\n")
}

// lastChange is the last write of somebody else's that may have made one of the
// gaps, nil where the history has none.
func (d *decider) lastChange(due []plan.Step, writes []event.Write) *event.Write {
	for _, write := range slices.Backward(writes) {
		if d.wroteIt(write) || write.Principal == "" {
			continue
		}
		for _, step := range due {
			if effect := step.EffectOf(d.facts.Posture, write); effect != plan.Untouched && effect != plan.Made {
				return &write
			}
		}
	}
	return nil
}

// lastWrote is when the memory has a step as taken last, zero = never.
func (d *decider) lastWrote(step plan.Step) (at time.Time) {
	if d.facts.Memory == nil {
		return at
	}
	for _, wrote := range d.facts.Memory.Wrote {
		same := wrote.Op == string(step.Op()) && wrote.Resource == step.Resource && wrote.Field == step.Field()
		if same && wrote.At.After(at) && !wrote.At.After(d.now) {
			at = wrote.At
		}
	}
	return at
}

// roundsOf are the noted undoings of a step within 24 hours, the oldest first.
func (d *decider) roundsOf(step plan.Step) []memory.Undo {
	if d.facts.Memory == nil {
		return nil
	}
	return slices.DeleteFunc(d.facts.Memory.Rounds(fieldOf(step), d.now.Add(-logged)),
		func(u memory.Undo) bool { return u.At.After(d.now) })
}

// undoing is the undoing of a step that is missing and that we took before, unless it is
// noted already.
func (d *decider) undoing(step plan.Step) (undo memory.Undo, undone bool) {
	if step.Op() == provision { // its result shows in no resource
		return undo, false
	}
	wrote := d.lastWrote(step)
	noted := func(u memory.Undo) bool { return u.At.After(wrote) }
	if wrote.IsZero() || d.tookBack(step) || d.openedAfter(step, wrote) || slices.ContainsFunc(d.roundsOf(step), noted) {
		return undo, false
	}
	undo = memory.Undo{Field: fieldOf(step), At: d.now}
	since := d.now
	if cause := d.request.Cause; d.lastChange([]plan.Step{step}, []event.Write{{Cause: cause}}) != nil {
		undo.By, undo.Tool = cause.Principal, cause.UserAgent
		since = earliest(since, cause.At)
	}
	if exposedIn(door.Of(d.facts.Posture)) {
		undo.OpenSince = latest(wrote, earliest(since, d.openNowSince()))
	}
	return undo, true
}

// undone are the due steps that we took before and that somebody undid. They are noted
// when they are about to be taken again.
func (d *decider) undone(due []plan.Step) []memory.Undo {
	var list []memory.Undo
	for _, step := range due {
		if undo, undone := d.undoing(step); undone {
			list = append(list, undo)
		}
	}
	return list
}

// taken are the steps that this delivery took.
func (d *decider) taken() []plan.Step {
	var steps []plan.Step
	for _, done := range d.run.own() {
		if step, err := done.Plan(); err == nil && done.Result == report.StepDone {
			steps = append(steps, step)
		}
	}
	return steps
}

// fieldOf names what a step writes, as the memory counts it. Two kinds of steps may write
// the members of one role.
func fieldOf(step plan.Step) string {
	return step.Resource + " " + step.Field() + " " + string(step.Op())
}
