package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
)

// offer keeps a plan that waits for a person's approval, and who caused it.
func (r *run) offer(ctx context.Context, facts decide.Facts, decision decide.Decision) {
	offered := decision.Offer
	r.offers = offered != nil
	switch {
	case r.request.DryRun, r.request.Whole && offered == nil:
		return
	case r.request.Whole:
		r.offerWhole(ctx, decision)
		return
	case offered == nil && facts.Memory != nil && facts.Memory.Offered != "":
		r.update(ctx, decision.Posture, func(s *memory.Service) bool { return s.Offer("", time.Time{}) })
		return
	case offered == nil:
		return
	}
	now := r.now().UTC().Round(0)
	// It is still what is to be done, or the clock went back: a plan of the future is not approved.
	again := func(at time.Time) bool { return at.After(now) || now.Sub(at) >= decide.ApprovableFor/2 }
	if known := facts.Memory; known != nil && known.Offered == offered.PlanID && r.request.Cause.Principal == "" &&
		!again(known.OfferedAt) {
		return
	}
	before := r.causedBefore(ctx, facts.Memory, offered.PlanID)
	kept, err := r.Memory.UpdateOffer(ctx, offered.PlanID, func(o *memory.Offer) bool {
		changed := o.Caused(r.request.Cause.Principal)
		for _, principal := range before {
			changed = o.Caused(principal) || changed
		}
		if again(o.At) {
			o.At, o.Service, o.UID = now, decision.Posture.Target.Name(), decision.Posture.Service.UID
			o.Steps, changed = offered.Steps, true
		}
		return changed
	})
	if err != nil {
		r.persisted(ctx, err)
		return
	}
	r.update(ctx, decision.Posture, func(s *memory.Service) bool { return s.Offer(offered.PlanID, kept.At) })
}

// causedBefore are those who caused the plan that waited until now, where another one takes its place.
// What they changed is not done yet: time alone makes another plan of it.
func (r *run) causedBefore(ctx context.Context, known *memory.Service, planID string) []string {
	if known == nil || known.Offered == "" || known.Offered == planID {
		return nil
	}
	waited, err := r.Memory.Offer(ctx, known.Offered)
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		r.persisted(ctx, err)
	}
	return waited.Principals
}

// wholePlan is the plan of the whole recipe that the run carries out, "" = it carries out none.
func (r *run) wholePlan() string {
	if command := r.request.Cause.Command; r.request.Whole && command != nil {
		return command.PlanID
	}
	return ""
}

// offerWhole keeps the plan of the whole recipe that a person asked for. That person does not
// approve it, nor does anybody who asked for the same plan before.
func (r *run) offerWhole(ctx context.Context, decision decide.Decision) {
	offered, now := decision.Offer, r.now().UTC().Round(0)
	_, err := r.Memory.UpdateOffer(ctx, offered.PlanID, func(o *memory.Offer) bool {
		o.Caused(r.request.By)
		o.At, o.Service, o.UID = now, decision.Posture.Target.Name(), decision.Posture.Service.UID
		o.Steps, o.Whole, o.LetsIn = offered.Steps, true, offered.LetsIn
		return true
	})
	if err != nil {
		r.persisted(ctx, err)
		return
	}
	r.update(ctx, decision.Posture, func(s *memory.Service) bool { return s.OfferWhole(offered.PlanID) })
}
