package function

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// planWhole makes the offer of the whole recipe for one service, and says what it would do and
// who gets in newly. It looks before it answers: no message leads to such a look, so nobody but
// the sender of this command makes the offer.
func (f *Function) planWhole(ctx context.Context, order event.Order, by string) ([]string, error) {
	target, err := posture.ParseTarget(order.Target)
	if err != nil { // unreachable: ParseOrder read it
		return nil, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	final, err := f.engine.Run(ctx, reconcile.Request{Cause: *order.Cause, Target: target, ReadOnly: true, Whole: true, By: by,
		Since: f.clock.Now()})
	switch {
	case errors.Is(err, reconcile.ErrGone):
		return nil, fault.New(fault.NotFound, "there is no service %s", target.Name())
	case err != nil:
		return nil, fmt.Errorf("looking at %s: %w", target.Name(), err)
	}
	var said []string
	for _, finding := range final.Findings {
		said = append(said, fmt.Sprintf("%s: %s: %s", finding.Code, finding.Resource, finding.Why))
	}
	for _, step := range final.Steps {
		if step.Result == report.StepPlanned {
			said = append(said, fmt.Sprintf("would take %s of %s", step.Op, step.Resource))
		}
	}
	said = append(said, final.Advice...)
	offer, err := f.memory.Offer(ctx, final.PlanID)
	if err != nil || !offer.Whole || !slices.Contains(offer.Principals, by) {
		return said, fault.New(fault.Conflict, "the outcome is %s, and no plan of %s waits for an approval", final.Outcome,
			target.Name())
	}
	return said, nil
}
