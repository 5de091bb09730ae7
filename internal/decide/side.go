package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/traffic"
)

// A load balancer beside the one that gets IAP keeps public members only where somebody
// relies on it: requests succeeded there in the last week, and in the week before the
// service was first seen open. Who may make a load balancer may also send requests to it,
// but not before that. Who sends them before they open the service keeps the public
// members, until the rule's whenStuck ends that. A backend service that has the name of
// one with visitors that was deleted counts as that one.

// metricKept is for how long the count of a load balancer can be read: six weeks, less the
// week that is looked at. Source: monitoring/quotas, data retention.
const metricKept = 35 * 24 * time.Hour

// Side is how many requests succeeded within a week by each backend service that somebody
// relies on, or why that is not known.
type Side struct {
	Served map[string]int64 // by the backend service's name under its API
	Unread error
}

// SideSpans are the weeks in which somebody must have come: that before the service was
// first seen open, and the last one.
func SideSpans(opened, now time.Time) (before, last Span) {
	now = now.Truncate(time.Minute)
	if opened = opened.Truncate(time.Minute); opened.After(now) || now.Sub(opened) > metricKept {
		opened = now
	}
	return Span{opened.Add(-usedFor), opened}, Span{now.Add(-usedFor), now}
}

// SideOf counts what succeeded by those backend services at which something did in both weeks.
func SideOf(before, last []traffic.Answer) map[string]int64 {
	served := func(answers []traffic.Answer) map[string]int64 {
		n := map[string]int64{}
		for _, answer := range answers {
			n[answer.Way.Backend] += traffic.Succeeded([]traffic.Answer{answer})
		}
		return n
	}
	earlier, found := served(before), map[string]int64{}
	for backend, n := range served(last) {
		if n > 0 && earlier[backend] > 0 {
			found[backend] = n
		}
	}
	return found
}

// markSides notes in the posture at which backend services nobody comes. Where that is not
// known, or not all of its frontends are, somebody does.
func (d *decider) markSides() {
	side := d.facts.Side
	if side == nil {
		return
	}
	if side.Unread != nil {
		d.unreadTraffic(side.Unread)
		return
	}
	mark := func(backends []posture.Backend) []posture.Backend {
		backends = slices.Clone(backends)
		for i, backend := range backends {
			_, complete := traffic.WaysTo(backend)
			backends[i].Served = side.Served[backend.Resource()]
			backends[i].Unused = complete && backends[i].Served == 0
		}
		return backends
	}
	p := d.facts.Posture
	p.Backends, p.Regions = mark(p.Backends), slices.Clone(p.Regions)
	for i := range p.Regions {
		p.Regions[i].Backends = mark(p.Regions[i].Backends)
	}
	d.facts.Posture = p
}

// askSides asks who comes by the load balancers, where public members stay because IAP is
// off at one of them and goes on, or is on, at another; or where they wait for IAP at one
// although it is on at another already.
func (d *decider) askSides() {
	if d.facts.Side != nil {
		return
	}
	on, planned, off := 0, 0, 0
	for _, backend := range d.facts.Posture.Reached() {
		turnsOn := func(s plan.Step) bool { return s.Op() == enableIAP && s.Resource == backend.Resource() }
		switch {
		case backend.IAPOn:
			on++
		case slices.ContainsFunc(d.plan.Steps, turnsOn):
			planned++
		default:
			off++
		}
	}
	stays := func(f protection.Finding) bool { return f.Change != nil && endsPublic(f.Change.Operation().Op) }
	waits := func(s plan.Step) bool { return endsPublic(s.Op()) && s.NotBefore.After(d.now) }
	if d.plan.Has(revokePublic, requireInvoker) {
		if on > 0 && planned > 0 && slices.ContainsFunc(d.plan.Steps, waits) {
			d.needs.Side = d.firstOpen()
		}
	} else if on+planned > 0 && off > 0 && slices.ContainsFunc(d.findings, stays) {
		d.needs.Side = d.firstOpen()
	}
}

// endsPublic reports whether an operation keeps the public from invoking the service.
func endsPublic(op plan.Op) bool { return op == revokePublic || op == requireInvoker }

// getsIAP reports whether a finding is about visitors of a load balancer that the plan turns
// IAP on at: they keep nothing open.
func (d *decider) getsIAP(f protection.Finding) bool {
	return f.Code == protection.SideTraffic && slices.ContainsFunc(d.plan.Steps,
		func(s plan.Step) bool { return s.Op() == enableIAP && s.Resource == f.Resource })
}

// firstOpen is when a door of the service was first seen open, of those that are open still.
func (d *decider) firstOpen() time.Time {
	first := d.now
	if known := d.facts.Memory; known != nil {
		first = earliest(first, known.OthersOpenSince)
		for _, one := range known.Doors {
			first = earliest(first, one.OpenSince)
		}
	}
	return first
}
