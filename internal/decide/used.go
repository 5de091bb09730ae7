package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// A push subscription, a trigger, a job, or what sends requests on stops a step only if it called
// the service before the service was first seen. Who wants to keep a service open can make
// any number of them, and let them call from then on. Where the log cannot be read, they
// count as used.

// UsedRequest are callers, and a time before which they must have called.
type UsedRequest struct {
	Callers []caller.Caller
	Before  time.Time
}

// askUsed asks whether the callers that stop something are used.
func (d *decider) askUsed(judged []caller.Caller, stops []protection.Finding) {
	if d.facts.Used != nil {
		return
	}
	asked := slices.DeleteFunc(slices.Clone(judged), func(c caller.Caller) bool {
		named := func(f protection.Finding) bool { return f.Subject == c.Name }
		return c.Kind == caller.Visitor || !slices.ContainsFunc(stops, named)
	})
	if len(asked) == 0 {
		return
	}
	before := d.now
	if known := d.facts.Memory; known != nil && !known.FirstSeen.IsZero() {
		before = earliest(before, known.FirstSeen)
	}
	d.needs.Used = &UsedRequest{asked, before}
}

// markUnused marks the callers that are known to be unused.
func (d *decider) markUnused(found []caller.Caller) []caller.Caller {
	if d.facts.Used == nil {
		return found
	}
	if err := d.facts.Used.Unread; err != nil {
		log := "projects/" + d.facts.Posture.Target.Project + "/logs/" + caller.RequestLog
		d.alsoUnread(posture.Unread{Resource: log, Why: err.Error(), Permission: fault.Of(err).Permission})
	}
	found = slices.Clone(found)
	for i, one := range found {
		used, known := d.facts.Used.Names[one.Name]
		found[i].Unused = known && !used && one.Kind != caller.Visitor
	}
	return found
}
