package reconcile

import (
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	// contestedAfter is how often one protection may be undone in 24 hours before
	// events no longer make us write it again.
	contestedAfter = 3
	// mostActors bounds how many are named.
	mostActors = 10
)

// contested tells which of the steps that are due is fought over, nil for
// none. A command, and a person's word, try once more all the same: for them it
// is contested only once they have tried.
func (r *run) contested(v view, due []plan.Step, writes []event.Write) *report.Contest {
	var worst *report.Contest
	for _, step := range due {
		contest := contestOf(v.posture, step, writes, r.ours)
		if contest.Rounds < contestedAfter || worst != nil && contest.Rounds <= worst.Rounds {
			continue
		}
		if r.mayWrite(v) && r.asked() && !r.took(step) {
			continue
		}
		contest.Field, contest.Fix = step.Field, sourceFix(v.posture, step, contest.Actors)
		worst = &contest
	}
	return worst
}

// asked says whether somebody asked for this run, rather than an event.
func (r *run) asked() bool { return r.request.Consent || r.request.Cause.Kind == event.CommandReceived }

// took says whether this run has taken such a step already.
func (r *run) took(step plan.Step) bool {
	return slices.ContainsFunc(r.done, func(done report.Step) bool {
		return done.Result == report.StepDone && done.Op == string(step.Op) && done.Resource == step.Resource && done.Field == step.Field
	})
}

// contestOf counts how often the protection that a step is to make was made by
// us and undone by somebody else: rounds. writes are those of the project,
// oldest first. It relies on the step's being due, so that the protection is
// missing now, and on our writing nothing that is right already.
//
// Our writes in a row are one. A write of somebody else's ends a round when it
// undid the protection; where the entry does not say what it wrote, it is
// believed to have. One that surely left the protection alone is none. Where
// the service or the backend service was made anew, counting begins anew.
func contestOf(p posture.Posture, step plan.Step, writes []event.Write, own func(event.Write) bool) report.Contest {
	var contest report.Contest
	var suspects []event.Write // who may have undone what we made
	ours := false
	endRound := func() {
		if len(suspects) > 0 {
			contest = undoneBy(contest, suspects, step)
		}
		ours, suspects = false, nil
	}
	for _, write := range writes {
		if write.Recreated && sameThing(p, step, write) {
			contest, ours, suspects = report.Contest{}, false, nil
			continue
		}
		effect := effectOf(p, step, write)
		switch {
		case effect == untouched:
		case own(write) && effect == undone: // on a person's word
			ours, suspects = false, nil
		case own(write):
			endRound()
			ours = true
		case effect == made && len(suspects) > 0: // somebody else mended it
			endRound()
		case effect == made:
		case ours:
			suspects = append(suspects, write)
		}
	}
	endRound()
	return contest
}

// undoneBy adds a round. Of several who may have undone it, those who surely
// did are named.
func undoneBy(contest report.Contest, suspects []event.Write, step plan.Step) report.Contest {
	sure := slices.DeleteFunc(slices.Clone(suspects), func(w event.Write) bool { return written(step, w) != undone })
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
