package cloud

import (
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	invokers(func(p *iampolicy.Policy, change plan.WithdrawInvoker) bool {
		return p.Withdraw(change.Role, []string{change.Member}, posture.Condition{})
	}),
	nothing, // nobody is let in without a name
)
