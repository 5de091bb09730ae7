package posture

import "strings"

// MappedDomain is a host of somebody's own that Cloud Run itself leads to the
// service, past every load balancer.
const MappedDomain DoorKind = "domain-mapping"

// Domain is one host that is mapped to the service. One whose certificate is
// not issued yet counts too: nothing of ours is told when it is.
type Domain struct {
	Host     string // "shop.example.com"
	Resource string // the mapping's name under its API
}

// DomainsResource is the name of the list of a region's domain mappings.
func (t Target) DomainsResource() string {
	return "projects/" + t.Project + "/locations/" + t.Location + "/domainmappings"
}

// domainDoors are the mapped hosts. They are kept like a run.app address that
// is switched on: the ingress setting and IAP at the service hold for every
// way in, and switching the default URL off does not close them.
// Sources: run/docs/securing/ingress ("all network ingress paths"); that IAP
// at the service holds here too follows from reports of certificates that are
// not issued behind it.
func (p Posture) domainDoors() []Door {
	var doors []Door
	for _, domain := range p.Domains {
		doors = append(doors, Door{Kind: MappedDomain, Address: "https://" + domain.Host, Via: domain.Resource, Guard: p.ownGuard()})
	}
	if p.DomainsUnread != "" && p.ownGuard() == GuardOpen {
		doors = append(doors, Door{Kind: MappedDomain, Via: p.Target.DomainsResource(), Guard: GuardUnknown, Why: p.DomainsUnread})
	}
	return doors
}

// mappedToo names the mapped hosts beside the default URL, in words.
func (p Posture) mappedToo() string {
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
