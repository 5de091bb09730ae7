package cloud

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/connect"
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
	above, err := c.ancestors.Get(ctx, p.Target.Project, func(ctx context.Context) (posture.Ancestors, error) {
		return c.projects.Ancestors(ctx, p.Target.Project)
	})
	err = connect.Classify(err)
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

// ancestorsHold is how long the folders above a project are taken as read, and
// keptProjects of how many projects. A moved project is seen in its new place
// after that time.
const (
	ancestorsHold = 5 * time.Minute
	keptProjects  = 1024
)
