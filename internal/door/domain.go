package door

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// mappedDomain is a host of somebody's own that Cloud Run itself leads to the
// service, past every load balancer.
const mappedDomain Kind = "domain-mapping"

// DomainDoors are the mapped hosts. They are kept like a run.app address that
// is switched on: the ingress setting and IAP at the service hold for every
// way in, and switching the default URL off does not close them.
// Sources: run/docs/securing/ingress ("all network ingress paths"); that IAP
// at the service holds here too follows from reports of certificates that are
// not issued behind it.
func DomainDoors(p posture.Posture) []Door {
	var doors []Door
	for _, domain := range p.Domains {
		doors = append(doors,
			ownGuard(p).door(Door{Kind: mappedDomain, Address: "https://" + domain.Host, Via: domain.Resource}))
	}
	if p.DomainsUnread != "" && ownGuard(p).guard.Exposed() {
		doors = append(doors,
			Door{Kind: mappedDomain, Via: p.Target.DomainsResource(), Guard: GuardUnknown, Why: p.DomainsUnread})
	}
	return doors
}

// MappedToo names the mapped hosts beside the default URL, in words.
func MappedToo(p posture.Posture) string {
	var hosts []string
	for _, domain := range p.Domains {
		hosts = append(hosts, domain.Host)
	}
	switch len(hosts) {
	case 0:
		return ""
	case 1:
		return " and the mapped domain " + hosts[0]
	}
	return " and the mapped domains " + strings.Join(hosts, ", ")
}
