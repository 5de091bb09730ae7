package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/traffic"
)

// The harm detector looks at load balancers after the first steps that closed a service
// which is not new. It is harm when requests succeeded there before, none did afterwards,
// and some were refused. In three projects within an hour it holds that kind of step for
// services that are neither new nor were guarded before. What was guarded once is guarded
// again, and nothing is opened.
//
// The load balancer's metric has statuses alone. These count:
//
//   - Success is a 2xx or a 304. A redirect is not counted at all: IAP sends strangers to a
//     sign-in page by one.
//   - 403, 404 and 5xx are refusals. A 401 is one where no IAP is on before the service; IAP
//     answers so to programs without credentials, which are strangers.
//   - A 403 of IAP to somebody who signed in and is not entitled cannot be distinguished from
//     one to somebody who should be. Where a single person who is entitled gets in, it is
//     not harm.
//   - Nothing shows of who used the run.app address alone.
//
// An attacker would have the hold last, so that old services stay open. Who can reach a
// service can send the requests before and after, but must have begun a day before we
// closed it, must keep everybody else from getting in for ten minutes, and must do so in
// three projects within an hour. Each service counts once, at its first protection. While the hold
// lasts, no service that could count is closed, so that it ends an hour later; for another one the
// attacker needs three further old services that were never guarded. New services and
// re-protection go on, a report names each service that counted, and a person is paged.

const (
	// harmWindow is for how long load balancers are looked at, before and after.
	harmWindow = 10 * time.Minute
	// A step takes hold within a minute or two at every load balancer (*unverified*).
	takesHold = 2 * time.Minute
	// The count of a minute shows up to 90 seconds after its end, as remembered of
	// monitoring/api/metrics_gcp (*unverified*); a minute is sampled at its end.
	countsShow = 150 * time.Second
	// usedAgo is how old a use must be to count, and usedFor how far it is looked back.
	usedAgo = 24 * time.Hour
	usedFor = 7 * 24 * time.Hour
	// Fewer successes before than one a minute, or fewer refusals after, show nothing.
	enoughServed  = 10
	enoughRefused = 3
	// harmAfter is in how many projects it must happen.
	harmAfter = 3
	// saidFor is for how long reports of the service repeat it, and for how long a watch is
	// looked at that could not be before.
	saidFor = 24 * time.Hour
	// mostWatched bounds how many ways are watched.
	mostWatched = 20
)

// The verdicts of a watch.
const (
	verdictFine = "fine"
	verdictHarm = "harm"
)

// Span is a time from one whole minute to another.
type Span struct{ From, To time.Time }

// Spans are the times in which a watch compares: long before the steps, right before and
// after them.
type Spans struct{ Long, Before, After Span }

// SpansOf are the spans of a watch.
func SpansOf(w memory.Watch) Spans {
	began, held := w.Began.Truncate(time.Minute), w.Ended.Truncate(time.Minute).Add(takesHold)
	return Spans{
		Long:   Span{began.Add(-usedAgo - usedFor), began.Add(-usedAgo)},
		Before: Span{began.Add(-harmWindow), began},
		After:  Span{held, held.Add(harmWindow)},
	}
}

// WatchUntil is from when on the answers after the steps of a watch can be read.
func WatchUntil(w memory.Watch) time.Time { return SpansOf(w).After.To.Add(countsShow) }

// WaysOf are the ways of a watch.
func WaysOf(w memory.Watch) []traffic.Way {
	ways := make([]traffic.Way, len(w.Ways))
	for i, way := range w.Ways {
		ways[i] = traffic.Way(way)
	}
	return ways
}

// Aftermath is how load balancers answered in the spans of a watch, or why that is not known.
type Aftermath struct {
	Long, Before, After []traffic.Answer
	Unread              error
}

// verdict judges a watch. iap is whether IAP is on before the service.
func (a Aftermath) verdict(w memory.Watch, iap bool) memory.Watch {
	w.Served, w.Refused, w.Verdict = traffic.Succeeded(a.Before), refused(a.After, iap), verdictFine
	if traffic.Succeeded(a.Long) > 0 && w.Served >= enoughServed && traffic.Succeeded(a.After) == 0 &&
		w.Refused >= enoughRefused {
		w.Verdict = verdictHarm
	}
	return w
}

// refused counts the requests that were refused, as far as strangers cannot be meant.
func refused(answers []traffic.Answer, iap bool) (n int64) {
	for _, answer := range answers {
		if answer.Status == 403 || answer.Status == 404 || answer.Status >= 500 || answer.Status == 401 && !iap {
			n += answer.Requests
		}
	}
	return n
}

