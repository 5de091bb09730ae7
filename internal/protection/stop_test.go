package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestAFailedStepStopsWhatNeedsItAndNoMore(t *testing.T) {
	for failed, rest := range map[plan.Op][]plan.Op{
		opProvision: {opAccess, opIngress},
		opGrant:     {opProvision, opAccess, opIAP, opIngress},
		opAccess:    {opProvision, opGrant},
		opIAP:       {opProvision, opGrant, opAccess, opIngress},
		opIngress:   {opProvision, opGrant, opAccess, opIAP, opPublic},
		opPublic:    {opProvision, opGrant, opAccess, opIAP, opIngress},
	} {
		p, w := deployed(), want()
		left := Without(p, made(p, w).Steps, func(s plan.Step) bool { return s.Op() == failed })
		if diff := cmp.Diff(rest, ops(left)); diff != "" {
			t.Errorf("%s failed (-want +got):\n%s", failed, diff)
		}
	}
}

func TestTheAgentStaysOutWhileThePublicCannotBeTakenAway(t *testing.T) {
	p, w := deployed(), want()
	p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers", alice}}}
	left := Without(p, made(p, w).Steps, func(s plan.Step) bool { return s.Op() == opRevoke })
	if diff := cmp.Diff([]plan.Op{opIngress}, ops(left)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestThePublicStaysWhileIAPCannotGoOnAtTheService(t *testing.T) {
	for failed, rest := range map[plan.Op][]plan.Op{
		opDirect: {opProvision, opGrant, opAccess},
		opAccess: {opProvision, opGrant},
		opPublic: {opProvision, opGrant, opAccess, opDirect},
	} {
		p, w := deployed(), want()
		without(policy.WithoutDirect)(&p, &w)
		left := Without(p, made(p, w).Steps, func(s plan.Step) bool { return s.Op() == failed })
		if diff := cmp.Diff(rest, ops(left)); diff != "" {
			t.Errorf("%s failed (-want +got):\n%s", failed, diff)
		}
	}
}
