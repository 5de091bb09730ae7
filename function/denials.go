package function

import (
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
	return &denialLimiter{admitted: admitted, source: source}
}

// admit reports whether to look into a denied request. The request that was
// admitted is admitted again when its message is delivered again.
func (l *denialLimiter) admit(source, key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, known := l.admitted.Get(source); known && now.Before(first.until) {
		return first.key == key
	}
	l.admitted.Add(source, denial{key, now.Add(denialPause)})
	l.source.Add(key, source)
	return true
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
