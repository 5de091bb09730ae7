package cloud

import (
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	accessors(func(p *iampolicy.Policy, change plan.WithdrawAccess) bool {
		return p.Withdraw(change.Role, change.Members, posture.Condition(change.Condition))
	}),
	nothing, // a grant is made where it is wanted, and not by taking this back
)
