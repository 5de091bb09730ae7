package door

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// regionDoors are the doors of a multi-region service: those in each region. A load
// balancer sends a request to any of them, so a door that several share is as loose as in
// the loosest. Where load balancers of a region may not all be known, those of the others
// may lead there too.
func regionDoors(p posture.Posture) []Door {
	var doors []Door
	known := map[Door]int{}
	for _, part := range p.Parts() {
		for _, one := range Of(part) {
			place := Door{Kind: one.Kind, Address: one.Address, Via: one.Via, Count: one.Count, Names: one.Names}
			if strings.HasPrefix(one.Why, mirrored) {
				place.Why = mirrored // beside the door at which the same requests come in
			}
			at, there := known[place]
			if !there {
				known[place] = len(doors)
				doors = append(doors, one)
				continue
			}
			now := looser(judged{doors[at].Guard, doors[at].Why}, judged{one.Guard, one.Why})
			doors[at].Guard, doors[at].Why = now.guard, now.why
			if doors[at].Backend != one.Backend {
				doors[at].Backend = ""
			}
		}
	}
	for _, part := range p.Parts() {
		for _, unseen := range unseenDoors(part) {
			mayLeadTo(doors, judged{unseen.Guard, unseen.Why})
		}
	}
	return doors
}

// mayLeadTo makes the doors of load balancers as loose as what they may lead to.
func mayLeadTo(doors []Door, behind judged) {
	for i, one := range doors {
		if one.Kind == LoadBalancer || one.Kind == InternalLoadBalancer {
			now := looser(judged{one.Guard, one.Why}, behind)
			doors[i].Guard, doors[i].Why = now.guard, now.why
		}
	}
}
