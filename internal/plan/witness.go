package plan

import (
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// giver is a change that takes members out of a policy.
type giver interface {
	// given reports whether a policy gives what the change takes away.
	given(before posture.Policy) bool
	// notRestored is why it is not given back by itself; "" = it may be.
	notRestored() string
}

// ShownBy reports whether a write of the audit log shows that it made the step's change.
// An entry has the whole policy that was written, so it shows a change of one binding only
// beside the policy that was there before; nil = that is not known.
func (s Step) ShownBy(p posture.Posture, write event.Write, before *posture.Policy) bool {
	if s.EffectOf(p, write) != Made {
		return false
	}
	if !s.operation().Policy {
		return true
	}
	if before == nil {
		return false
	}
	switch change := s.Change.(type) {
	case giver:
		return change.given(*before)
	case GrantAccess:
		return change.addedTo(*before)
	}
	write.Policy = before
	return s.EffectOf(p, write) == Undone
}

// SameWrite reports whether a write of the audit log was to what the step writes: the
// resource, or its policy.
func (s Step) SameWrite(p posture.Posture, write event.Write) bool {
	kind := s.operation().Audited
	if kind == "" {
		kind = event.RunServiceChanged // a redeploy
	}
	return write.Kind == kind && s.Concerns(p, write)
}

// NotRestored is why undo does not give back what the step took; "" = it may.
func (s Step) NotRestored() string {
	if taken, ok := s.Change.(giver); ok {
		return taken.notRestored()
	}
	return ""
}

// Guards reports whether people get in through what the step made: while the service stays
// closed otherwise, they are shut out when the step is taken back.
func (s Step) Guards() bool {
	stage := s.operation().Stage
	return stage == stageInvoker || stage == stageAccess || stage == stageIAP
}

// addedTo reports whether a policy lets none of the members in.
func (c GrantAccess) addedTo(before posture.Policy) bool {
	return !slices.ContainsFunc(c.Members,
		func(m string) bool { return before.HoldsIf(c.Role, m, posture.Condition(c.Condition)) })
}

// given compares bindings without a condition alone: a member under one got in less widely.
func (c RevokePublic) given(before posture.Policy) bool {
	return !slices.ContainsFunc(c.Members, func(member string) bool {
		return !slices.ContainsFunc(before.Bindings, func(b posture.Binding) bool {
			return b.Role == c.Role && b.Condition == "" && slices.Contains(b.Members, member)
		})
	})
}

func (c RevokePublic) notRestored() string {
	switch {
	case c.Conditional:
		return "a member stood under a condition, which is not kept, and would get in more widely without it"
	case c.Role != posture.RoleInvoker:
		return fmt.Sprintf("the public gets back %s alone, and had %s", posture.RoleInvoker, c.Role)
	}
	return ""
}
