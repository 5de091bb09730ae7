package memory

import (
	"fmt"
	"slices"
	"time"
)

// PlacedHold is a hold that a command placed. It stands beside those of the holds file.
type PlacedHold struct {
	// Scope is the resource name of what is held: a service, location, project, folder or
	// organization.
	Scope  string    `json:"scope"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"` // when it ends, or was lifted
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

// InForce reports whether a hold stops writes at a time.
func (h PlacedHold) InForce(at time.Time) bool { return at.Before(h.Until) }

// MostPlaced bounds the holds that are kept: half of a deployment's record at most, with the
// longest texts. Those that ended go first, and none in force is dropped.
const MostPlaced = 50

// PlaceHold adds holds that begin now: all, or none. Each ends an earlier one on the same
// scope, which is kept for 30 days: what a scope was held for bounds how long it can be held.
// PlaceHold fails where too many holds would be in force.
func (d *Deployment) PlaceHold(now time.Time, holds ...PlacedHold) error {
	now = now.UTC().Truncate(time.Second)
	next := Deployment{Placed: slices.DeleteFunc(slices.Clone(d.Placed),
		func(h PlacedHold) bool { return now.Sub(h.Until) > heldFor })}
	for _, hold := range holds {
		hold.Since, hold.Until = now, hold.Until.UTC().Truncate(time.Second)
		hold.Reason, hold.By = clip(hold.Reason), clip(hold.By)
		next.ResumeHold(hold.Scope, now)
		next.Placed = append(next.Placed, hold)
	}
	for len(next.Placed) > MostPlaced {
		oldest := slices.MinFunc(next.Placed, func(a, b PlacedHold) int { return a.Until.Compare(b.Until) })
		if oldest.InForce(now) {
			return fmt.Errorf("more than %d holds would be in force that commands placed: lift one, or hold a project or a folder",
				MostPlaced)
		}
		next.Placed = slices.DeleteFunc(next.Placed, func(h PlacedHold) bool { return h == oldest })
	}
	d.Placed = next.Placed
	return nil
}

// ResumeHold ends the hold on exactly this scope. It reports whether there was one.
func (d *Deployment) ResumeHold(scope string, now time.Time) bool {
	lifted := false
	for i, hold := range d.Placed {
		if hold.Scope == scope && hold.InForce(now) {
			d.Placed[i].Until, lifted = now.UTC().Truncate(time.Second), true
		}
	}
	return lifted
}
