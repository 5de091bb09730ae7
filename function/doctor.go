package function

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// asksDoctor reports whether a cause is about a 403.
func asksDoctor(c event.Cause) bool {
	switch c.Kind {
	case event.RunRequestDenied, event.LBRequestDeniedByIAP, event.Alert:
		return true
	case event.CommandReceived:
		return c.Command != nil && c.Command.Name == "doctor"
	}
	return false
}

const (
	// refusalPause is how long further refused requests of one service are passed
	// over: whatever is wrong is so for longer, and the next one tells it again.
	refusalPause = time.Minute
	// mostRefusing bounds the memory; beyond it refused requests of further
	// services are passed over until others are forgotten.
	mostRefusing = 10_000
)

// refusals keeps strangers from making us work: anyone can cause 403s. Of each
// service (or backend service) one refused request is looked into at a time, the
// others are acknowledged. It is one instance's memory and only saves work.
type refusals struct {
	mu      sync.Mutex
	pending map[string]refusal   // by what refused
	later   map[string]time.Time // target and cause → when it is due
}

// refusal is the one request that stands for all of its kind.
type refusal struct {
	key   string
	until time.Time
}

// admit reports whether a refused request is to be looked into.
func (r *refusals) admit(where, key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = map[string]refusal{}
	}
	first, known := r.pending[where]
	if known && now.Before(first.until) {
		return first.key == key
	}
	if len(r.pending) >= mostRefusing {
		maps.DeleteFunc(r.pending, func(_ string, each refusal) bool { return !now.Before(each.until) })
		if len(r.pending) >= mostRefusing {
			return false
		}
	}
	r.pending[where] = refusal{key, now.Add(refusalPause)}
	return true
}

// due reports whether it is time to look into a cause that was put off.
func (r *refusals) due(target posture.Target, key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !now.Before(r.later[target.Name()+key])
}

// putOff puts a cause off; what refuses the same until then is passed over.
func (r *refusals) putOff(target posture.Target, key string, until, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.later == nil {
		r.later = map[string]time.Time{}
	}
	maps.DeleteFunc(r.later, func(_ string, at time.Time) bool { return now.After(at.Add(remember)) })
	r.later[target.Name()+key] = until
	if first, known := r.pending[target.Name()]; known && first.key == key {
		r.pending[target.Name()] = refusal{key, until.Add(refusalPause)}
	}
}

// refusedBy names what a refused request is counted under: where it is one of
// many, which cost nothing to cause.
func refusedBy(c event.Cause) (where string, counted bool) {
	switch c.Kind {
	case event.RunRequestDenied:
		return posture.Target{Project: c.Project, Location: c.Location, Service: c.Service}.Name(), true
	case event.LBRequestDeniedByIAP:
		return backendResource(c), true
	}
	return "", false
}

// diagnose handles one 403 for one target. An error means: deliver again.
func (f *Function) diagnose(ctx context.Context, item event.Work) error {
	now, target, key := f.now(), item.Target, item.Cause.Key
	if !f.refusals.due(target, key, now) {
		return errNotYet
	}
	final, err := f.engine.Run(ctx, f.request(item))
	switch {
	case errors.Is(err, reconcile.ErrGone), errors.Is(err, reconcile.ErrOutOfScope):
		f.log.InfoContext(ctx, "nothing to diagnose", "target", target.Name(), "why", err)
		return nil
	case err != nil:
		return err
	}
	f.log.InfoContext(ctx, "diagnosed", "target", target.Name(), "verdict", final.Verdict, "outcome", final.Outcome, "event_id", item.Cause.EventID, "calls", final.Calls)
	if final.Outcome.Retries() {
		if final.WaitingFor == nil || final.WaitingFor.Until == nil {
			return fmt.Errorf("%s is %s", target, final.Outcome)
		}
		f.refusals.putOff(target, key, *final.WaitingFor.Until, f.now())
		return errNotYet
	}
	return nil
}
