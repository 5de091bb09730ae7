package protection

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// doorExempt: the policy lets one door of the service stay open.
const doorExempt Code = "DOOR_EXEMPT"

// doorNotExempt: the policy names an exempt door, and what is there is another one.
const doorNotExempt Code = "DOOR_NOT_EXEMPT"

var _ = register(positionObstacle, exemptDoors, doorExempt, doorNotExempt)

// exemptDoors names the doors that the policy exempts, what strangers reach through them,
// and the exemptions that count no more. That a load balancer compares paths as text, without
// resolving .. or decoding, is *unverified*.
func exemptDoors(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for i, one := range want.Doors {
		at := fmt.Sprintf("%s%s at %s", one.Host, one.Path, one.Frontend)
		if !one.In(p.ObservedAt) {
			continue
		}
		if why := void(p, want, i); why != "" {
			findings = append(findings, Finding{
				Code: doorNotExempt, Severity: High, Disposition: Remarks, Resource: one.Backend,
				Why: fmt.Sprintf("the exemption %s of %s does not count: %s", one.Ticket, at, why),
				Remedy: "let that route alone lead to the backend service, or have " + one.Owner + " correct the exemption; " +
					"until then the door is closed like any other",
			})
			continue
		}
		findings = append(findings, Finding{
			Code: doorExempt, Severity: Medium, Disposition: Remarks, Resource: one.Backend,
			Why: fmt.Sprintf("%s stays open and %s: %s", at, one.Describe(), one.Reason),
			Remedy: "path confusion: the load balancer compares paths as text, so strangers also reach every page that the " +
				"application serves for a path which only looks like " + one.Path + ", such as one with .., // or %2f; let the " +
				"application check that itself",
		})
	}
	return findings
}

// Exempting is the posture with the backend services marked whose one door the policy lets
// stay open at a time.
func Exempting(p posture.Posture, want policy.Wanted, now time.Time) posture.Posture {
	p.Backends = slices.Clone(p.Backends)
	for i, backend := range p.Backends {
		for j, one := range want.Doors {
			if one.Backend == backend.Resource() && one.In(now) && void(p, want, j) == "" {
				p.Backends[i].Exempt = one.Describe()
			}
		}
	}
	return p
}

// void is why one of the exemptions of doors does not count, "" = it does. What is not
// known ends it, since there may be another way.
func void(p posture.Posture, want policy.Wanted, exemption int) string {
	door := want.Doors[exemption]
	for i, other := range want.Doors {
		if i != exemption && other.Backend == door.Backend && other.In(p.ObservedAt) {
			return "two exemptions name the backend service"
		}
	}
	at := slices.IndexFunc(p.Backends, func(b posture.Backend) bool { return b.Resource() == door.Backend })
	switch {
	case len(p.Regions) > 0:
		return "doors of a multi-region service have no exemptions"
	case policy.Direct(p, want):
		return "IAP at the service itself asks at every door"
	case want.KeepIngress:
		return "the rule keeps the ingress, so that the service's own address would be open too"
	case p.BackendsUnread != "":
		return "what leads to the service is not known: " + p.BackendsUnread
	case at < 0:
		return "the backend service does not lead to the service"
	}
	return elsewhere(p, p.Backends[at], door.Frontend,
		posture.Frontend{Hosts: []string{door.Host}, Paths: []string{door.Path}})
}

// elsewhere is why a backend service is not reached by one route alone, "" = it is.
func elsewhere(p posture.Posture, b posture.Backend, frontend string, only posture.Frontend) string {
	if slices.Equal(only.Paths, []string{"/*"}) {
		only.Paths = nil
	}
	other := slices.IndexFunc(b.Members, func(m posture.Member) bool { return m.Target != p.Target })
	switch {
	case b.Guarded():
		return "IAP is on there"
	case other >= 0:
		return "the backend service also serves " + b.Members[other].Target.Name()
	case len(b.Frontends) == 0:
		return "nothing leads to the backend service"
	}
	for _, f := range b.Frontends {
		switch {
		case f.Unread != "":
			return "what leads to the backend service is not known: " + f.Unread
		case f.Resource != frontend:
			return "another frontend leads there: " + f.Resource
		case f.Mirror:
			return "copies of other requests are sent there"
		case !f.HTTPS:
			return "the frontend takes requests over plain HTTP"
		case !slices.Equal(f.Hosts, only.Hosts) || !slices.Equal(f.Paths, only.Paths):
			return fmt.Sprintf("another route leads there: %s%s", named(f.Hosts, "any host"), named(f.Paths, ""))
		}
	}
	if len(b.Frontends) > 1 {
		return "several routes lead there"
	}
	return ""
}

// named shows the first of some hosts or paths.
func named(some []string, none string) string {
	switch len(some) {
	case 0:
		return none
	case 1:
		return posture.Shown(some[0])
	}
	return fmt.Sprintf("%s and %d more", posture.Shown(some[0]), len(some)-1)
}
