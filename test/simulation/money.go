package simulation

import "math"

// bill is what a year of one way takes of Google's APIs, and costs in US dollars at list price.
type bill struct{ calls, dollars float64 }

const (
	kB      = 1000.0
	tebi    = 1 << 40
	gibi    = 1 << 30
	million = 1e6
	// memoryGiB is what an instance has by default, and listsAYear the lists of due work, one a minute.
	memoryGiB  = 0.5
	listsAYear = 365 * 24 * 60
	listPrice  = 0.005 / 1000
)

// bill adds up what a way took. A look by an event shares its instance with no other one; those
// of a sweep share it as far as the processor lets them. A poller is a job that reports nothing.
func (g *guard) bill() bill {
	r, second := g.result, g.w.of("vCPU")+memoryGiB*g.w.of("memory")
	if g.poll > 0 {
		calls := (r.regular+float64(r.tries))*g.w.of("audit calls") + float64(r.writes)
		return bill{calls, r.regular * g.w.of("audit seconds") * second}
	}
	d, s := g.shipped.deploy, g.shipped.sweep
	deploys, looks := float64(r.deploys), r.regular+float64(r.tries)
	sent := deploys*(d.eventKB+d.workKB+d.reportKB) + looks*(max(s.works, s.workKB)+max(s.reports, s.reportKB))
	busy := deploys*d.works*g.looking() + float64(r.tries)*g.looking() +
		r.regular*max(g.looking()/g.shipped.concurrency, s.cpuMS/1000)
	b := bill{calls: deploys*d.reads + looks*s.reads + float64(r.writes)}
	b.dollars = 2*sent*kB/tebi*g.w.of("Pub/Sub") + // it is published and delivered
		(deploys*(d.events+d.works)+looks*s.works)/million*g.w.of("requests") +
		busy*second +
		(deploys*d.logKB+looks*s.logKB)*kB/gibi*g.w.of("log") +
		(deploys*d.works+looks)/1000*g.w.of("object reads") + listsAYear*listPrice
	return b
}

// quantile is the least of the values that so large a share of them does not exceed. Spells that
// strangers did not meet count as zero: there are at least so many values as floor says.
func quantile(sorted []float64, floor int, share float64) float64 {
	n := max(len(sorted), floor)
	if n == 0 {
		return 0
	}
	at := int(math.Ceil(share*float64(n))) - 1 - (n - len(sorted))
	if at < 0 {
		return 0
	}
	return sorted[min(at, len(sorted)-1)]
}
