package cloud

import (
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	invokers(func(p *iampolicy.Policy, grant plan.GrantInvoker) bool {
		return p.Add(grant.Role, []string{grant.Member}, posture.Condition{})
	}),
	invokers(func(p *iampolicy.Policy, grant plan.GrantInvoker) bool {
		return p.Withdraw(grant.Role, []string{grant.Member}, posture.Condition{})
	}),
)
