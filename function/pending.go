package function

import (
	"maps"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// pending lets several causes for one target lead to one reconcile: while a
// target has to settle or a grant to propagate, further causes wait beside the
// first without costing a call, and whichever comes back first when it is time
// does the work for all that have been waiting.
//
// It is one instance's memory and only ever saves work: another instance, or
// this one after a restart, just looks again.
type pending struct {
	mu       sync.Mutex
	targets  map[posture.Target]*backlog
	absorbed map[string]time.Time // cause and target → until when it is remembered
}

// backlog is what waits for one target.
type backlog struct {
	first   time.Time // when the first of the causes came
	until   time.Time // when the work is due
	waiting map[string]bool
}

const (
	// settleAtMost bounds how long touching a service again and again can
	// postpone its protection.
	settleAtMost = 10 * time.Minute
	// remember is longer than any backoff between two deliveries.
	remember = 15 * time.Minute
	// mostRemembered bounds the memory; beyond it work is done twice.
	mostRemembered = 100_000
)

// verdict is what becomes of a delivered cause.
type verdict int

const (
	runNow verdict = iota
	waitMore
	alreadyDone
)

// arrive decides about one delivery. urgent causes say that what was waited
// for has come, so they do not wait.
func (p *pending) arrive(target posture.Target, key string, urgent bool, now time.Time) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until, ok := p.absorbed[target.Name()+key]; ok && now.Before(until) {
		return alreadyDone
	}
	b := p.targets[target]
	if b == nil || urgent || !now.Before(b.until) {
		return runNow
	}
	b.waiting[key] = true
	return waitMore
}

// settleBy is when the target's settle time ends at the latest.
func (p *pending) settleBy(target posture.Target, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.targets[target]; b != nil {
		return b.first.Add(settleAtMost)
	}
	return now.Add(settleAtMost)
}

// deferred notes that a cause's work is due later.
func (p *pending) deferred(target posture.Target, key string, until, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.targets == nil {
		p.targets = map[posture.Target]*backlog{}
	}
	b := p.targets[target]
	if b == nil {
		b = &backlog{first: now, waiting: map[string]bool{}}
		p.targets[target] = b
	}
	b.until = until
	b.waiting[key] = true
}

// done notes that a run which began when these causes were waiting has come to
// an end: they need no run of their own. What came later gets one.
func (p *pending) done(target posture.Target, key string, before []string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.absorbed == nil {
		p.absorbed = map[string]time.Time{}
	}
	p.forget(now)
	for _, other := range before {
		if other != key {
			p.absorbed[target.Name()+other] = now.Add(remember)
		}
	}
	delete(p.targets, target)
}

// forget drops what no delivery can come back to: another instance may have
// handled it.
func (p *pending) forget(now time.Time) {
	if len(p.absorbed) > mostRemembered {
		clear(p.absorbed)
	}
	maps.DeleteFunc(p.absorbed, func(_ string, until time.Time) bool { return now.After(until) })
	maps.DeleteFunc(p.targets, func(_ posture.Target, b *backlog) bool { return now.After(b.until.Add(remember)) })
}

// waiting lists the causes that wait for the target now.
func (p *pending) waiting(target posture.Target) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.targets[target]
	if b == nil {
		return nil
	}
	keys := make([]string, 0, len(b.waiting))
	for key := range b.waiting {
		keys = append(keys, key)
	}
	return keys
}
