package cloud

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// observeRegions reads a multi-region service: its settings at the location global, then
// in each region the service that load balancers and IAM see, one region after the other.
// The lists of load balancers and the project's policy are read once.
func (o *observation) observeRegions(ctx context.Context) (posture.Posture, error) {
	var group errgroup.Group
	for _, read := range []func(context.Context){
		o.readService, o.readProjectPolicy, o.readAbove, o.readLoadBalancers, o.readPolicyAtGlobal,
	} {
		group.Go(func() error { read(ctx); return nil })
	}
	_ = group.Wait() // what failed is noted
	if fault.ActionOf(o.unread.worst) == fault.Gone && o.unread.worst != nil {
		return o.p, o.unread.worst
	}
	var parts []posture.Target
	for _, region := range o.p.Service.Regions {
		parts = append(parts, posture.Target{Project: o.p.Target.Project, Location: region, Service: o.p.Target.Service})
	}
	var regions []posture.Posture
	for _, part := range parts {
		regions = append(regions, o.readRegion(ctx, part, parts))
	}
	o.p = o.p.WithRegions(regions)
	o.readRoles(ctx)
	o.p.Unread, o.p.APIsOff = o.unread.sorted(), o.unread.apis
	return o.p, o.unread.worst
}

// readPolicyAtGlobal reads the policy of a multi-region service itself. gcloud sets those
// of the regions (gcloud 528), and whether this one counts there, or is there at all, is
// *unverified*: its public members are taken to get in.
func (o *observation) readPolicyAtGlobal(ctx context.Context) {
	policy, err := o.invokers(ctx, o.p.Target)
	if kind := fault.Of(err).Kind; err != nil && kind != fault.NotFound && kind != fault.Invalid {
		policy.Unread = o.unread.needed(o.p.Target.Name(), err)
	}
	policy.Bindings = slices.Clone(policy.Bindings) // others may read the same
	for i := range policy.Bindings {
		policy.Bindings[i].Members = slices.DeleteFunc(slices.Clone(policy.Bindings[i].Members),
			func(member string) bool { return !door.IsPublic(member) })
	}
	o.p.Invokers = policy
}

// readRegion reads a multi-region service in one region. One that is not there yet is
// unread: the service at global says that it is to be.
func (o *observation) readRegion(ctx context.Context, part posture.Target, all []posture.Target) posture.Posture {
	regional := &observation{Cloud: o.Cloud, asked: o.asked, inventory: o.inventory, unlisted: o.unlisted, siblings: all}
	regional.p = posture.Posture{Target: part, ProjectNumber: o.p.ProjectNumber, NoOrganization: o.p.NoOrganization,
		Project: o.p.Project, Above: o.p.Above, Ancestors: o.p.Ancestors, ObservedAt: o.p.ObservedAt}
	var group errgroup.Group
	for _, read := range []func(context.Context){regional.readService, regional.readInvokers, regional.readDomains} {
		group.Go(func() error { read(ctx); return nil })
	}
	_ = group.Wait() // what failed is noted
	regional.readBackends(ctx)
	regional.readAccess(ctx)
	for i := range regional.p.Backends {
		backend := &regional.p.Backends[i]
		backend.Members = slices.DeleteFunc(backend.Members,
			func(m posture.Member) bool { return m.Target != part && slices.Contains(all, m.Target) })
	}
	regional.p.APIsOff = regional.unread.apis
	o.unread.include(&regional.unread)
	return regional.p
}

// regionalParts lists the regional parts of multi-region services, of each project once. A list may
// be begun before it is known whether anything asks for it.
type regionalParts struct {
	list  func(ctx context.Context, project string) (map[posture.Target]posture.Target, error)
	begun map[string]*partsList // by project
}

// partsList is one list, which is there once done is closed.
type partsList struct {
	cancel context.CancelFunc
	done   chan struct{}
	parts  map[posture.Target]posture.Target
	err    error
}

// begin begins to list those of a project.
func (r *regionalParts) begin(ctx context.Context, project string) {
	if r.begun[project] != nil {
		return
	}
	if r.begun == nil {
		r.begun = map[string]*partsList{}
	}
	one := &partsList{done: make(chan struct{})}
	r.begun[project] = one
	ctx, one.cancel = context.WithCancel(ctx)
	go func() {
		defer close(one.done)
		one.parts, one.err = r.list(ctx, project)
	}()
}

// of are those of a project.
func (r *regionalParts) of(ctx context.Context, project string) (map[posture.Target]posture.Target, error) {
	if one := r.begun[project]; one != nil {
		select {
		case <-one.done:
			return one.parts, one.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.list(ctx, project)
}

// end ends the lists that nothing asked for.
func (r *regionalParts) end() {
	for _, one := range r.begun {
		one.cancel()
		<-one.done
	}
}

// multiRegional replaces the regional parts of multi-region services by the services
// themselves, each once. Where their list cannot be read until a person acts, the parts
// stay as they are.
func multiRegional(ctx context.Context, targets []posture.Target, parts *regionalParts) ([]posture.Target, error) {
	whole := map[posture.Target]posture.Target{}
	asked := map[string]bool{}
	for _, target := range targets {
		if target.Instance || target.Location == posture.Global || asked[target.Project] {
			continue
		}
		asked[target.Project] = true
		listed, err := parts.of(ctx, target.Project)
		if err != nil && !fault.Lasting(err) {
			return nil, err
		}
		for part, service := range listed {
			whole[part] = service
		}
	}
	var found []posture.Target
	for _, target := range targets {
		if service, ok := whole[target]; ok {
			target = service
		}
		if !slices.Contains(found, target) {
			found = append(found, target)
		}
	}
	return found, nil
}
