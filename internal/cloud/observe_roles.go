package cloud

import (
	"cmp"
	"context"
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
	found := customRoles(o.p)
	if len(found) == 0 {
		return
	}
	o.p.Roles = map[string]posture.Role{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(together)
	for _, role := range found[min(maxRoles, len(found)):] {
		why := o.unread.additional("projects/"+o.p.Target.Project+"/roles", errManyRoles)
		o.p.Roles[role.name] = posture.Role{Unread: why}
	}
	for _, role := range found[:min(maxRoles, len(found))] {
		group.Go(func() error {
			contains := o.role(ctx, role)
			mu.Lock()
			defer mu.Unlock()
			o.p.Roles[role.name] = contains
			return nil
		})
	}
	_ = group.Wait() // what failed is noted
}

// role reads one custom role. Where somebody public has it, what is kept does not count.
func (o *observation) role(ctx context.Context, role customRole) posture.Role {
	if role.public {
		o.roles.Forget(role.name)
	}
	contains, err := o.roles.Get(ctx, role.name, func(ctx context.Context) (posture.Role, error) {
		return o.iam.Role(ctx, role.name)
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
	counts := func(member string) bool { return !strings.HasPrefix(member, "serviceAccount:") || member == p.Agent() }
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
