package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// switchedAt is when IAP was last switched on before the service, by us or by
// anybody, where the public is about to go: until IAP holds everywhere, the
// public is what lets users in. No resource tells that time, the audit log does;
// where it cannot be read, IAP counts as on for long, as what is older than the
// log's 24 hours is.
func (r *run) switchedAt(ctx context.Context, p posture.Posture, planned plan.Plan) time.Time {
	due, _ := planned.Due(r.Now())
	last := func(s plan.Step) bool { return s.Op == plan.RevokePublic || s.Op == plan.RequireInvoker }
	if r.History == nil || !slices.ContainsFunc(due, last) {
		return time.Time{}
	}
	writes, err := r.writes(ctx, p.Target.Project)
	if err != nil {
		return time.Time{}
	}
	return switchedOn(p, writes)
}

// switchedOn is the time of the last write that turned IAP on at a backend
// service where it is on, zero for none.
func switchedOn(p posture.Posture, writes []event.Write) time.Time {
	var at time.Time
	for _, backend := range p.Backends {
		step := plan.Step{Op: plan.EnableIAP, Resource: backend.Resource(), Field: "iap.enabled", To: "true"}
		for _, write := range writes {
			if backend.IAPOn && effectOf(p, step, write) == made && write.At.After(at) {
				at = write.At
			}
		}
	}
	return at
}