// watched judges what the memory has the service watched for, once that can be read, and
// says what came of it.
func (d *decider) watched() {
	known := d.facts.Memory
	if known == nil || known.Watch == nil || d.request.DryRun || d.now.Before(WatchUntil(*known.Watch)) ||
		d.now.Sub(known.Watch.Ended) >= saidFor {
		return
	}
	judged := *known.Watch
	if judged.Verdict == "" {
		switch found := d.facts.Aftermath; {
		case found == nil:
			d.needs.Aftermath = known.Watch
			return
		case found.Unread != nil:
			d.unreadTraffic(found.Unread)
			return
		default:
			judged = found.verdict(judged, guardedByIAP(d.facts.Posture))
			d.watch = &judged
		}
	}
	if judged.Verdict != verdictHarm {
		return
	}
	d.findings = append(slices.Clip(d.findings), harmFinding(d.facts.Posture, judged))
	for _, op := range judged.Ops {
		counted := func(f memory.Failure) bool { return f.Harm && f.Op == op }
		if d.watch == nil || slices.ContainsFunc(d.run.Unheld, counted) {
			continue // it was counted when it was judged
		}
		d.run.Unheld = append(slices.Clip(d.run.Unheld), memory.Failure{
			Project: d.facts.Posture.Target.Project, Service: d.facts.Posture.Target.Name(),
			Resource: d.facts.Posture.Target.Name(), Op: op, At: d.now, Harm: true,
		})
	}
}

// guardedByIAP reports whether IAP answers somewhere before a service.
func guardedByIAP(p posture.Posture) bool {
	return p.Service.IAPOn || slices.ContainsFunc(p.Backends, posture.Backend.Guarded)
}

func harmFinding(p posture.Posture, w memory.Watch) protection.Finding {
	after := SpansOf(w).After
	return protection.Finding{
		Code: protection.Harm, Severity: protection.High, Disposition: protection.Remarks, Resource: p.Target.Name(),
		Why: fmt.Sprintf("%d requests at its load balancers succeeded in the ten minutes before run %s closed it, and "+
			"none from %s to %s, when %d were refused", w.Served, w.Run, after.From.UTC().Format(time.RFC3339),
			after.To.UTC().Format(time.RFC3339), w.Refused),
		Remedy: "look whether the accessors of the rule are right; iapguard undo " + RunName(w.Run) + " holds the service and " +
			"takes the run back",
	}
}

// unreadTraffic notes that the answers of load balancers could not be read.
func (d *decider) unreadTraffic(err error) { d.alsoUnread(UnreadTraffic(d.facts.Posture.Target, err)) }

// UnreadTraffic is why the answers of the load balancers before a service are not known.
func UnreadTraffic(target posture.Target, err error) posture.Unread {
	return posture.Unread{Resource: "projects/" + target.Project + "/timeSeries", Why: err.Error(),
		Permission: fault.Of(err).Permission}
}

// alsoUnread notes facts that could not be read, each once.
func (d *decider) alsoUnread(facts ...posture.Unread) {
	for _, unread := range facts {
		if !slices.Contains(d.run.Unread, unread) {
			d.run.Unread = append(slices.Clip(d.run.Unread), unread)
		}
	}
}

// watching is what is to be watched after this run, nil = nothing new: the first steps that
// closed a service which is not new, behind load balancers.
func (d *decider) watching() *memory.Watch {
	if d.watch != nil {
		return d.watch
	}
	if d.request.DryRun || d.looksNew() {
		return nil
	}
	var before *memory.Watch
	if known := d.facts.Memory; known != nil {
		if before = known.Watch; !known.GuardedSince.IsZero() && (before == nil || before.Verdict != "") {
			return nil // it was guarded before
		}
	}
	made := memory.Watch{}
	for _, step := range d.run.Done {
		if step.Result != report.StepDone || !slices.Contains(harmfulOps, plan.Op(step.Op)) || step.At == nil ||
			before != nil && before.Verdict != "" && !step.At.After(before.Ended) {
			continue
		}
		at := step.At.UTC().Round(0)
		if made.Began.IsZero() || at.Before(made.Began) {
			made.Began = at
		}
		made.Ended = latest(made.Ended, at)
		if !slices.Contains(made.Ops, step.Op) {
			made.Ops = append(made.Ops, step.Op)
		}
	}
	ways, _ := traffic.Ways(d.facts.Posture) // those that are not read are not watched
	for _, way := range ways[:min(len(ways), mostWatched)] {
		made.Ways = append(made.Ways, memory.Way(way))
	}
	if len(made.Ops) == 0 || len(made.Ways) == 0 {
		return nil
	}
	return &made
}

// harmfulOps are the kinds of steps that close a service.
var harmfulOps = append([]plan.Op{enableIAP, enableDirectIAP}, closers...)

// harmfulNow is why the harm detector holds a kind of step, nil = it does not.
func harmfulNow(step plan.Step, failures []memory.Failure) *Holdup {
	kind, projects := ofKind(step, failures, true), map[string]bool{}
	for _, failure := range kind {
		projects[failure.Project] = true
	}
	if len(projects) < harmAfter {
		return nil
	}
	until := windowAfter(kind)
	return &Holdup{fmt.Sprintf("the harm detector holds %s until %s: in %d projects nobody got in at load balancers any "+
		"more after it", step.Op(), until.Format(time.RFC3339), len(projects)), until}
}

// restores reports whether a step guards again what was guarded before, or may do so.
func (d *decider) restores(step plan.Step) bool {
	known := d.facts.Memory
	return d.facts.MemoryUnread || known != nil && !known.GuardedSince.IsZero() || d.tookBefore(step)
}
