package cloud

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// readNeighbour reads what matters of another service behind a backend service:
// who may invoke it, and the service itself where whole is set, as long as IAP
// may yet be turned on for both. The service is read too where the policy is
// missing, since only its own 404 proves that there is no such service.
func (o *observation) readNeighbour(ctx context.Context, member *posture.Member, whole bool) {
	o.unread.needed(member.Target.Name(), o.neighbour(ctx, member, whole))
}

func (o *observation) neighbour(ctx context.Context, member *posture.Member, whole bool) (err error) {
	var missing error
	if member.Invokers, err = o.invokers(ctx, member.Target); fault.Of(err).Kind == fault.NotFound {
		missing = err
	} else if err != nil || !whole {
		return err
	}
	service, err := o.service(ctx, member.Target)
	if fault.ActionOf(err) == fault.Gone {
		member.Missing = true
		return nil
	}
	member.IAPOn, member.CreatedAt, member.Labels = service.IAPOn, service.CreatedAt, service.Labels
	return cmp.Or(err, missing)
}

// Describe adds to a posture what the rules of a policy ask about: the folders
// above the project, the labels of the services that share a backend service, and what
// every custom role contains. Folders and roles that cannot be read are unread facts, not
// errors.
func (c *Cloud) Describe(ctx context.Context, p *posture.Posture, asked policy.Asked) error {
	if asked.Roles {
		c.readAllRoles(ctx, p)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	if asked.Folders {
		group.Go(func() error { return c.readAncestors(ctx, p) })
	}
	for i := range p.Backends {
		for j := range p.Backends[i].Members {
			member := &p.Backends[i].Members[j]
			observed := member.Target == p.Target || !member.CreatedAt.IsZero()
			if asked.Labels && !observed && !member.Missing && len(p.Backends[i].Frontends) > 0 {
				group.Go(func() error { return c.readLabels(ctx, member) })
			}
		}
	}
	return group.Wait()
}

func (c *Cloud) readLabels(ctx context.Context, member *posture.Member) error {
	service, err := c.service(ctx, member.Target)
	if fault.ActionOf(err) == fault.Gone {
		member.Missing = true
		return nil
	}
	member.Labels = service.Labels
	return err
}
