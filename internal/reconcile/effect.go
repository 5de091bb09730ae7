package reconcile

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// effect is what a write of the audit log did to the protection that a step makes.
type effect int

const (
	untouched effect = iota // it left it as it was, or was about something else
	made
	undone
	unknown // it was about the same thing, and the entry does not say what it wrote
)

// effectOf tells what a write did to a step's protection.
func effectOf(p posture.Posture, step plan.Step, write event.Write) effect {
	if !sameThing(p, step, write) || write.Kind != kindOf(step) {
		return untouched
	}
	return written(step, write)
}

// written tells the same of a write that is known to be about the same thing.
func written(step plan.Step, write event.Write) effect {
	switch step.Op {
	case plan.GrantInvoker, plan.GrantAccess, plan.RevokePublic:
		return policyEffect(step, write.Policy)
	}
	value, told := write.Settings[step.Field]
	switch {
	case told && (value == firstWord(step.To) || step.Op == plan.RestrictIngress && value != string(posture.IngressAll)):
		return made
	case told:
		return undone
	case write.Complete:
		return untouched
	}
	return unknown
}

// firstWord is the setting of a step that turns IAP on, which may name the OAuth
// client too.
func firstWord(to string) string {
	first, _, _ := strings.Cut(to, " ")
	return first
}

func policyEffect(step plan.Step, policy *posture.Policy) effect {
	if policy == nil {
		return unknown
	}
	if step.Op == plan.RevokePublic {
		for _, member := range strings.Fields(step.From) {
			if slices.Contains(policy.Members(step.Field), member) {
				return undone
			}
		}
		return made
	}
	for _, member := range strings.Fields(step.To) {
		if !policy.HoldsIf(step.Field, member, step.Condition) {
			return undone
		}
	}
	return made
}

// kindOf is the kind of the writes that make and undo a step's protection.
func kindOf(step plan.Step) event.Kind {
	switch step.Op {
	case plan.GrantInvoker, plan.RevokePublic:
		return event.RunIAMChanged
	case plan.GrantAccess:
		return event.IAPPolicyChanged
	case plan.EnableIAP:
		return event.BackendServiceChanged
	}
	return event.RunServiceChanged
}

// sameThing says whether a write was to the service or the backend service that
// a step protects, or to its policy. IAP names backend services by their ids.
func sameThing(p posture.Posture, step plan.Step, write event.Write) bool {
	if write.Project != p.Target.Project && write.Project != p.ProjectNumber {
		return false
	}
	for _, backend := range p.Backends {
		if step.Resource == backend.Resource() || step.Resource == backend.AccessResource(p.ProjectNumber) {
			return write.Location == backend.Location && write.BackendService != "" &&
				(write.BackendService == backend.Name || write.BackendService == backend.ID)
		}
	}
	service := posture.Target{Project: p.Target.Project, Location: write.Location, Service: write.Service}
	return write.Service != "" && (service.Name() == step.Resource || service.AccessResource(p.ProjectNumber) == step.Resource)
}
