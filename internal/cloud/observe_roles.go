package cloud

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// maxRoles bounds how many custom roles one look reads, and keptRoles how many are kept.
// What is above the bound is not read.
const (
	maxRoles  = 20
	keptRoles = 4096
)

// errManyRoles stands for reads of custom roles above the bound.
var errManyRoles = fault.New(fault.Invalid, "the policies name more than %d custom roles, and the others are not read",
	maxRoles)

// readRoles reads the custom roles that stand in the policies, those of public members
// first. They are optional: without them a member of such a role may get in.
func (o *observation) readRoles(ctx context.Context) {
	o.p.Roles = o.contents(ctx, customRoles(o.p))
}

// readAllRoles reads the custom roles that only service accounts have, too. A failure
// leaves a role unread.
func (c *Cloud) readAllRoles(ctx context.Context, p *posture.Posture) {
	o := observation{Cloud: c, p: *p}
	more := slices.DeleteFunc(rolesOf(*p, func(string) bool { return true }), func(r customRole) bool {
		_, known := p.Roles[r.name]
		return known
	})
	read := o.contents(ctx, more)
	if len(read) == 0 {
		return
	}
	maps.Copy(read, p.Roles)
	p.Roles = read
	for i := range p.Regions {
		p.Regions[i].Roles = read
	}
}

// contents reads roles, the first of them where there are many; nil where there are none.
func (o *observation) contents(ctx context.Context, found []customRole) map[string]posture.Role {
	if len(found) == 0 {
		return nil
	}
	roles := map[string]posture.Role{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(together)
	for _, role := range found[min(maxRoles, len(found)):] {
		why := o.unread.additional("projects/"+o.p.Target.Project+"/roles", errManyRoles)
		roles[role.name] = posture.Role{Unread: why}
	}
	for _, role := range found[:min(maxRoles, len(found))] {
		group.Go(func() error {
			contains := o.role(ctx, role)
			mu.Lock()
			defer mu.Unlock()
			roles[role.name] = contains
			return nil
		})
	}
	_ = group.Wait() // what failed is noted
	return roles
}

// role reads one custom role. Where somebody public has it, what is kept does not count.
func (o *observation) role(ctx context.Context, role customRole) posture.Role {
	key := role.name
	if role.public {
		key = "public " + key
	}
	contains, err := o.shared.roles.Get(ctx, key, func(ctx context.Context) (posture.Role, error) {
		if role.public {
			o.roles.Forget(role.name)
		}
		return o.roles.Get(ctx, role.name, func(ctx context.Context) (posture.Role, error) { return o.iam.Role(ctx, role.name) })
	})
	contains.Unread = o.unread.additional(role.name, err)
	return contains
}

// customRole is a custom role that somebody has.
type customRole struct {
	name   string
	public bool // somebody public has it
}

// customRoles are the custom roles of all policies that a posture holds, each once,
// those of public members first. Roles that only service accounts have are left out,
// since nearly every project has such ones and they open no door; IAP's agent counts.
func customRoles(p posture.Posture) []customRole {
	return rolesOf(p, func(member string) bool { return !strings.HasPrefix(member, "serviceAccount:") || member == p.Agent() })
}

// rolesOf are the custom roles of members that count.
func rolesOf(p posture.Posture, counts func(member string) bool) []customRole {
	var found []customRole
	for _, policy := range p.Policies() {
		for _, binding := range policy.Effective(p.ObservedAt).Bindings {
			if !posture.IsCustomRole(binding.Role) || !slices.ContainsFunc(binding.Members, counts) {
				continue
			}
			one := customRole{binding.Role, slices.ContainsFunc(binding.Members, door.IsPublic)}
			at := slices.IndexFunc(found, func(r customRole) bool { return r.name == one.name })
			if at < 0 {
				found = append(found, one)
				continue
			}
			found[at].public = found[at].public || one.public
		}
	}
	slices.SortStableFunc(found, func(a, b customRole) int { return cmp.Compare(rank(a), rank(b)) })
	return found
}

func rank(r customRole) int {
	if r.public {
		return 0
	}
	return 1
}
