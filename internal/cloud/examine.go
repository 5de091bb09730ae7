package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

// recently is how far back the request log is searched for a refused request.
const recently = time.Hour

// Examine reads what a diagnosis needs beside the posture, side by side. The
// request logs are read only when no refused request is known yet. What cannot be
// read is an unread part, not an error.
func (c *Cloud) Examine(ctx context.Context, p posture.Posture, withLog bool) (posture.Examination, error) {
	found := posture.Examination{Unread: map[posture.Part]posture.Unread{}}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	read := func(part posture.Part, do func() error) {
		group.Go(func() error {
			var hidden unread
			err := hidden.optional(p.Target.Name(), do())
			if len(hidden.found) > 0 {
				mu.Lock()
				defer mu.Unlock()
				found.Unread[part] = hidden.found[0]
			}
			return err
		})
	}
	read(posture.PartRollout, func() (err error) {
		found.Rollout, err = c.run.Rollout(ctx, p.Target)
		return fault.Stale(err) // a revision may go while it is read
	})
	read(posture.PartIAPAPI, func() (err error) {
		found.IAPDisabled, err = c.apis.IAPDisabled(ctx, p.Target.Project)
		return err
	})
	if withLog {
		since := c.now().Add(-recently)
		refused := func(at []refusal.Request, err error) error {
			mu.Lock()
			defer mu.Unlock()
			found.Refused = append(found.Refused, at...)
			return err
		}
		read(posture.PartRequestLog, func() (err error) {
			by, err := c.logs.Refused(ctx, p.Target, since, p.Service.IAPOn)
			if err = refused(by, err); err == nil && len(by) == 0 {
				found.Answered, err = c.logs.Answered(ctx, p.Target, since)
			}
			return err
		})
		for project, backends := range guarded(p) {
			read(posture.PartLoadBalancerLog, func() error {
				return refused(c.logs.RefusedByIAP(ctx, project, backends, since))
			})
		}
	}
	return found, group.Wait()
}

// guarded lists the names of the backend services before a service with IAP on, by the
// project that has them and their load balancer's log.
func guarded(p posture.Posture) map[string][]string {
	names := map[string][]string{}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			names[backend.Project] = append(names[backend.Project], backend.Name)
		}
	}
	return names
}
