package referee

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
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
	used       []visit             // that were made before iapguard began
	tampered   bool                // somebody changed the memory
	gave       map[string]bool     // policies in which iapguard let in who is named
	found      []Violation
	writes     []Write
	consents
}

// history is what was seen of a service so far.
type history struct {
	public, shut bool      // it was public once, and then every door was seen shut
	closed       bool      // … and iapguard had the time to see it
	exempt       bool      // the policy exempts it
	private      bool      // it was not public for longer than grants take, until it was open
	privateAt    time.Time // since when it is not public, zero = it is
	publicAt     time.Time // since when it is public
	shutAt       time.Time // when iapguard first shut every door; zero = they were shut before
	beside       bool      // a move put a second load balancer before it at which IAP can go on
	rerouted     bool      // a move led its load balancer elsewhere
	chosen       bool      // nothing can guard it
	cached       bool      // a move turned Cloud CDN on there, so that IAP cannot be
	open         time.Time // since when strangers get in, zero = they do not
	opened       time.Time // when a move last opened a door
	moves        int       // moves about it since it is open
	undone       int       // how often a move turned IAP off
	episodes     int       // how often it was open after it was shut
	uids         []string  // of the services of its name, the first one first
	plain        bool      // a move put a load balancer before it at which IAP cannot go on
	// let is when IAP's policy last let somebody in.
	let     map[person]time.Time
	guarded bool // IAP was on there, and its agent could invoke it
	// listed is since when somebody is in IAP's policy, and stale are who iapguard could see there
	// when IAP guarded the service first, and are there since.
	listed map[person]time.Time
	stale  map[person]bool
	// cut is when a move last took the way of somebody who did not get in since.
	cut map[person]time.Time
	// mapped means that there is a URL map that leads to it, or was led elsewhere.
	mapped bool
	// held means that a hold covers it, and resumed that one did since it is open.
	held, resumed bool
	// freed is when the last of these holds ended.
	freed time.Time
	// limited means that iapguard said, since it is open, that a limit holds it.
	limited   bool
	takenBack time.Time // when a person last had something taken back there
}

// New returns the referee of a game whose start stands in both clouds.
func New(game play.Game, guarded, alone Cloud, now time.Time) *Referee {
	r := &Referee{game: game, Guarded: guarded, Alone: alone, began: now, history: map[string]*history{},
		locked: map[lock]time.Time{}, gave: map[string]bool{}, consents: consents{plans: map[string][]Step{},
			deeds: map[string]deed{}, wrote: map[string][]change{}, beats: map[int64]bool{}}}
	for _, s := range game.Services {
		r.history[s.Name] = &history{shut: s.Guarded, public: s.Guarded, exempt: s.Exempt, mapped: s.Balanced,
			let: map[person]time.Time{}, listed: map[person]time.Time{}, stale: map[person]bool{}, cut: map[person]time.Time{}}
	}
	r.lookAgain(true, now)
	r.judge(now)
	for v := range r.sans.in {
		if used := func(s play.Service) bool { return s.Name == v.service && s.Used }; v.who == carol &&
			slices.ContainsFunc(game.Services, used) {
			r.used = append(r.used, v)
		}
	}
	slices.SortFunc(r.used, func(a, b visit) int { return cmp.Compare(a.service+a.address, b.service+b.address) })
	return r
}

// Used are the addresses at which carol called services, before iapguard began.
func (r *Referee) Used() (services, addresses []string) {
	for _, v := range r.used {
		services, addresses = append(services, v.service), append(addresses, v.address)
	}
	return services, addresses
}

// lookAgain looks at the cloud with iapguard, or at both.
func (r *Referee) lookAgain(both bool, now time.Time) {
	r.remember(now) // what is replaced now
	r.with = r.Guarded.look(r.game)
	if both {
		r.sans = r.Alone.look(r.game)
	}
}

