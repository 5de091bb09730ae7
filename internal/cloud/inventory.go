package cloud

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/asset"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/logging"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// inventoryLags is how late a policy may come into the inventory: what was written since is read
	// from the API that owns it. Google documents about 36 hours.
	// Source: asset-inventory/docs/asset-types, IAM policy.
	inventoryLags = 48 * time.Hour
	// inventoryChecked is for how long back the audit log, where it can be read so far, has to know of no
	// write that the inventory missed, which rarely happens.
	inventoryChecked = 30 * 24 * time.Hour
	// inventoryClocks is by how much the clocks of the log and of policies may differ.
	inventoryClocks = 5 * time.Second
)

// inventory is what Cloud Asset Inventory has of IAM policies, for looks that share what they read.
// A policy of it counts only where the audit log of its project was read to its end and names no
// write that the inventory may lack. All others are read from the API that owns them, and so is what
// the inventory does not have: that says nothing of a resource. A nil inventory has nothing.
type inventory struct {
	readAt   time.Time
	policies map[string]asset.Policy         // by resource
	doubtful map[string]bool                 // resources of several policies
	written  map[string]logging.PolicyWrites // by project id; one that is missing was not read

	mu   sync.Mutex
	asOf map[posture.Target]time.Time // of the services whose looks relied on it
}

// UseInventory has looks that share what they read take IAM policies from Cloud Asset Inventory: those
// in places, which are projects, folders and organizations. The services that are looked at are in
// these projects, and in more: those in the folders and organizations that have services by the
// inventory, by id, or by number where that cannot be read. unused is why parts of it are not used. It
// must be called before the first look.
func (c *Cloud) UseInventory(ctx context.Context, places, projects []string) (more []string, unused []error) {
	ctx = connect.Paced(ctx)
	client, err := c.assets(ctx)
	if err != nil {
		return nil, []error{err}
	}
	read := inventoryReading{client: client, now: c.now(), inventory: &inventory{policies: map[string]asset.Policy{},
		doubtful: map[string]bool{}, asOf: map[posture.Target]time.Time{}}}
	read.all(ctx, places)
	known := c.byID(ctx, projects)
	more = slices.DeleteFunc(c.byID(ctx, read.projects), func(one string) bool { return slices.Contains(known, one) })
	if unused = read.unused; len(read.policies) == 0 {
		return more, unused
	}
	known = append(known, more...)
	var unread map[string]error
	read.written, unread = c.logs.PolicyWrites(ctx, known,
		logging.Period{Since: read.readAt.Add(-inventoryChecked), AtLeast: read.readAt.Add(-inventoryLags)})
	if first := slices.Sorted(maps.Keys(unread)); len(first) > 0 {
		unused = append(unused, fmt.Errorf("what changed since is not known in %d of %d projects: %w",
			len(first), len(known), unread[first[0]]))
	}
	c.shared.inventory = read.inventory
	return more, unused
}

// inventoryReading is an inventory while it is read. Its lists are read side by side.
type inventoryReading struct {
	*inventory
	client   *asset.Client
	now      time.Time
	mu       sync.Mutex
	projects []string // with services, by number
	unused   []error
}

func (r *inventoryReading) all(ctx context.Context, places []string) {
	var group errgroup.Group
	group.SetLimit(together)
	for _, place := range places {
		for _, kind := range asset.Kinds() {
			group.Go(func() error {
				listed, err := r.client.Policies(ctx, place, kind, r.now)
				r.note(err, func() { r.add(listed) })
				return nil
			})
		}
		if posture.AboveProject(place) {
			group.Go(func() error {
				found, err := r.client.Projects(ctx, place)
				r.note(err, func() { r.projects = append(r.projects, found...) })
				return nil
			})
		}
	}
	_ = group.Wait() // what failed is noted
}

// note takes what was read, also where it is not all.
func (r *inventoryReading) note(err error, take func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	take()
	if err != nil && !slices.ContainsFunc(r.unused, func(one error) bool { return one.Error() == err.Error() }) {
		r.unused = append(r.unused, err)
	}
}

// byID are projects by their ids, each once, as far as these can be read.
func (c *Cloud) byID(ctx context.Context, projects []string) []string {
	named := slices.Clone(projects)
	var group errgroup.Group
	group.SetLimit(together)
	for i, project := range named {
		if !posture.ValidProjectNumber(project) {
			continue
		}
		group.Go(func() error {
			if known, err := c.project(ctx, project); err == nil {
				named[i] = known.ID
			}
			return nil
		})
	}
	_ = group.Wait() // a project that cannot be read keeps its number
	slices.Sort(named)
	return slices.Compact(named)
}

// AsOf is when the oldest fact held that a look at a service took from the inventory, zero = all were
// read from the APIs that own them.
func (c *Cloud) AsOf(target posture.Target) time.Time {
	i := c.shared.inventory
	if i == nil {
		return time.Time{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asOf[target]
}

func (i *inventory) add(listed asset.Listed) {
	if i.readAt.IsZero() || !listed.ReadAt.IsZero() && listed.ReadAt.Before(i.readAt) {
		i.readAt = listed.ReadAt
	}
	for _, one := range listed.Policies {
		if _, twice := i.policies[one.Resource]; twice {
			i.doubtful[one.Resource] = true
		}
		i.policies[one.Resource] = one
	}
}

// homed is a project by both of its names.
type homed struct{ id, number string }

// policy is that of a resource, which may have several names, in a project. ok = it counts.
func (i *inventory) policy(in homed, names ...string) (found posture.Policy, ok bool) {
	if i == nil || in.number == "" {
		return found, false
	}
	var one asset.Policy
	var segments []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		segments = append(segments, name[strings.LastIndexByte(name, '/')+1:])
		if known, has := i.policies[name]; has && ok || i.doubtful[name] {
			return found, false
		} else if has {
			one, ok = known, true
		}
	}
	writes, read := i.written[in.id]
	if !ok || !read || one.Project != "projects/"+in.number {
		return found, false
	}
	last := writes.Access.Last(segments...)
	if !strings.Contains(one.Resource, "/iap_web/") {
		last = writes.Invokers.Last(segments...)
	}
	if !last.IsZero() && (last.After(i.readAt.Add(-inventoryLags)) || last.After(one.UpdatedAt.Add(inventoryClocks))) {
		return found, false
	}
	found = one.Policy
	found.Version = "" // nothing may be written by it
	return found, true
}

// inventoried is the policy of a resource by the inventory, and notes that the look relied on it.
func (o *observation) inventoried(names ...string) (posture.Policy, bool) {
	i := o.shared.inventory
	found, ok := i.policy(homed{o.p.Target.Project, o.p.ProjectNumber}, names...)
	if ok {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.asOf[o.asked] = i.readAt
	}
	return found, ok
}

// invokers reads who may invoke a service by its own policy.
func (o *observation) invokers(ctx context.Context, target posture.Target) (posture.Policy, error) {
	if target.Project == o.p.Target.Project && !target.Instance {
		byNumber := target
		byNumber.Project = cmp.Or(o.p.ProjectNumber, target.Project)
		if found, ok := o.inventoried(target.Name(), byNumber.Name()); ok {
			return found, nil
		}
	}
	return o.Cloud.invokers(ctx, target)
}
