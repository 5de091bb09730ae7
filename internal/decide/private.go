package decide

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// guardedOnce reports whether a private service was behind IAP before, or was closed by us,
// so that a missing part of the protection is restored: that lets nobody in who was not let
// in before. The memory alone proves nothing, since others may be able to write it. What
// Cloud Run shows must agree: both parts of the protection that stand there, which only those
// who may change the service can make. Where one is missing, our own writes of the last 24
// hours must be in the audit log.
func (d *decider) guardedOnce(p posture.Posture, settings policy.Settings) bool {
	switch remembered := d.facts.Memory; {
	case settings.Private != policy.PrivateLeave || !door.Private(p):
		return false // nothing depends on it
	case door.GuardedByIAP(p):
		return true
	case remembered != nil && remembered.GuardedSince.IsZero() && !slices.ContainsFunc(remembered.Wrote, closes):
		return false
	case remembered != nil && p.AgentInvokes() && p.Service.Ingress == posture.IngressInternalLoadBalancing:
		return true
	}
	writes, known := d.history()
	return known && slices.ContainsFunc(writes, func(w event.Write) bool {
		ours := w.Kind == event.RunIAMChanged || w.Kind == event.RunServiceChanged
		return ours && d.wroteIt(w) && w.Service == p.Target.Service && w.Location == p.Target.Location
	})
}

// closes reports whether a write of ours closed a way in.
func closes(w memory.Write) bool {
	return slices.Contains([]string{string(revokePublic), string(requireInvoker), string(restrictIngress)}, w.Op)
}
