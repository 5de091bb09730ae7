package cloud

import (
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	accessors(func(p *iampolicy.Policy, change plan.RevokeAccess) bool { return p.Remove(change.Role, change.Members) }),
	nothing, // nobody is let in without a name
)
