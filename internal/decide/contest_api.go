package decide

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/remedy"
	"github.com/iapguard/iapguard/internal/report"
)

// contestedAPI is the contest about an API that others turned off as often as we turned
// it on, nil for none. The history of writes has no entries of APIs, so the memory counts,
// and who it was is not known.
func (d *decider) contestedAPI(due []plan.Step) *report.Contest {
	at := slices.IndexFunc(due, func(s plan.Step) bool { return s.Op() == enableAPI })
	if at < 0 || d.facts.Memory == nil || d.request.DryRun || d.hold != nil {
		return nil
	}
	step := due[at]
	rounds := d.facts.Memory.Rounds(fieldOf(step), d.now.Add(-logged))
	undone := len(rounds) + 1 // this time is noted when it is written again
	if undone < contestedAfter || d.mayWrite() && d.request.asked() && !d.run.took(step) {
		return nil
	}
	first, last := rounds[0].At.UTC(), d.now.UTC()
	return &report.Contest{
		Rounds: undone, FirstAt: &first, LastAt: &last, Field: step.Field(),
		Fix: remedy.SourceFix(d.facts.Posture, step, ""),
	}
}
