package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// approve lets a plan be carried out, or a policy that waits come into force.
func (f *Function) approve(ctx context.Context, order event.Order, by string) ([]string, error) {
	offer, err := f.memory.Offer(ctx, order.PlanID)
	switch {
	case errors.Is(err, memory.ErrMissing):
		return f.approvePolicy(ctx, order, by)
	case err != nil:
		return nil, fmt.Errorf("reading plan %s: %w", order.PlanID, err)
	}
	target, err := posture.ParseTarget(offer.Service)
	if err != nil {
		return nil, fault.New(fault.Conflict, "the record of plan %s names no service: %w", order.PlanID, err)
	}
	now := f.clock.Now().UTC()
	expires := offer.At.Add(reconcile.ApprovableFor)
	caused := func(principal string) bool { return strings.EqualFold(principal, by) }
	switch {
	case offer.At.After(now) || !now.Before(expires):
		return nil, fault.New(fault.Conflict, "plan %s is of %s, and a plan can be approved for %s: have it planned again, by "+
			"iapguard send plan %s", order.PlanID, offer.At.Format(time.RFC3339), reconcile.ApprovableFor, target.Name())
	case slices.ContainsFunc(offer.Principals, caused) && offer.Whole:
		return nil, fault.New(fault.Denied, "%s asked for plan %s, and somebody else has to approve it", by, order.PlanID)
	case slices.ContainsFunc(offer.Principals, caused):
		return nil, fault.New(fault.Denied, "%s caused plan %s, and somebody else has to approve it", by, order.PlanID)
	case offer.Crowded():
		return nil, fault.New(fault.Denied, "more people caused plan %s than its record names: have the service planned when fewer "+
			"changed it", order.PlanID)
	}
	if err := f.mayApprove(ctx, target, by); err != nil {
		return nil, err
	}
	approval := memory.Approval{PlanID: order.PlanID, Steps: offer.Steps, OverLimit: order.OverLimit, By: by, At: now,
		Expires: expires, Whole: offer.Whole, LetsIn: offer.LetsIn}
	added, goesOn := false, false
	_, err = f.memory.UpdateService(ctx, memory.ServiceID{Target: target, UID: offer.UID}, func(s *memory.Service) bool {
		added, goesOn = s.Approve(approval), s.ApprovedWhole(order.PlanID, now)
		return added
	})
	switch {
	case !memory.Persisted(err):
		return nil, fmt.Errorf("storing the approval of plan %s: %w", order.PlanID, err)
	case !added && !goesOn:
		return nil, fault.New(fault.Conflict, "plan %s is approved already, or is not what is to be done at %s any more",
			order.PlanID, target.Name())
	}
	cause := event.Cause{Kind: event.CommandReceived, Project: target.Project, Location: target.Location, Service: target.Service}
	id := directID + uuid.NewString()
	if err := f.memory.AddOrdered(ctx, memory.Ordered{ID: id, By: by, Command: "approve", Target: target.Name()}); err != nil {
		f.log.WarnContext(ctx, "the report will not say who sent the command", "command", "approve", "by", by, "err", err)
	}
	cause.Key, cause.EventID = "command/"+id, id
	cause.Command = &event.Command{Name: "approve", Target: target.Name(), PlanID: order.PlanID, ID: id, WholeRecipe: offer.Whole}
	err = f.dispatch(ctx, cause, []posture.Target{target})
	switch {
	case err != nil && offer.Whole:
		return nil, fmt.Errorf("plan %s is approved, and it goes on when it is approved once more: %w", order.PlanID, err)
	case err != nil:
		return nil, fmt.Errorf("plan %s is approved, and the next look at %s carries it out: %w", order.PlanID, target.Name(), err)
	}
	return []string{fmt.Sprintf("plan %s of %s is approved: it is carried out if it is still what is to be done", order.PlanID,
		target.Name())}, nil
}

// mayApprove reads by which rule the service is decided now, and whether its approvers have
// the account among them.
func (f *Function) mayApprove(ctx context.Context, target posture.Target, by string) error {
	seen, err := f.engine.Run(ctx, reconcile.Request{Target: target, DryRun: true,
		Cause: event.Cause{Kind: event.CommandReceived, Key: "approve"}})
	switch {
	case errors.Is(err, reconcile.ErrOutOfScope):
		return fault.New(fault.Conflict, "no rule covers %s any more", target.Name())
	case errors.Is(err, reconcile.ErrGone):
		return fault.New(fault.NotFound, "there is no service %s any more", target.Name())
	case err != nil:
		return fmt.Errorf("looking at %s: %w", target.Name(), err)
	case seen.Policy == nil:
		return fault.New(fault.Conflict, "it is not known which rule decides about %s", target.Name())
	}
	approvers := f.policies.inForce().ApproversOf(seen.Policy.Rule)
	if posture.Includes(approvers, "serviceAccount:"+by) || posture.Includes(approvers, "user:"+by) {
		return nil
	}
	return fault.New(fault.Denied, "%s is not among the approvers of rule %s, which decides about %s", by, seen.Policy.Rule,
		target.Name())
}

// approvePolicy lets a version of the policy come into force that waits for an approver.
func (f *Function) approvePolicy(ctx context.Context, order event.Order, by string) ([]string, error) {
	if order.OverLimit {
		return nil, fault.New(fault.Invalid, "overLimit is said of a plan, and no plan %s waits for an approval", order.PlanID)
	}
	if _, err := f.policies.approve(ctx, order.PlanID, by); err != nil {
		return nil, err
	}
	return []string{"policy " + order.PlanID + " is approved: every instance has it in force within a minute"}, nil
}
