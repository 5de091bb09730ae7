package door

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// regionDoors are the doors of a multi-region service: those in each region. A load
// balancer sends a request to any of them, so a door that several share is as loose as in
// the loosest.
func regionDoors(p posture.Posture) []Door {
	var doors []Door
	known := map[Door]int{}
	for _, part := range p.Parts() {
		for _, one := range Of(part) {
			place := Door{Kind: one.Kind, Address: one.Address, Via: one.Via, Count: one.Count}
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
		}
	}
	return doors
}
