package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// recently is how far back the request log is searched for a refused request.
const recently = time.Hour

// Examine reads what a diagnosis needs beside the posture, side by side. The
// request log is read only when no refused request is known yet. What cannot be
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
		read(posture.PartRequestLog, func() (err error) {
			since := c.now().Add(-recently)
			if found.Refused, err = c.logs.Refused(ctx, p.Target, since, p.Service.IAPOn); err != nil || found.Refused != nil {
				return err
			}
			found.Answered, err = c.logs.Answered(ctx, p.Target, since)
			return err
		})
	}
	return found, group.Wait()
}
