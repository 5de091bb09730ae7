package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// grant is a grant that steps wait for, and where it stands.
type grant struct {
	policy.Grant
	held  bool
	since time.Time // by the policies that hold it; zero = their etags do not say
}

// ageOf is since when a grant has been propagating: since it was first seen, else since
// the policy was last written, else from now on. A grant that was seen before and taken
// away keeps its time: who takes it away again and again does not keep IAP off. A time that lies
// ahead is that of another clock, and counts as now.
func (s schedule) ageOf(g grant) time.Time {
	if g.since.After(s.now) {
		g.since = s.now
	}
	seen, known := s.want.Clocks.Seen[g.Grant]
	switch {
	case known && g.held && !g.since.IsZero() && g.since.Before(seen):
		return g.since
	case known && !seen.After(s.now):
		return seen
	case g.held && !g.since.IsZero():
		return g.since
	}
	return s.now
}

// Relied are the grants in place that steps of the plan wait for, each with the time
// since when it is known to be there.
func Relied(made Plan, p posture.Posture, want policy.Wanted, now time.Time) map[policy.Grant]time.Time {
	s := schedule{p, want, made.Steps, now}
	var found []grant
	for _, step := range made.Steps {
		switch step.operation().timing {
		case accessPropagated:
			for _, place := range s.placesOf(step) {
				found = append(found, s.access(place))
			}
		case settled:
			for _, backend := range p.Reached() {
				found = append(found, s.access(placeOf(p, backend)))
			}
		}
		if t := step.operation().timing; t == settled || t == agentPropagated {
			for _, part := range step.parts(p) {
				found = append(found, s.agent(part))
			}
		}
	}
	relied := map[policy.Grant]time.Time{}
	for _, g := range found {
		if g.held && len(g.Members) > 0 {
			relied[g.Grant] = s.ageOf(g)
		}
	}
	return relied
}

// place is where IAP decides who passes.
type place struct {
	resource string // under which IAP keeps its policy
	policies []posture.AccessPolicy
	settings posture.IAPSettings
}

func placeOf(p posture.Posture, b posture.Backend) place {
	return place{b.AccessResource(p.ProjectNumber), p.AccessPolicies(b), b.Settings}
}

// placesOf are where a step turns IAP on.
func (s schedule) placesOf(step Step) []place {
	var places []place
	if backend, known := backendAt(s.p, step.Resource); known {
		return append(places, placeOf(s.p, backend))
	}
	for _, part := range step.parts(s.p) {
		places = append(places, place{
			part.Target.AccessResource(part.ProjectNumber), part.DirectAccessPolicies(), part.DirectSettings})
	}
	return places
}

// access is the grant of all members that the policy names, at one place. It is held
// where each of them passes.
func (s schedule) access(at place) grant {
	condition := s.want.AccessCondition
	g := grant{
		Grant: policy.Grant{Resource: at.resource, Role: posture.RoleAccessor, Members: named(s.want.Access),
			Condition: condition.Expression},
		held: true,
	}
	for _, member := range s.want.Access {
		var since []time.Time
		for _, one := range at.policies {
			if one.Policy.HoldsIf(posture.RoleAccessor, member, condition) {
				since = append(since, one.Policy.ChangedAt)
			}
		}
		if len(since) == 0 {
			return grant{Grant: g.Grant}
		}
		first := slices.MinFunc(since, time.Time.Compare)
		if first.IsZero() {
			g.since = s.now // nothing says more
		}
		g.since = latest(g.since, first)
	}
	return g
}

// agent is the grant by which IAP's agent may invoke one part of the service.
func (s schedule) agent(part posture.Posture) grant {
	g := grant{Grant: policy.Grant{Resource: part.Target.Name(), Role: posture.RoleInvoker, Members: s.p.Agent()}}
	if part.Invokers.Holds(posture.RoleInvoker, s.p.Agent()) {
		g.held, g.since = true, part.Invokers.ChangedAt
	}
	if at, inherits := door.InheritedInvoker(part); inherits {
		if g.since.IsZero() || at.Policy.ChangedAt.Before(g.since) && !at.Policy.ChangedAt.IsZero() {
			g.since = at.Policy.ChangedAt
		}
		g.held = true
	}
	return g
}

// longestNames is how long members may be in the memory, in bytes.
const longestNames = 200

// named is one text for members: their names, or a hash of many.
func named(members []string) string {
	members = slices.Sorted(slices.Values(members))
	text := strings.Join(slices.Compact(members), " ")
	if len(text) <= longestNames {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:16])
}
