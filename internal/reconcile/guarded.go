package reconcile

import (
	"context"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// guardedOnce looks into the audit log where an older service is all that the
// recipe leaves but for its ingress, which is open to everybody: one that we
// restricted stays guarded. The log goes back 24 hours; what is older than that,
// and a log that cannot be read, leave the service to people.
func (r *run) guardedOnce(ctx context.Context, p posture.Posture, settings policy.Settings) bool {
	restricted := p
	restricted.Service.Ingress = posture.IngressInternalLoadBalancing
	if r.History == nil || p.Service.Ingress != posture.IngressAll || !tooOld(p, settings) || !protectedOnce(restricted) {
		return false
	}
	writes, err := r.writes(ctx, p.Target.Project)
	return err == nil && slices.ContainsFunc(writes, func(w event.Write) bool {
		return r.ours(w) && w.Kind == event.RunServiceChanged && w.Location == p.Target.Location && w.Service == p.Target.Service &&
			w.Settings["ingress"] == string(posture.IngressInternalLoadBalancing)
	})
}

// tooOld reports whether the service's age leaves it to people.
func (v view) tooOld() bool { return tooOld(v.posture, v.settings) && !v.guarded }
