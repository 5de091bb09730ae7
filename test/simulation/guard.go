package simulation

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/workqueue"
)

// way is a way of guarding an organization.
type way struct {
	name   string
	events bool    // deploys lead to looks
	sweeps bool    // so does the shipped schedule
	poll   float64 // every so many seconds each service is read, and closed at once; 0 = no poller
	// policies is the quota for reads of projects' policies a minute; 0 = the published one.
	policies float64
	// noRetries leaves what failed to the next event, sweep or poll.
	noRetries bool
}

// state is a service that is not as it should be, or was not a moment ago.
type state struct {
	set, felt drift      // as configured, and as strangers meet it
	inForce   [5]float64 // when the last change of each setting is in force
	pending   int        // changes that are not in force yet
	touched   float64
	created   float64
	wanted    float64 // since when steps are wanted; 0 = none are
	guarded   bool
	busy      bool    // a write is under way
	turn      uint32  // of the look that counts; an earlier one is void
	attempts  int     // deliveries in a row that failed
	accepted  float64 // when the message of these came first
	queued    bool    // a sweep or poll will look
	deploys   int     // that opened it
	wave      bool    // one of them was one of many
	openSince float64
	feltSince float64
	shutSince float64
}

// moment is one entry of the queue of events.
type moment struct {
	at      float64
	order   uint64
	kind    kind
	service int32
	turn    uint32
	drift   drift
}

type kind uint8

const (
	delivered kind = iota + 1 // a message leads to a look
	resumed                   // a look that was waited for
	wrote                     // a write is done
	inForce                   // a change is felt
	regular                   // a sweep or a poll reaches the service
)

type queue []moment

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(moment)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// guard plays one way of guarding.
type guard struct {
	way
	o       *organization
	w       world
	shipped *shipped
	random  *rand.Rand
	ask     *decisions

	queue  queue
	order  uint64
	states map[int32]*state
	again  *reconcile.Again
	first  map[int32][]float64 // times of first protections, by project
	writes map[int32]float64   // when the quota of a project's writes is empty, theoretically

	log, policyDelay, settingDelay delay

	round  rounds
	result result
}

// rounds is how sweeps or polls go through the services.
type rounds struct {
	each  float64 // seconds between two beginnings
	first float64 // when the first one of the year begins
	takes float64 // seconds until all were looked at
	// reached is the share of the services that one reaches, and refused the share of attempts that
	// the quota refuses while one is under way: sweeps wait for it.
	reached, refused float64
}

// result is what came of a year.
type result struct {
	way               way
	deploys, opened   int
	closed, stillOpen int
	alone, many       spells    // of openings by one deploy, and by one of many in its project
	locked            []float64 // minutes in which nobody who is entitled got in
	tries, writes     int
	refusals, givenUp int
	round             rounds
	regular           float64 // looks of sweeps or polls
}

// spells are minutes for which services were open: as configured, and as strangers met it.
type spells struct{ configured, felt []float64 }

// of are the spells that a service's count among.
func (r *result) of(st *state) *spells {
	if st.wave {
		return &r.many
	}
	return &r.alone
}

// product is what is simulated beside the organization: the product's decisions, and what deploy/
// ships.
type product struct {
	shipped        *shipped
	waits, closing *decisions // of a policy by default, and of one that waits for nothing
}

func newProduct() (*product, error) {
	s, err := readShipped()
	if err != nil {
		return nil, err
	}
	p := &product{shipped: s}
	if p.waits, err = newDecisions(byDefault); err != nil {
		return nil, err
	}
	p.closing, err = newDecisions(atOnce)
	return p, err
}

func newGuard(o *organization, p *product, v way) *guard {
	ask := p.waits
	if v.poll > 0 {
		ask = p.closing
	}
	w := o.world
	g := &guard{way: v, o: o, w: w, shipped: p.shipped, ask: ask, states: map[int32]*state{}, again: &reconcile.Again{},
		random: rand.New(rand.NewPCG(o.seed, streamGuard)), first: map[int32][]float64{}, writes: map[int32]float64{},
		log:          newDelay(w.of("log p50"), w.of("log p99"), score99),
		policyDelay:  newDelay(w.of("policy p50"), w.of("policy p95"), score95),
		settingDelay: newDelay(w.of("setting p50"), w.of("setting p95"), score95),
		result:       result{way: v},
	}
	g.round = g.roundsOf()
	g.result.round = g.round
	return g
}

