package cloud

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// readProject begins the observation: resources name the project by its id or by
// its number, and everything else needs both.
func (o *observation) readProject(ctx context.Context, target posture.Target) {
	o.p = posture.Posture{Target: target, ObservedAt: o.shared.since}
	if o.shared.since.IsZero() {
		o.p.ObservedAt = o.now()
	}
	project, err := o.project(ctx, target.Project)
	if o.unread.needed("projects/"+target.Project, err) == "" {
		o.p.Target.Project, o.p.ProjectNumber, o.p.NoOrganization = project.ID, project.Number, !project.InOrganization
	}
}

// errNoNumber stands for reads that need the number of a project that cannot be read.
var errNoNumber = fault.New(fault.Denied, "the project's number is not known, because the project cannot be read")

// The APIs without which a service is observed even so, by host.
const (
	computeAPI = "compute.googleapis.com"
	iapAPI     = "iap.googleapis.com"

	networkSecurityAPI = "networksecurity.googleapis.com"
)

// switchedOff reports whether an error says that an API is switched off in the
// service's project, and notes it. In our own project, which pays for the calls, it
// would say nothing of this one.
func (o *observation) switchedOff(api string, err error) bool {
	failed := fault.Of(err)
	here := failed.Consumer == "projects/"+o.p.ProjectNumber || failed.Consumer == "projects/"+o.p.Target.Project
	if failed.Kind != fault.APIDisabled || failed.Service != api || !here {
		return false
	}
	o.unread.off(api)
	return true
}

// readProjectPolicy reads the project's IAM policy. It is optional: it can only
// show more grants than are known without it.
func (o *observation) readProjectPolicy(ctx context.Context) {
	policy, err := o.projectPolicy(ctx, o.p.Target.Project)
	policy.Unread = o.unread.additional("projects/"+o.p.Target.Project, err)
	o.p.Project = policy
}

// readAncestors reads the folders and the organization above the project.
func (c *Cloud) readAncestors(ctx context.Context, p *posture.Posture) error {
	above, err := c.ancestors.Get(ctx, p.Target.Project, func(ctx context.Context) (posture.Ancestors, error) {
		return c.projects.Ancestors(ctx, p.Target.Project)
	})
	switch err = connect.Classify(err); {
	case err == nil:
		p.Ancestors = above
	case fault.Lasting(err):
		p.Ancestors = posture.Ancestors{Unread: err.Error()}
	default:
		return err
	}
	return nil
}

// readAbove reads the IAM policies of the folders above the project and of its
// organization. They are optional, and each is read once while ancestorsHold, also where
// that fails for good.
func (o *observation) readAbove(ctx context.Context) {
	if o.p.ProjectNumber == "" || o.p.NoOrganization {
		return
	}
	if err := o.readAncestors(ctx, &o.p); err != nil || o.p.Ancestors.Unread != "" {
		why := o.unread.additional("projects/"+o.p.Target.Project+":getAncestry", cmp.Or(err, error(fault.New(fault.Denied, "%s", o.p.Ancestors.Unread))))
		o.p.Ancestors.Unread = cmp.Or(o.p.Ancestors.Unread, why)
		return
	}
	o.p.Above = o.policiesAbove(ctx, o.p.Ancestors)
}

// policiesAbove reads the IAM policies of folders and of an organization, the nearest
// first.
func (o *observation) policiesAbove(ctx context.Context, ancestors posture.Ancestors) []posture.AccessPolicy {
	containers := ancestors.Containers()
	policies := make([]posture.AccessPolicy, len(containers))
	var group errgroup.Group
	for i, container := range containers {
		group.Go(func() error {
			policy, err := o.above.keep(ctx, container, o.projects.PolicyAbove)
			policy.Unread = o.unread.additional(container, err)
			policies[i] = posture.AccessPolicy{Resource: container, Policy: policy}
			return nil
		})
	}
	_ = group.Wait() // what failed is noted
	return policies
}

// somewhereAbove stands for the folders and the organization above a project whose
// ancestors are not known.
const somewhereAbove = "folders/-"

// home reads what lets members through IAP everywhere in a project: its IAM policy, and
// those above it.
func (o *observation) home(ctx context.Context, project string, above posture.Ancestors) []posture.AccessPolicy {
	policy, err := o.projectPolicy(ctx, project)
	policy.Unread = o.unread.additional("projects/"+project, err)
	policies := []posture.AccessPolicy{{Resource: "projects/" + project, Policy: policy}}
	if above.Unread == "" {
		return append(policies, o.policiesAbove(ctx, above)...)
	}
	why := o.unread.additional("projects/"+project+":getAncestry", fault.New(fault.Denied, "%s", above.Unread))
	return append(policies, posture.AccessPolicy{Resource: somewhereAbove, Policy: posture.Policy{Unread: why}})
}

// kept is what was read above projects, or why it cannot be read until a person acts.
type kept[T any] struct {
	value T
	err   error
}

// keptAbove holds what is read above projects, by the name of the folder or organization.
type keptAbove[T any] struct{ cache *cache.Cache[kept[T]] }

func newKeptAbove[T any](now func() time.Time) (k keptAbove[T], err error) {
	k.cache, err = cache.New(cache.Options[kept[T]]{Size: keptProjects, TTL: ancestorsHold, Now: now,
		TTLOf: func(one kept[T]) time.Duration {
			if fault.Of(one.err).Kind == fault.NotFound {
				return cache.FailureTTL // it may pass, where no person acts
			}
			return ancestorsHold
		}})
	return k, err
}

// keep returns what is kept of a folder or an organization, or reads it. That an API is off
// is not kept: a step may turn it on.
func (k keptAbove[T]) keep(ctx context.Context, container string, read func(context.Context, string) (T, error)) (T, error) {
	found, err := k.cache.Get(ctx, container, func(ctx context.Context) (kept[T], error) {
		value, err := read(ctx, container)
		if fault.Lasting(err) && fault.Of(err).Kind != fault.APIDisabled {
			return kept[T]{value, err}, nil
		}
		return kept[T]{value, nil}, err
	})
	return found.value, cmp.Or(err, found.err)
}

// ancestorsHold is how long the folders above a project are cached, and keptProjects
// for how many projects. A moved project is seen in its new place after that time.
const (
	ancestorsHold = 5 * time.Minute
	keptProjects  = 1024
)
