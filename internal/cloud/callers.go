package cloud

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// visited is how far back visitors are looked for.
const visited = 24 * time.Hour

// Callers finds who calls a service now, side by side: what is configured in
// its project to call anything, and visitors of its run.app addresses and
// mapped domains while those are open to the internet. A source that may not be read is told as
// unread, and is no error.
func (c *Cloud) Callers(ctx context.Context, p posture.Posture) ([]caller.Caller, []posture.Unread, error) {
	project := p.Target.Project
	var subscriptions, triggers, jobs, visitors []caller.Caller
	carriers := map[string]bool{}
	var unread unread
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		subscriptions, err = c.callers.Subscriptions(ctx, project)
		return unread.optional("projects/"+project+"/subscriptions", err)
	})
	group.Go(func() (err error) {
		triggers, carriers, err = c.callers.Triggers(ctx, p.Target, p.DefaultURL())
		return unread.optional("projects/"+project+"/locations/-/triggers", err)
	})
	group.Go(func() (err error) {
		jobs, err = c.callers.Jobs(ctx, project)
		return unread.optional("projects/"+project+"/locations/-/jobs", err)
	})
	if hosts := door.OpenHosts(p); len(hosts) > 0 {
		group.Go(func() (err error) {
			visitors, err = c.logs.Visitors(ctx, p.Target, hosts, c.now().Add(-visited))
			// Reads of logs are few a minute, and visitors a hint: no protection
			// waits for them.
			unread.note("projects/"+project+"/logs/run.googleapis.com%2Frequests", err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	// What carries a trigger's events is named by the trigger.
	subscriptions = slices.DeleteFunc(subscriptions, func(s caller.Caller) bool { return carriers[s.Name] })
	return slices.Concat(subscriptions, triggers, jobs, visitors), unread.sorted(), nil
}