// looking is how long the reads of one look take.
func (g *guard) looking() float64 { return g.w.of("reads in a row") * g.w.of("call") }

// roundsOf is how sweeps or polls go on, by what instances and quotas let through.
func (g *guard) roundsOf() rounds {
	services := g.w.of("services")
	quota := g.policies
	if quota == 0 {
		quota = g.w.of("project policies")
	}
	perSecond := quota / 60
	if g.poll > 0 {
		takes := max(services*g.w.of("audit seconds"), float64(g.o.projects())/perSecond)
		// A poller is as many processes as it takes, so only the quota makes it slower.
		return rounds{each: max(g.poll, float64(g.o.projects())/perSecond), takes: min(takes, g.poll), reached: 1}
	}
	if !g.sweeps {
		return rounds{}
	}
	first := g.shipped.sweeps.Next(year.Add(-time.Second))
	each := g.shipped.sweeps.Next(first).Sub(first).Seconds()
	able := min(g.shipped.instances*g.shipped.concurrency/g.looking(), g.shipped.instances*1000/g.shipped.sweep.cpuMS)
	// The looks of a sweep share the policy of their project, in each instance. Those of events read it
	// themselves, and come first come, first served.
	left := max(perSecond/2, perSecond-2*g.eachSecond()) * services / g.o.readers(g.shipped.instances)
	r := rounds{each: each, first: first.Sub(year).Seconds(), takes: services / min(able, left), reached: 1}
	if left < able {
		r.refused = g.w.of("refused while paced")
	}
	if r.takes > each {
		r.reached, r.takes = each/r.takes, each
	}
	return r
}

// eachSecond is how many deploys come in a second of a working hour.
func (g *guard) eachSecond() (rate float64) {
	for _, c := range g.o.clusters {
		rate += c.deploys * float64(c.services) / end
	}
	return rate * g.o.weight(10)
}

// play plays the year.
func (g *guard) play() (result, error) {
	for next := range g.o.deploys {
		if err := g.until(next.at); err != nil {
			return result{}, err
		}
		g.deployed(next)
	}
	if err := g.until(end); err != nil {
		return result{}, err
	}
	g.closeBooks()
	return g.result, nil
}

// until plays everything before a time.
func (g *guard) until(at float64) error {
	for len(g.queue) > 0 && g.queue[0].at < at {
		next := heap.Pop(&g.queue).(moment)
		st := g.states[next.service]
		if st == nil {
			continue
		}
		if err := g.happens(next, st); err != nil {
			return err
		}
		if st.set == 0 && st.felt == 0 && st.pending == 0 && !st.busy {
			delete(g.states, next.service)
		}
	}
	return nil
}

func (g *guard) happens(m moment, st *state) error {
	switch m.kind {
	case inForce:
		g.feel(m, st)
		return nil
	case wrote:
		return g.written(m, st)
	case regular:
		st.queued = false
		if st.set == 0 {
			return nil
		}
		g.queueRegular(m.service, m.at, st)
		return g.look(m, st)
	case resumed:
		if m.turn != st.turn {
			return nil
		}
	}
	return g.look(m, st)
}

// push puts a moment into the queue.
func (g *guard) push(m moment) {
	g.order++
	m.order = g.order
	heap.Push(&g.queue, m)
}

// after is a time, or the end of the outage that it lies in.
func (g *guard) after(at float64) float64 {
	for _, out := range g.o.outages {
		if at >= out.from && at < out.to {
			return out.to + g.random.Float64()*60
		}
	}
	return at
}

