package referee

import (
	"maps"
	"slices"
	"time"
)

// lock is who is kept out of what.
type lock struct {
	who     person
	service string
	address string // of a private service, "" = of every address
}

// Lasting is how long who is entitled may be kept out.
const Lasting = 7 * time.Minute

// young is how old a service is that is no longer new.
const young = 10 * time.Minute

// lockedOut holds P3. Where the rule includes private services, named invokers keep what
// they used; anywhere else they keep every address.
func (r *Referee) lockedOut(now time.Time) {
	shut := map[lock]bool{}
	for name, h := range r.history {
		maps.DeleteFunc(h.cut, func(who person, at time.Time) bool {
			return now.Sub(at) > unseen+r.game.Delay && r.reaches(r.with, who, name)
		})
		f := r.with.facts[name]
		for _, who := range []person{alice, bob, carol} {
			// What IAP's policy gives bob is worth nothing where no frontend leads there.
			entitled := who == alice || who == bob && f.letsIn(bob) && f.balanced && !h.rerouted
			if entitled && r.reaches(r.sans, who, name) && !r.reaches(r.with, who, name) {
				shut[lock{who, name, ""}] = true
			}
		}
		if h.public {
			continue
		}
		for v := range r.sans.in {
			counts := r.game.Private != "include" || slices.Contains(r.used, v) // the rest goes by the recipe
			if v.service == name && v.who == carol && counts && !r.with.in[v] {
				shut[lock{carol, name, v.address}] = true
			}
		}
	}
	for l := range r.locked {
		if !shut[l] {
			delete(r.locked, l)
		}
	}
	for l := range shut {
		_, cut := r.history[l.service].cut[l.who]
		h := r.history[l.service]
		chosen := h.held || !h.takenBack.IsZero() || r.game.Approve // by people
		if cut || chosen || now.Sub(r.with.facts[l.service].made) < young || r.closes(l.service) {
			delete(r.locked, l)
			continue
		}
		since, known := r.locked[l]
		if !known {
			r.locked[l] = now
		} else if now.Sub(since) > Lasting {
			row := ""
			if f := r.with.facts[l.service]; r.game.Private == "behind-iap" && (f.letsIn(bob) || f.letsIn(carol)) {
				row = "not named"
			} else if r.game.Private == "behind-iap" && !f.letsIn(alice) {
				row = "not let in"
			}
			r.breach("P3", row, "%s is kept out of %s %s for more than %s", l.who, l.service, l.address, Lasting)
		}
	}
}

// closes reports whether the rule closes a service as it is.
func (r *Referee) closes(service string) bool {
	return r.game.Stuck && isStuck(exposure{game: r.game, history: *r.history[service], facts: r.with.facts[service]})
}
