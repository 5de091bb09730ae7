package function

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// denialPause is how long further denied requests of one service are passed
	// over. What is wrong lasts longer, and the next denial shows it again.
	denialPause = time.Minute
	// mostDenials bounds the memory. Beyond it the service whose denial is oldest is
	// forgotten, and looked into once more.
	mostDenials = 10_000
)

// denialLimiter keeps strangers from causing work: anybody can cause a 403. Of each
// service or backend service it admits one denied request at a time; the function
// acknowledges the others. It belongs to one instance and only saves work.
type denialLimiter struct {
	mu       sync.Mutex
	admitted *lru.Cache[string, denial] // by what denied the request
	source   *lru.Cache[string, string] // what denied the request of a cause
	passed   map[string]passed          // by what denied the requests; not logged yet
}

// passed are denied requests of one kind that were acknowledged without a look.
type passed struct {
	requests int
	since    time.Time // when the first of them came
	instead  string    // is the cause that stands for them
}

// denial is the request that stands for all of its kind.
type denial struct {
	key   string // of its cause
	until time.Time
}

func newDenialLimiter() *denialLimiter {
	admitted, err := lru.New[string, denial](mostDenials)
	if err != nil {
		panic(err) // only for a size below 1
	}
	source, err := lru.New[string, string](mostDenials)
	if err != nil {
		panic(err)
	}
	return &denialLimiter{admitted: admitted, source: source, passed: map[string]passed{}}
}

// admit reports whether to look into a denied request. The request that was
// admitted is admitted again when its message is delivered again. Others are counted.
func (l *denialLimiter) admit(source, key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, known := l.admitted.Get(source); known && now.Before(first.until) {
		if first.key != key {
			l.count(source, first.key, now)
		}
		return first.key == key
	}
	l.admitted.Add(source, denial{key, now.Add(denialPause)})
	l.source.Add(key, source)
	return true
}

// count notes a request that is passed over. The caller has the lock.
func (l *denialLimiter) count(source, instead string, now time.Time) {
	so := l.passed[source]
	if so.requests++; so.requests == 1 {
		so.since = now
	}
	so.instead = instead
	l.passed[source] = so
}

// passedOver returns, by what denied them, the requests that were passed over and not returned
// before: those of a service once a minute, or all.
func (l *denialLimiter) passedOver(now time.Time, all bool) map[string]passed {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]passed{}
	for source, so := range l.passed {
		if age := now.Sub(so.since); all || age < 0 || age >= denialPause || len(l.passed) > mostDenials {
			found[source] = so
			delete(l.passed, source)
		}
	}
	return found
}

// sayPassedOver logs how many denied requests were acknowledged without a look, and why.
func (f *Function) sayPassedOver(ctx context.Context, all bool) {
	for source, so := range f.denials.passedOver(f.clock.Now(), all) {
		f.log.InfoContext(ctx, "denied requests were passed over: another one of the same service is looked into",
			"source", source, "requests", so.requests, "since", so.since.UTC(), "instead", so.instead)
	}
}

// extend passes over further denials until a cause that was put off has been looked
// into. It finds their source by the cause: a load balancer's denial is admitted by
// its backend service, and looked into for each service behind that.
func (l *denialLimiter) extend(key string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source, known := l.source.Get(key)
	if !known {
		return
	}
	if first, known := l.admitted.Get(source); known && first.key == key && first.until.Before(until.Add(denialPause)) {
		l.admitted.Add(source, denial{key, until.Add(denialPause)})
	}
}

// denialSource names what a denied request is counted by. Only denials that cost
// nothing to cause are limited.
func denialSource(c event.Cause) (source string, limited bool) {
	switch c.Kind {
	case event.RunRequestDenied:
		return posture.Target{Project: c.Project, Location: c.Location, Service: c.Service}.Name(), true
	case event.LBRequestDeniedByIAP:
		return backendResource(c), true
	}
	return "", false
}
