package reconcile

import (
	"context"
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// stopped looks before each round of writes whether what happened before speaks
// against it, and gives the report that says so. What happened is read from the
// audit log, which all instances share.
func (r *run) stopped(ctx context.Context, v view, due []plan.Step) (final report.Report, stopped bool) {
	// Making the agent exist is nobody's to undo.
	due = slices.DeleteFunc(slices.Clone(due), func(s plan.Step) bool { return s.Op == plan.ProvisionAgent })
	if r.History == nil || r.request.DryRun || v.hold != nil || len(due) == 0 {
		return final, false
	}
	writes, err := r.writes(ctx, v.posture.Target.Project)
	if err != nil {
		if step, again := r.again(v, due); again {
			return r.unread(v, step, err), true
		}
		return final, false
	}
	if contest := r.contested(v, due, writes); contest != nil {
		final = r.report(v, report.Contested)
		final.Contest = contest
		final.Advice = append(final.Advice, contestAdvice(v, contest))
		return final, true
	}
	return final, false
}
