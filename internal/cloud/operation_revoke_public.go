package cloud

import (
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	invokers(func(p *iampolicy.Policy, change plan.RevokePublic) bool { return p.Remove(change.Role, change.Members) }),
	invokers(func(p *iampolicy.Policy, change plan.RevokePublic) bool {
		return p.Add(change.Role, change.Members, posture.Condition{})
	}),
)