// remember notes who passes IAP, and who did so when it guarded a service first.
func (r *Referee) remember(now time.Time) {
	for name, h := range r.history {
		f := r.with.facts[name]
		first := !h.guarded && f.iap && f.agent
		h.guarded = h.guarded || first
		for _, who := range people {
			if f.letsIn(who) {
				h.let[who] = now
			}
			if !f.lists(who) {
				delete(h.listed, who)
			} else if h.listed[who].IsZero() {
				h.listed[who] = now
			}
			seen := now.Sub(h.listed[who]) > unseen
			h.stale[who] = f.lists(who) && (first && seen || h.stale[who])
		}
	}
}

func (r *Referee) note(now time.Time, format string, args ...any) {
	r.Trace = append(r.Trace, fmt.Sprintf("%8s  ", now.Sub(r.began).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// Said notes a move that is commands alone.
func (r *Referee) Said(m play.Move, now time.Time) {
	r.note(now, "%s %s", m.Kind, m.Service)
	r.did(m, "", now)
	r.tampered = r.tampered || m.Kind == consent.ForgeRun
}

// Moved looks at both clouds after a move. by is the account that made it, where it is one of
// people's.
func (r *Referee) Moved(m play.Move, by string, now time.Time) {
	r.note(now, "%s %s %s", m.Kind, m.Service, m.Who)
	r.did(m, by, now)
	r.tampered = r.tampered || m.Kind.Right() == kind.Rewriter
	if h := r.history[m.Service]; h != nil {
		h.plain = h.plain && m.Kind != kind.SideGone || besides(m.Kind)
		if m.Kind == kind.IAPOff && r.with.facts[m.Service].iap {
			h.undone++
		}
		if m.Kind.Cuts() {
			for _, who := range people {
				h.cut[who] = now
			}
		}
		h.mapped = h.mapped || m.Kind == kind.Balance
		h.rerouted = h.rerouted && m.Kind != kind.RerouteBack || m.Kind == kind.Reroute && h.mapped
		h.beside = h.beside && m.Kind != kind.SideGone || m.Kind == kind.SideBalance
		h.cached = h.cached || m.Kind == kind.CDN
		h.moves++
		if m.Kind.Opens() || m.Kind == consent.ApproverOpen {
			h.opened = now
		}
	}
	r.lookAgain(true, now)
	r.judge(now)
}

// besides reports whether a move puts a second frontend before a service at which IAP cannot
// go on.
func besides(k kind.Kind) bool {
	return k == kind.SidePlain || k == kind.SideCDN || k == kind.SideClassic || k == kind.SideShared
}

// Tool judges how a tool's write ended with iapguard and without it.
func (r *Referee) Tool(with, alone int) {
	if with >= 300 && alone < 300 {
		r.breach("tools", "", "a tool's write is answered with %d, and with %d without iapguard", with, alone)
	}
}

// MostOfLog is how much of the audit log an answer may hold.
const MostOfLog = 1 << 20

// Read judges how much of the log iapguard reads.
func (r *Referee) Read(bytes int) {
	if bytes > MostOfLog+MostOfLog/10 { // the bound is kept entry by entry
		r.breach("P5", "", "an answer of the log has %d bytes", bytes)
	}
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
	path, _ := w.resource()
	r.consented(w)
	if why := w.excess(r.gave[path]); why != "" {
		r.breach("P6", "", "%s: %s", w, why)
	}
	if w.Status >= 300 {
		return
	}
	if added, left := w.lets(); added || !left {
		r.gave[path] = added
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
		was := h.held
		h.held = r.hold(name, now) != nil || r.hold(name, now.Add(-woken)) != nil
		if was && !h.held {
			h.resumed, h.freed = true, now
		}
		h.public = h.public || r.with.facts[name].public || r.sans.facts[name].public
		if uid := r.with.facts[name].uid; uid != "" && !slices.Contains(h.uids, uid) {
			h.uids = append(h.uids, uid)
			if len(h.uids) > 1 { // another service of the name, which nobody guarded yet
				h.shut, h.closed, h.private, h.privateAt = false, false, false, time.Time{}
			}
		}
	}
	r.wider(now)
	r.lockedOut(now)
	r.confused()
	r.exposed(now)
}

// unseen is how long a move may be unseen: iapguard writes what it decided before.
const unseen = 5 * time.Second

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
