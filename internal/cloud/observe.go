package cloud

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Observe reads a service, its policy and its load balancers side by side; the
// backend services found are then read directly, with who has access and with
// the policies of the services that share them.
func (c *Cloud) Observe(ctx context.Context, target posture.Target) (posture.Posture, error) {
	project, err := c.projects.Project(ctx, target.Project)
	if err != nil {
		return posture.Posture{}, err
	}
	target.Project = project.ID
	p := posture.Posture{Target: target, ProjectNumber: project.Number, NoOrganization: !project.InOrganization, ObservedAt: c.now()}
	var inventory *loadbalancer.Inventory
	var unread unread
	var gone error
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		// Not in the group's context: a service that is gone is gone, although
		// another read may fail first for that very reason.
		if p.Service, err = c.run.Service(ctx, target); fault.ActionOf(err) == fault.Gone {
			gone = err
		}
		return err
	})
	group.Go(func() (err error) { p.Invokers, err = c.run.Policy(groupContext, target); return err })
	group.Go(func() (err error) {
		p.Project, err = c.projects.Policy(groupContext, target.Project)
		return unread.optional("projects/"+target.Project, err)
	})
	group.Go(func() (err error) {
		p.Domains, err = c.run.Domains(groupContext, target)
		p.DomainsUnread, err = unread.source(target.DomainsResource(), err)
		return err
	})
	group.Go(func() (err error) {
		inventory, err = c.loadBalancers.Inventory(groupContext, target.Project)
		return err
	})
	err = group.Wait()
	if err = cmp.Or(gone, err); err != nil {
		return p, err
	}
	if p.Backends, err = c.loadBalancers.Backends(ctx, inventory, target); err != nil {
		return p, err
	}
	err = c.observePolicies(ctx, &p, &unread)
	p.Unread = unread.sorted()
	return p, err
}

// together bounds how many policies are read side by side: behind a URL mask
// there may be every service of a region.
const together = 16

// observePolicies fills in the policies of backend services and of the
// services behind them.
func (c *Cloud) observePolicies(ctx context.Context, p *posture.Posture, unread *unread) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	inherited := c.observeInherited(ctx, group, p, unread)
	for i := range p.Backends {
		backend := &p.Backends[i]
		group.Go(func() (err error) {
			backend.Access, err = c.iap.Policy(ctx, backend.AccessResource(p.ProjectNumber))
			return err
		})
		for j := range backend.Members {
			member := &backend.Members[j]
			if member.Target == p.Target {
				member.Invokers = p.Invokers
				continue
			}
			group.Go(func() (err error) {
				return c.observeNeighbour(ctx, member, !backend.IAPOn)
			})
		}
	}
	group.Go(func() (err error) {
		p.DirectAccess, err = c.iap.Policy(ctx, p.Target.AccessResource(p.ProjectNumber))
		switch {
		case fault.Of(err).Kind != fault.NotFound:
			return err
		case p.Service.IAPOn:
			unread.note(p.Target.AccessResource(p.ProjectNumber), err)
		}
		return nil // nobody may have set a policy while IAP is off at the service
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for i, backend := range p.Backends {
		for _, parent := range backend.AccessParents(p.ProjectNumber) {
			p.Backends[i].Inherited = append(p.Backends[i].Inherited, *inherited[parent])
		}
	}
	for _, parent := range p.Target.AccessParents(p.ProjectNumber) {
		p.DirectInherited = append(p.DirectInherited, *inherited[parent])
	}
	return nil
}

// observeNeighbour reads what matters of another service behind a backend
// service: who may invoke it, and, as long as IAP may yet be turned on for it
// too, the service itself. That is read too where the policy is missing, since
// only its own 404 proves that there is no such service.
func (c *Cloud) observeNeighbour(ctx context.Context, member *posture.Member, whole bool) (err error) {
	var missing error
	if member.Invokers, err = c.run.Policy(ctx, member.Target); fault.Of(err).Kind == fault.NotFound {
		missing = err
	} else if err != nil || !whole {
		return err
	}
	service, err := c.run.Service(ctx, member.Target)
	if fault.ActionOf(err) == fault.Gone {
		member.Missing = true
		return nil
	}
	member.IAPOn, member.CreatedAt, member.Labels = service.IAPOn, service.CreatedAt, service.Labels
	return cmp.Or(err, missing)
}

// observeInherited starts to read what the service and its backend services
// inherit access from, each resource once. The policies are there when the
// group is done. It goes before whatever writes to the backend services.
func (c *Cloud) observeInherited(ctx context.Context, group *errgroup.Group, p *posture.Posture, unread *unread) map[string]*posture.Policy {
	inherited := map[string]*posture.Policy{}
	parents := p.Target.AccessParents(p.ProjectNumber)
	for _, backend := range p.Backends {
		parents = append(parents, backend.AccessParents(p.ProjectNumber)...)
	}
	for _, parent := range parents {
		if inherited[parent] != nil {
			continue
		}
		policy := &posture.Policy{}
		inherited[parent] = policy
		group.Go(func() (err error) {
			*policy, err = c.iap.Policy(ctx, parent)
			return unread.optional(parent, err)
		})
	}
	return inherited
}

// unread collects what optional reads could not read. These are optional: the
// project's IAM policy and IAP's policies above a backend service, which can
// only show more grants than are known without them, and the domain mappings,
// which are kept by the same settings as the default URL.
type unread struct {
	mu    sync.Mutex
	found []posture.Unread
}

// optional turns an error that will not pass by itself into a note. That holds
// for a 404 too: the fact is not known, and nothing is concluded from that.
func (u *unread) optional(resource string, err error) error {
	if !fault.Lasting(err) {
		return err
	}
	u.note(resource, err)
	return nil
}

// note keeps an error, whatever it is.
func (u *unread) note(resource string, err error) {
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = append(u.found, posture.Unread{Resource: resource, Why: err.Error(), Permission: fault.Of(err).Permission})
}

// source is optional for a source of doors: it also says why it is unread.
func (u *unread) source(resource string, err error) (why string, left error) {
	if left = u.optional(resource, err); left == nil && err != nil {
		why = err.Error()
	}
	return why, left
}

func (u *unread) sorted() []posture.Unread {
	slices.SortFunc(u.found, func(a, b posture.Unread) int { return strings.Compare(a.Resource, b.Resource) })
	return u.found
}
