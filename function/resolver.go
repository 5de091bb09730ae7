package function

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// resolvedFor is how long the services of a cause are known for further deliveries of its
	// message. A change of what leads to them is a cause of its own.
	resolvedFor = 5 * time.Minute
	// mostResolved bounds how many causes have known services, and mostKept of how many services
	// such an answer is kept.
	mostResolved, mostKept = 1000, 1000
)

// resolver finds the services that causes concern. A search goes on when the sender of its message
// is gone: the next delivery waits for the same search, or finds its answer, where a sender's short
// deadline would end every search half-way.
type resolver struct {
	f        *Function
	searches singleflight.Group             // by search
	found    *lru.Cache[string, resolution] // by search
}

// resolution is the answer of a search.
type resolution struct {
	targets []posture.Target
	at      time.Time // when the search began
}

func newResolver(f *Function) (*resolver, error) {
	found, err := lru.New[string, resolution](mostResolved)
	if err != nil {
		return nil, fmt.Errorf("making the list of resolved causes: %w", err) // only for a size below 1
	}
	return &resolver{f: f, found: found}, nil
}

// resolve returns the services that a cause concerns, or projects: see concerned. An error may come
// beside some of them.
func (r *resolver) resolve(ctx context.Context, cause event.Cause) ([]posture.Target, error) {
	search := searchOf(cause)
	if known, ok := r.found.Get(search); ok {
		if age := r.f.clock.Now().Sub(known.at); age >= 0 && age < resolvedFor {
			return known.targets, nil
		}
	}
	leave := r.f.drain.hold() // until the search ends
	answer := r.searches.DoChan(search, func() (any, error) { return r.search(ctx, search, cause) })
	select {
	case got := <-answer:
		leave()
		return got.Val.([]posture.Target), got.Err
	case <-ctx.Done():
		go func() {
			<-answer
			leave()
		}()
		return nil, fmt.Errorf("the search for the services that %s concerns goes on: %w", cause.Key, context.Cause(ctx))
	}
}

// searchOf identifies the search for the services of a cause: all deliveries of one message lead
// to the same search.
func searchOf(c event.Cause) string {
	return fmt.Sprintf("%q", []string{itemID(c), string(c.Kind), c.Project, c.Location, c.Service, c.BackendService, c.Resource})
}

// search finds the services anew.
func (r *resolver) search(ctx context.Context, search string, cause event.Cause) (targets []posture.Target, err error) {
	began := r.f.clock.Now()
	ctx, done := r.f.outlive(ctx)
	defer done()
	defer func() {
		if broken := recover(); broken != nil { // it would end the process
			r.f.log.ErrorContext(ctx, "panic: message will be delivered again",
				"err", fmt.Sprint(broken), "stack_trace", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", broken)
		}
	}()
	ctx, ended := r.f.telemetry.Begin(ctx, "resolve", "cause", string(cause.Kind))
	targets, err = r.f.concerned(ctx, cause)
	ended(err)
	if err == nil && len(targets) > 0 && len(targets) <= mostKept {
		r.found.Add(search, resolution{targets, began})
	}
	return targets, err
}
