package referee

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
)

// Violation is a promise that is broken.
type Violation struct {
	Promise string // P2
	Row     string // of Bounds or Exclusions, "" = none
	Text    string
}

func (v Violation) String() string { return v.Promise + ": " + v.Text }

// Referee judges one game.
type Referee struct {
	game           play.Game
	Guarded, Alone Cloud // with iapguard, and without
	Trace          []string

	began      time.Time
	with, sans state
	history    map[string]*history // by service
	locked     map[lock]time.Time  // since when somebody is locked out
	tampered   bool                // somebody changed the memory
	found      []Violation
	writes     []Write
}

// history is what was seen of a service so far.
type history struct {
	public, shut bool      // it was public once, and then every door was seen shut
	closed       bool      // … and iapguard had the time to see it
	cut          bool      // a move took the way of those who are entitled
	cutAt        time.Time // when it did
	rerouted     bool      // a move led its load balancer elsewhere
	chosen       bool      // nothing can guard it
	cached       bool      // a move turned Cloud CDN on there, so that IAP cannot be
	open         time.Time // since when strangers get in, zero = they do not
	opened       time.Time // when a move last opened a door
	moves        int       // moves about it since it is open
	episodes     int       // how often it was open after it was shut
	uids         []string  // of the services of its name, the first one first
	plain        bool      // a move put a load balancer with plain HTTP before it
	// let is when IAP's policy last let somebody in.
	let map[person]time.Time
}

// lock is who is kept out of what.
type lock struct {
	who     person
	service string
	address string // of a private service, "" = of every address
}

// New returns the referee of a game whose start stands in both clouds.
func New(game play.Game, guarded, alone Cloud, now time.Time) *Referee {
	r := &Referee{game: game, Guarded: guarded, Alone: alone, began: now, history: map[string]*history{},
		locked: map[lock]time.Time{}}
	for _, s := range game.Services {
		r.history[s.Name] = &history{shut: s.Guarded, public: s.Guarded, let: map[person]time.Time{}}
	}
	r.lookAgain(true, now)
	r.judge(now)
	return r
}

// lookAgain looks at the cloud with iapguard, or at both.
func (r *Referee) lookAgain(both bool, now time.Time) {
	r.remember(now) // what is replaced now
	r.with = r.Guarded.look(r.game)
	if both {
		r.sans = r.Alone.look(r.game)
	}
}

// remember notes who passes IAP.
func (r *Referee) remember(now time.Time) {
	for name, h := range r.history {
		for _, who := range people {
			if r.with.facts[name].letsIn(who) {
				h.let[who] = now
			}
		}
	}
}

