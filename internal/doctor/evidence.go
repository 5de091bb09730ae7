package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

// Evidence is everything that a diagnosis rests on.
type Evidence struct {
	// Symptom is the refused request that is asked about; nil = somebody asks why visitors
	// are refused, and the examination has those that the logs show.
	Symptom  *refusal.Request
	Posture  posture.Posture
	Settings policy.Settings
	posture.Examination
	// Counted is what load balancers counted of what Diagnosis.Asks; nil = nobody asked yet.
	Counted *Counted
	// Self are the accounts whose new revisions are our redeploys; none = that is
	// not known.
	Self []string
}

// grant is how IAP's agent stands in the service's policy.
type grant string

const (
	grantHolds       grant = "granted, without a condition"
	grantInherited   grant = "granted on the project, without a condition"
	grantConditional grant = "granted under a condition only"
	grantDeleted     grant = "granted to an agent that has been deleted"
	grantMissing     grant = "not granted"
	grantNowhere     grant = "not granted, and the agent is named in no policy"
)

func (e Evidence) grant() grant {
	p := e.Posture
	if p.Invokers.Holds(posture.RoleInvoker, p.Agent()) {
		return grantHolds
	}
	if door.InheritsInvoker(p) {
		return grantInherited
	}
	found := grantNowhere
	for _, binding := range p.Invokers.Bindings {
		for _, member := range binding.Members {
			// A deleted member reads deleted:serviceAccount:EMAIL?uid=NUMBER.
			// Source: iam/docs/principal-identifiers.
			deleted := strings.HasPrefix(member, "deleted:"+p.Agent()+"?")
			switch {
			case member == p.Agent() && binding.Role == posture.RoleInvoker:
				return grantConditional
			case deleted && binding.Role == posture.RoleInvoker:
				found = grantDeleted
			case member == p.Agent() && found == grantNowhere:
				found = grantMissing
			}
		}
	}
	// IAP sent the request on, so its agent exists.
	if found == grantNowhere && e.refusal() == refusal.NotInvoker {
		found = grantMissing
	}
	return found
}

// iapOn reports whether IAP is on anywhere before the service.
func (e Evidence) iapOn() bool {
	return e.Posture.Service.IAPOn ||
		slices.ContainsFunc(e.Posture.Backends, asksIAP)
}

// changedAt is when the policy that holds the grant was last changed; zero = not
// known.
func (e Evidence) changedAt() time.Time {
	if e.grant() == grantInherited {
		return e.Posture.Project.ChangedAt
	}
	return e.Posture.Invokers.ChangedAt
}

// heldSince is from when on the agent's grant can be expected to hold
// everywhere; zero = it is not known when it was made.
func (e Evidence) heldSince() time.Time {
	if e.changedAt().IsZero() {
		return time.Time{}
	}
	return e.changedAt().Add(e.Settings.Propagation)
}

// door finds the way by which the refused request came: whether IAP stands at
// it, and whether it is known at all.
func (e Evidence) door() (iap, known bool) {
	host := e.Symptom.Host()
	if e.Symptom.AtDefaultURL() {
		return e.Posture.Service.IAPOn, true
	}
	if host == "" {
		return false, false
	}
	at := slices.IndexFunc(e.Posture.Backends, func(b posture.Backend) bool { return leads(b, host) })
	if at < 0 {
		return false, false
	}
	return asksIAP(e.Posture.Backends[at]) || e.Posture.Service.IAPOn, true
}

// leads reports whether a frontend of the backend service is known to take
// requests for a host.
func leads(b posture.Backend, host string) bool {
	return slices.ContainsFunc(b.Frontends, func(f posture.Frontend) bool {
		return f.Unread == "" && (f.TakesAny(host) || f.Takes(host))
	})
}

// asksIAP reports whether IAP is on at a backend service, or asked at a forwarding rule that
// leads to it.
func asksIAP(b posture.Backend) bool { return b.IAPOn || len(b.RulesWithIAP()) > 0 }

// madeByUs reports whether we made a revision.
func (e Evidence) madeByUs(r posture.Revision) bool { return slices.Contains(e.Self, r.Creator) }
