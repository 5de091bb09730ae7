package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Describe adds to a posture what the rules of a policy ask about: the folders
// above the project, and the labels of the services that share a backend
// service. Folders that cannot be read for want of a right are told as unread,
// and are no error.
func (c *Cloud) Describe(ctx context.Context, p *posture.Posture, asked policy.Asked) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	if asked.Folders {
		group.Go(func() error { return c.describeAncestors(ctx, p) })
	}
	if asked.Labels {
		for i := range p.Backends {
			for j := range p.Backends[i].Members {
				member := &p.Backends[i].Members[j]
				if member.Missing || member.Target == p.Target || !member.CreatedAt.IsZero() { // observed already
					continue
				}
				group.Go(func() error {
					service, err := c.run.Service(ctx, member.Target)
					if err != nil && fault.ActionOf(err) == fault.Gone {
						member.Missing, err = true, nil
					}
					member.Labels = service.Labels
					return err
				})
			}
		}
	}
	return group.Wait()
}

func (c *Cloud) describeAncestors(ctx context.Context, p *posture.Posture) error {
	above, err := c.ancestors.of(p.Target.Project, c.now(), func() (posture.Ancestors, error) {
		return c.identity.Ancestors(ctx, p.Target.Project)
	})
	if err == nil {
		p.Ancestors = above
		return nil
	}
	if !fault.Lasting(err) {
		return err
	}
	p.Ancestors = posture.Ancestors{Unread: err.Error()}
	return nil
}

// ancestorsHold is how long what is above a project is taken as read: a project
// that is moved is seen in its new place by then.
const ancestorsHold = 5 * time.Minute

// ancestorCache keeps what is above each project for a while.
type ancestorCache struct {
	mu    sync.Mutex
	known map[string]knownAncestors
}

type knownAncestors struct {
	posture.Ancestors
	until time.Time
}

func (c *ancestorCache) of(project string, now time.Time, read func() (posture.Ancestors, error)) (posture.Ancestors, error) {
	c.mu.Lock()
	known, ok := c.known[project]
	c.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.Ancestors, nil
	}
	found, err := read()
	if err != nil {
		return found, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]knownAncestors{}
	}
	c.known[project] = knownAncestors{found, now.Add(ancestorsHold)}
	return found, nil
}
