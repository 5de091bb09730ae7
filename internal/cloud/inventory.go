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
	// inventoryChecked is for how long back the audit log has to know of no write that the inventory
	// missed, which rarely happens.
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
// these projects. It returns why parts of it are not used. It must be called before the first look.
func (c *Cloud) UseInventory(ctx context.Context, places, projects []string) (unused []error) {
	ctx = connect.Paced(ctx)
	client, err := c.assets(ctx)
	if err != nil {
		return []error{err}
	}
	found := &inventory{policies: map[string]asset.Policy{}, doubtful: map[string]bool{}, asOf: map[posture.Target]time.Time{}}
	for _, place := range places {
		listed, err := client.Policies(ctx, place, c.now())
		if err != nil {
			unused = append(unused, err)
		}
		found.add(listed)
	}
	if len(found.policies) == 0 {
		return unused
	}
	projects = c.byID(ctx, projects)
	var unread map[string]error
	found.written, unread = c.logs.PolicyWrites(ctx, projects, found.readAt.Add(-inventoryChecked))
	if first := slices.Sorted(maps.Keys(unread)); len(first) > 0 {
		unused = append(unused, fmt.Errorf("what changed since is not known in %d of %d projects: %w",
			len(first), len(projects), unread[first[0]]))
	}
	c.shared.inventory = found
	return unused
}

// InventoriedProjects are the projects in a folder or an organization that have services by Cloud
// Asset Inventory: by id, or by number where that cannot be read. There may be others.
func (c *Cloud) InventoriedProjects(ctx context.Context, place string) ([]string, error) {
	ctx = connect.Paced(ctx)
	client, err := c.assets(ctx)
	if err != nil {
		return nil, err
	}
	found, err := client.Projects(ctx, place)
	return c.byID(ctx, found), err
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
