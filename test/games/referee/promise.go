package referee

import (
	"strings"
	"time"
)

// wider holds P2. Who is named by the policy may get in where the service was public once,
// or where the rule takes private ones; so may who passes IAP where iapguard guards it: IAP
// decides then, and the bounds of P4 hold for who is let in there.
func (r *Referee) wider(now time.Time) {
	for v := range r.with.in {
		if r.sans.in[v] {
			continue
		}
		h := r.history[v.service]
		taken := h.public || r.game.Private != ""
		// A policy is in effect for a while after it was changed.
		lets := !h.let[v.who].IsZero() && now.Sub(h.let[v.who]) <= r.game.Delay+time.Second
		if v.who == alice && taken || h.public && lets || !h.takenBack.IsZero() { // who has it taken back may widen
			continue
		}
		row := ""
		withdrawn := event + r.game.Delay + 2*r.game.Slow
		switch let := h.let[v.who]; {
		case r.game.Private == "include" && lets && h.guarded && !h.stale[v.who]:
			row = "let in later"
		case r.game.Private == "behind-iap" && !let.IsZero() && (now.Sub(let) <= withdrawn || h.held):
			row = "let in just now"
		}
		r.breach("P2", row, "%s gets in to %s, and would not without iapguard", v, v.service)
	}
}

// reaches reports whether somebody gets in by some address.
func (r *Referee) reaches(s state, who person, service string) bool {
	for v := range s.in {
		if v.who == who && v.service == service {
			return true
		}
	}
	return false
}

// confused holds P11: a service that is not the adversary's, that never was public, and
// that the rule leaves alone, is as it would be without iapguard.
func (r *Referee) confused() {
	if r.game.Private != "" {
		return
	}
	for _, s := range r.game.Services {
		with, sans := r.with.facts[s.Name], r.sans.facts[s.Name]
		if !s.Mine && !r.history[s.Name].public && with.config != sans.config {
			r.breach("P11", "", "%s is %s, and would be %s without iapguard", s.Name, with.config, sans.config)
		}
	}
}

// MostAtFirst is how many services iapguard may take steps on in the first hour of a policy
// that can shut somebody out.
const MostAtFirst = 10

// Rested judges the end of a game: nothing was written since there were so many writes,
// though iapguard looked at everything.
func (r *Referee) Rested(writes int) {
	for _, w := range r.writes[writes:] {
		r.breach("P6", "", "a second look writes: %s", w)
	}
	if first := r.first(); first > MostAtFirst {
		r.breach("P9", "", "%d services were shut in the first hour", first)
	}
}

// first is how many services iapguard took steps on that can shut somebody out, within the
// first hour.
func (r *Referee) first() int {
	shut := map[string]bool{}
	for _, w := range r.writes {
		if w.Status < 300 && w.At.Sub(r.began) <= time.Hour && w.shuts() {
			path, _ := w.resource()
			shut[strings.TrimPrefix(path[strings.LastIndexByte(path, '/')+1:], "be-")] = true
		}
	}
	return len(shut)
}