// deployed is what a deploy does.
func (g *guard) deployed(d deploy) {
	g.result.deploys++
	st := g.states[d.service]
	if st == nil {
		if d.drift == 0 {
			return
		}
		st = &state{guarded: true}
		g.states[d.service] = st
	}
	if d.fresh {
		st.guarded, st.created = false, d.at
	}
	before := st.set
	st.set |= d.drift
	st.touched = d.at
	for bit := range 5 {
		if one := drift(1 << bit); st.set&one != 0 && before&one == 0 {
			g.changes(d.service, st, one, d.at)
		}
	}
	if d.drift != 0 && open[st.set] && (!open[before] || open[d.drift]) {
		g.result.opened++
		if st.deploys++; !open[before] {
			st.openSince, st.wave = d.at, false
		}
		st.wave = st.wave || d.wave
	}
	if st.set == 0 {
		return
	}
	if g.events && !d.lost {
		g.push(moment{at: g.after(d.at+g.log.draw(g.random)) + g.looking(), kind: delivered, service: d.service})
	}
	g.queueRegular(d.service, d.at, st)
}

// queueRegular says when the next sweep or poll reaches a service.
func (g *guard) queueRegular(service int32, now float64, st *state) {
	if g.round.each == 0 || st.queued {
		return
	}
	place := float64(service) / float64(len(g.o.project))
	for began := g.round.before(now); ; began += g.round.each {
		// A later sweep may reach what this one does not.
		if at := began + place*g.round.takes; at > now && g.random.Float64() < g.round.reached {
			st.queued = true
			g.push(moment{at: g.after(at) + g.looking(), kind: regular, service: service})
			return
		}
	}
}

// before is when the round began that is the last before a time.
func (r rounds) before(now float64) float64 {
	return r.first + math.Floor((now-r.first)/r.each)*r.each
}

// sweeping reports whether a sweep is under way.
func (g *guard) sweeping(at float64) bool {
	return g.round.refused > 0 && at-g.round.before(at) < g.round.takes
}

// look is one delivery, or one round of it.
func (g *guard) look(m moment, st *state) error {
	if st.busy || st.set == 0 {
		return nil // the write that is under way is followed by a look
	}
	if m.kind != resumed {
		st.attempts, st.accepted = 0, m.at
	}
	return g.try(m.service, m.at, st)
}

// try reads, and does what the product decides.
func (g *guard) try(service int32, at float64, st *state) error {
	g.result.tries++
	if g.poll == 0 && g.sweeping(at) && g.random.Float64() < g.round.refused {
		g.result.refusals++
		g.redeliver(service, at, st)
		return nil
	}
	if st.wanted == 0 {
		st.wanted = at
	}
	s := situation{drift: st.set, guarded: st.guarded,
		created: seconds(at - st.created), touched: seconds(at - st.touched), wanted: seconds(at - st.wanted)}
	if g.poll > 0 { // it waits for nothing
		s.created, s.touched, s.wanted = math.MaxInt32, math.MaxInt32, 0
	}
	for {
		v, err := g.ask.decide(s)
		switch {
		case err != nil:
			return err
		case v.step != 0:
			g.write(service, at, st, v.step)
			return nil
		case v.wait > 0:
			g.resume(service, g.due(float64(v.wait), at), st)
			return nil
		case v.again || v.first:
			if next := g.slot(service, at, v.first); next > at {
				g.resume(service, next, st)
				return nil
			}
			s.counted = true
		default:
			return nil
		}
	}
}

// due is when a wait ends: a short one is held, a longer one is woken by the schedule.
func (g *guard) due(wait, now float64) float64 {
	if wait <= workqueue.HoldAtMost.Seconds() {
		return now + wait
	}
	next := g.shipped.due.Next(year.Add(time.Duration((now + wait) * 1e9)))
	return g.after(next.Sub(year).Seconds()) + g.looking()
}

func seconds(d float64) int32 { return int32(min(d, end)) }

func (g *guard) resume(service int32, at float64, st *state) {
	st.turn++
	g.push(moment{at: at, kind: resumed, service: service, turn: st.turn})
}

// redeliver is what becomes of a delivery that failed.
func (g *guard) redeliver(service int32, at float64, st *state) {
	if g.poll > 0 || g.noRetries {
		return // the next poll sees it
	}
	if st.attempts++; st.attempts >= g.shipped.attempts || at-st.accepted >= function.GiveUpAfter.Seconds() {
		g.result.givenUp++
		return
	}
	pause := min(g.shipped.maxBackoff, g.shipped.minBackoff*math.Pow(2, float64(st.attempts-1)))
	g.resume(service, g.after(at+pause)+g.looking(), st)
}

