package decide

import (
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	// contestedAfter is how often one protection may be undone in 24 hours before
	// events no longer make us write it again.
	contestedAfter = 3
	// mostActors bounds how many are named.
	mostActors = 10
)

// contested returns the contest of the due step that was undone most often, nil
// for none. A command, and a person's consent, try once more: for them a step is
// contested only after they have tried.
func (d *decider) contested(due []plan.Step, writes []event.Write) *report.Contest {
	var worst *report.Contest
	for _, step := range due {
		contest := contestOf(d.facts.Posture, step, writes, d.wroteIt)
		if contest.Rounds < contestedAfter || worst != nil && contest.Rounds <= worst.Rounds {
			continue
		}
		if d.mayWrite() && d.request.asked() && !d.run.took(step) {
			continue
		}
		contest.Field, contest.Fix = step.Field(), remedy.SourceFix(d.facts.Posture, step, lastTool(contest))
		worst = &contest
	}
	return worst
}

// lastTool is the user agent of the last actor, "" for none.
func lastTool(c report.Contest) string {
	if len(c.Actors) == 0 {
		return ""
	}
	return c.Actors[len(c.Actors)-1].UserAgent
}

// contestOf counts the rounds in which we made a step's protection and somebody
// else undid it. writes are those of the project, oldest first. The step is due,
// so its protection is missing now; and we never write what is right already.
//
// Consecutive writes of ours count as one. Somebody else's write ends a round when
// it undid the protection, or when its entry does not say what it wrote. A write
// that left the protection as it was does not count. Counting restarts where the
// service or the backend service was recreated.
func contestOf(p posture.Posture, step plan.Step, writes []event.Write, own func(event.Write) bool) report.Contest {
	var contest report.Contest
	var suspects []event.Write // who may have undone what we made
	weWrote := false
	endRound := func() {
		if len(suspects) > 0 {
			contest = undoneBy(contest, suspects, step)
		}
		weWrote, suspects = false, nil
	}
	for _, write := range writes {
		if write.Recreated && step.Concerns(p, write) {
			contest, weWrote, suspects = report.Contest{}, false, nil
			continue
		}
		effect := step.EffectOf(p, write)
		switch {
		case effect == plan.Untouched:
		case own(write) && effect == plan.Undone: // with a person's consent
			weWrote, suspects = false, nil
		case own(write):
			endRound()
			weWrote = true
		case effect == plan.Made && len(suspects) > 0: // somebody else restored it
			endRound()
		case effect == plan.Made:
		case weWrote:
			suspects = append(suspects, write)
		}
	}
	endRound()
	return contest
}

// undoneBy adds a round. It names those who surely undid the protection; where
// that is nobody, it names all who may have.
func undoneBy(contest report.Contest, suspects []event.Write, step plan.Step) report.Contest {
	sure := slices.DeleteFunc(slices.Clone(suspects),
		func(w event.Write) bool { return step.EffectOfSame(w) != plan.Undone })
	if len(sure) > 0 {
		suspects = sure
	}
	contest.Rounds++
	first, last := suspects[0].At.UTC(), suspects[len(suspects)-1].At.UTC()
	if contest.FirstAt == nil {
		contest.FirstAt = &first
	}
	contest.LastAt = &last
	for _, write := range suspects {
		actor := report.Actor{Principal: write.Principal, UserAgent: write.UserAgent}
		contest.Actors = slices.DeleteFunc(contest.Actors, func(known report.Actor) bool { return known == actor })
		contest.Actors = append(contest.Actors, actor)
	}
	if over := len(contest.Actors) - mostActors; over > 0 {
		contest.Actors = contest.Actors[over:]
	}
	return contest
}

// contestAdvice says what is contested, and what ends the contest.
func contestAdvice(p posture.Posture, c *report.Contest) string {
	who := "somebody"
	if len(c.Actors) > 0 && c.Actors[len(c.Actors)-1].Principal != "" {
		who = c.Actors[len(c.Actors)-1].Principal
	}
	return fmt.Sprintf("%s of %s was undone %d times in 24 hours, last by %s: change it at its source as contest.fix "+
		"says; each sweep, and iapguard apply %s, tries once more",
		c.Field, p.Target, c.Rounds, who, p.Target.Name())
}

// lastChange is the last write of somebody else's that may have made one of the
// gaps, nil where the last 24 hours have none. An event should have announced it.
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

// stops looks before each round of writes for a reason in the history not to
// write, and returns the decision that names it.
func (d *decider) stops(due []plan.Step) (stop Decision, stopped bool) {
	if contest := d.contestedAPI(due); contest != nil {
		stop = d.end(report.Contested, contestAdvice(d.facts.Posture, contest))
		stop.Contest = contest
		return stop, true
	}
	// Nobody can undo that the agent exists, and no API's entries are in the history.
	due = slices.DeleteFunc(slices.Clone(due),
		func(s plan.Step) bool { return s.Op() == provision || s.Op() == enableAPI })
	if d.off() || d.request.DryRun || d.hold != nil || len(due) == 0 {
		return stop, false
	}
	writes, known := d.history()
	if d.facts.History == nil {
		return stop, false // Needs asks for it
	}
	if d.request.swept() && d.run.Done == nil {
		d.run.Missed = d.lastChange(due, writes)
	}
	if !known {
		if step, repeats := d.repeatedStep(due); repeats {
			return d.historyUnread(step), true
		}
	} else if contest := d.contested(due, writes); contest != nil {
		stop = d.end(report.Contested, contestAdvice(d.facts.Posture, contest))
		stop.Contest = contest
		return stop, true
	}
	if !d.mayWrite() {
		return stop, false
	}
	return d.limited()
}