func (r *Referee) note(now time.Time, format string, args ...any) {
	r.Trace = append(r.Trace, fmt.Sprintf("%8s  ", now.Sub(r.began).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// Moved looks at both clouds after a move.
func (r *Referee) Moved(m play.Move, now time.Time) {
	r.note(now, "%s %s %s", m.Kind, m.Service, m.Who)
	r.tampered = r.tampered || m.Kind.Right() == kind.Rewriter
	if h := r.history[m.Service]; h != nil {
		h.plain = h.plain && m.Kind != kind.SideGone || m.Kind == kind.SidePlain
		if m.Kind.Cuts() {
			h.cut, h.cutAt = true, now
		}
		h.rerouted = h.rerouted && m.Kind != kind.RerouteBack || m.Kind == kind.Reroute
		h.cached = h.cached || m.Kind == kind.CDN
		h.moves++
		if m.Kind.Opens() {
			h.opened = now
		}
	}
	r.lookAgain(true, now)
	r.judge(now)
}

// Took looks at both clouds when something takes effect.
func (r *Referee) Took(now time.Time) {
	r.lookAgain(true, now)
	r.judge(now)
}

// Passed judges that time has passed.
func (r *Referee) Passed(now time.Time) { r.judge(now) }

// Wrote judges a write of iapguard, and looks at its cloud.
func (r *Referee) Wrote(w Write, now time.Time) {
	r.note(now, "       iapguard: %s", w)
	r.writes = append(r.writes, w)
	if why := w.excess(); why != "" {
		r.breach("P6", "", "%s: %s", w, why)
	}
	if w.Status >= 300 {
		return
	}
	r.lookAgain(r.game.Delay > 0, now)
	r.judge(now)
}

// Writes is how many writes of resources there were.
func (r *Referee) Writes() int { return len(r.writes) }

func (r *Referee) breach(promise, row, format string, args ...any) {
	v := Violation{promise, row, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.found, v) {
		r.found = append(r.found, v)
	}
}

// Found are the violations.
func (r *Referee) Found() []Violation { return r.found }

// judge compares the two clouds as they are now.
func (r *Referee) judge(now time.Time) {
	r.remember(now)
	for name, h := range r.history {
		h.public = h.public || r.with.facts[name].public || r.sans.facts[name].public
		if uid := r.with.facts[name].uid; uid != "" && !slices.Contains(h.uids, uid) {
			h.uids = append(h.uids, uid)
			if len(h.uids) > 1 { // another service of the name, which nobody guarded yet
				h.shut, h.closed = false, false
			}
		}
	}
	r.wider(now)
	r.lockedOut(now)
	r.confused()
	r.exposed(now)
}

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
		if v.who == alice && taken || h.public && lets {
			continue
		}
		row := ""
		if r.game.Private != "" && lets {
			row = "IAP decides"
		}
		r.breach("P2", row, "%s gets in to %s, and would not without iapguard", v, v.service)
	}
}

// Lasting is how long who is entitled may be kept out.
const Lasting = 7 * time.Minute

// unseen is how long a move may be unseen: iapguard writes what it decided before.
const unseen = 5 * time.Second

// young is how old a service is that is no longer new.
const young = 10 * time.Minute

// lockedOut holds P3.
func (r *Referee) lockedOut(now time.Time) {
	shut := map[lock]bool{}
	for name, h := range r.history {
		if r.reaches(r.with, alice, name) && now.Sub(h.cutAt) > unseen {
			h.cut = false
		}
		f := r.with.facts[name]
		for _, who := range []person{alice, bob, carol} {
			entitled := who == alice || who == bob && f.letsIn(bob)
			if entitled && r.reaches(r.sans, who, name) && !r.reaches(r.with, who, name) {
				shut[lock{who, name, ""}] = true
			}
		}
		if h.public {
			continue
		}
		for v := range r.sans.in {
			if v.service == name && v.who == carol && !r.with.in[v] {
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
		if r.history[l.service].cut || now.Sub(r.with.facts[l.service].made) < young || r.closes(l.service) {
			delete(r.locked, l)
			continue
		}
		since, known := r.locked[l]
		if !known {
			r.locked[l] = now
		} else if now.Sub(since) > Lasting {
			row := ""
			if l.address != "" && r.game.Private == "include" {
				row = "included"
			} else if r.game.Private == "behind-iap" && r.with.facts[l.service].letsIn(bob) {
				row = "not named"
			}
			r.breach("P3", row, "%s is kept out of %s %s for more than %s", l.who, l.service, l.address, Lasting)
		}
	}
}

// closes reports whether the rule closes a service as it is.
func (r *Referee) closes(service string) bool {
	return r.game.Stuck && isStuck(exposure{game: r.game, history: *r.history[service], facts: r.with.facts[service]})
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

// exposed holds P4.
func (r *Referee) exposed(now time.Time) {
	for name, h := range r.history {
		f := r.with.facts[name]
		open := r.reaches(r.with, nobody, name) || r.reaches(r.with, stranger, name)
		switch {
		case !open:
			if !h.open.IsZero() {
				r.within(name, h, f, now)
			}
			h.open, h.moves = time.Time{}, 0
			h.shut = h.shut || h.public && f.there && f.iap && !f.public
		case h.open.IsZero():
			h.closed = h.closed || h.shut && !r.began.IsZero() && now.Sub(r.began) > unseen
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

// within holds an open door against its bound.
func (r *Referee) within(name string, h *history, f facts, now time.Time) {
	at := exposure{game: r.game, history: *h, facts: f, began: r.began, tampered: r.tampered}
	for _, each := range Bounds {
		if !each.of(at) {
			continue
		}
		cannot := each.Name == stuck || each.Name == restarted
		if h.chosen && !cannot { // it can be guarded from now on
			h.open, h.opened, h.moves = now, now, 0
		}
		h.chosen = cannot
		since := h.open
		if each.lastOpened && h.opened.After(since) {
			since = h.opened
		}
		most := each.Most(r.game)
		if most > 0 && now.Sub(since) > most+slack+r.game.Delay {
			r.breach("P4", each.Name, "%s is open for more than %s: %s", name, most, each.Name)
		}
		return
	}
}

// slack is the latency of events and of a queue, which the bounds leave aside.
const slack = 3 * time.Second

// Start is said when iapguard begins: what is open already counts from now on.
func (r *Referee) Start(now time.Time) {
	for _, h := range r.history {
		if !h.open.IsZero() {
			h.open, h.opened = now, now
		}
		h.moves = 0
	}
	r.began = now
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