// slot is when the limits let the service in.
func (g *guard) slot(service int32, at float64, first bool) float64 {
	if g.poll > 0 {
		return at
	}
	project, now := g.o.project[service], year.Add(time.Duration(at*1e9))
	if !first {
		slot := g.again.Take(strconv.Itoa(int(project)), strconv.Itoa(int(service)), now)
		if slot.UsedUp == "" {
			return at
		}
		return slot.Until.Sub(year).Seconds() + 0.5
	}
	limits := policy.DefaultSettings().Limits
	window := memory.Window.Seconds()
	recent := g.first[project][:0]
	for _, taken := range g.first[project] {
		if at-taken < window {
			recent = append(recent, taken)
		}
	}
	g.first[project] = recent
	if len(recent) >= limits.PerProject {
		return recent[0] + window
	}
	g.first[project] = append(recent, at)
	return at
}

// write begins a write.
func (g *guard) write(service int32, at float64, st *state, step drift) {
	st.busy = true
	takes := g.w.of("policy write")
	if step&(openIngress|iapOff) != 0 {
		takes = g.w.of("setting write")
	}
	if step != iapOff && step != accessLost { // the others are writes of Cloud Run
		project, gap := g.o.project[service], 60/g.w.of("run writes")
		empty := max(g.writes[project], at)
		takes += max(0, empty-at-60)
		g.writes[project] = empty + gap
	}
	g.push(moment{at: at + takes, kind: wrote, service: service, drift: step})
}

// written is the end of a write.
func (g *guard) written(m moment, st *state) error {
	st.busy = false
	g.result.writes++
	if g.random.Float64() < g.w.of("failed writes") {
		g.redeliver(m.service, m.at, st)
		return nil
	}
	wasOpen := open[st.set]
	st.set &^= m.drift
	g.changes(m.service, st, m.drift, m.at)
	if wasOpen && !open[st.set] {
		spells := g.result.of(st)
		spells.configured = append(spells.configured, (m.at-st.openSince)/60)
		g.result.closed += st.deploys
		st.deploys = 0
	}
	if st.set == 0 {
		st.guarded, st.wanted, st.attempts = true, 0, 0
		st.turn++
		return nil
	}
	return g.try(m.service, m.at+g.looking(), st)
}

// changes is when a change of a setting is in force: not before an earlier one of it.
func (g *guard) changes(service int32, st *state, one drift, at float64) {
	takes := g.policyDelay
	if one&(openIngress|iapOff) != 0 {
		takes = g.settingDelay
	}
	for bit := range 5 {
		if one != 1<<bit {
			continue
		}
		st.inForce[bit] = max(st.inForce[bit], at+takes.draw(g.random))
		st.pending++
		m := moment{at: st.inForce[bit], kind: inForce, service: service, drift: one}
		if st.set&one != 0 {
			m.turn = 1 // it begins to differ
		}
		g.push(m)
	}
}

// feel is a change that comes into force.
func (g *guard) feel(m moment, st *state) {
	st.pending--
	before := st.felt
	if st.felt &^= m.drift; m.turn == 1 {
		st.felt |= m.drift
	}
	switch {
	case open[st.felt] && !open[before]:
		st.feltSince = m.at
	case open[before] && !open[st.felt]:
		spells := g.result.of(st)
		spells.felt = append(spells.felt, (m.at-st.feltSince)/60)
	}
	switch {
	case st.felt.shutOut() && !before.shutOut():
		st.shutSince = m.at
	case before.shutOut() && !st.felt.shutOut():
		g.result.locked = append(g.result.locked, (m.at-st.shutSince)/60)
	}
}

// closeBooks counts what the year leaves open.
func (g *guard) closeBooks() {
	for _, service := range sortedKeys(g.states) {
		st := g.states[service]
		if open[st.set] {
			g.result.stillOpen += st.deploys
			spells := g.result.of(st)
			spells.configured = append(spells.configured, (end-st.openSince)/60)
		}
		if open[st.felt] {
			spells := g.result.of(st)
			spells.felt = append(spells.felt, (end-st.feltSince)/60)
		}
	}
	if g.round.each > 0 {
		g.result.regular = float64(len(g.o.project)) * end / g.round.each * g.round.reached
	}
}
