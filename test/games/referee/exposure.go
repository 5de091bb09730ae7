package referee

import (
	"slices"
	"time"
)

// exposed holds P4.
func (r *Referee) exposed(now time.Time) {
	for name, h := range r.history {
		f := r.with.facts[name]
		h.seePrivate(f, now)
		open := r.reaches(r.with, nobody, name) || r.reaches(r.with, stranger, name)
		switch {
		case !open:
			if !h.open.IsZero() {
				r.within(name, h, f, now)
			}
			h.open, h.moves, h.resumed, h.freed, h.limited = time.Time{}, 0, false, time.Time{}, false
			if !h.shut && h.public && f.there && f.iap && !f.public {
				h.shut = true
				if !r.began.IsZero() {
					h.shutAt = now
				}
			}
		case h.open.IsZero():
			// Until the grants of its first protection hold, what is opened again is not closed.
			h.closed = h.closed || h.shut && !r.began.IsZero() && now.Sub(r.began) > unseen &&
				(h.shutAt.IsZero() || now.Sub(h.shutAt) > propagation)
			h.open = now
			if h.opened.IsZero() || now.Sub(h.opened) > time.Minute {
				h.opened = now
			}
			if h.closed {
				h.episodes++
			}
		default:
			r.within(name, h, f, now)
		}
	}
}

// seePrivate notes whether a service is private.
func (h *history) seePrivate(f facts, now time.Time) {
	switch {
	case f.public || !f.there:
		if !h.privateAt.IsZero() {
			h.publicAt = now
		}
		// For as long as grants of iapguard's may not hold yet, it may be in the midst of a protection.
		h.private = h.private || !h.privateAt.IsZero() && now.Sub(h.privateAt) > propagation
		h.privateAt = time.Time{}
	case h.privateAt.IsZero():
		h.private, h.privateAt = false, now
	}
}

// within holds an open door against its bound.
func (r *Referee) within(name string, h *history, f facts, now time.Time) {
	at := exposure{game: r.game, history: *h, facts: f, began: r.began, tampered: r.tampered}
	for _, each := range Bounds {
		if !each.of(at) {
			continue
		}
		cannot := slices.Contains([]string{stuck, restarted, beside, held, approve}, each.Name)
		if h.chosen && !cannot { // it can be guarded from now on
			h.open, h.opened, h.moves, h.private = now, now, 0, false
		}
		h.chosen = cannot
		since := h.open
		if each.lastOpened && h.opened.After(since) {
			since = h.opened
		}
		most := each.Most(r.game)
		if cannot && h.resumed && now.Sub(h.freed) <= first+time.Minute+slack+r.game.Delay {
			return // as the row resumed has it: what became due meanwhile is done from the hold's end on
		}
		if most > 0 && now.Sub(since) > most+slack+r.game.Delay {
			r.breach("P4", each.Name, "%s is open for more than %s: %s", name, most, each.Name)
		}
		return
	}
}

// slack is the latency of events and of a queue, which the bounds leave aside.
const slack = 3 * time.Second
