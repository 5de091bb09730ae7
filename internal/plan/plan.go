// Package plan turns findings into ordered steps, each with its reason, and
// prints them. It is pure: what is done with a plan is another package's work.
//
// The order is the safe one, so that no prefix of a plan opens a service wider
// than it was, or shuts out for long who is entitled to get in:
//
//  1. IAP's service agent exists,
//  2. it may invoke every service behind the backend services,
//  3. those whom the policy names have access through IAP,
//  4. IAP is on,
//  5. the ingress is restricted and the invoker check is on,
//  6. public invokers are gone, last: until IAP signs requests for its agent,
//     they are what lets users in.
//
// A step that relies on an earlier one is not due until that one has had time
// to propagate.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// Op is what a step does.
type Op string

// The operations, in the safe order.
const (
	ProvisionAgent  Op = "provision-agent"
	GrantInvoker    Op = "grant-invoker"
	GrantAccess     Op = "grant-access"
	EnableIAP       Op = "enable-iap"
	EnableDirectIAP Op = "enable-direct-iap"
	RestrictIngress Op = "restrict-ingress"
	RequireInvoker  Op = "require-invoker-check"
	RevokePublic    Op = "revoke-public"
	Redeploy        Op = "redeploy" // on its own, by the doctor only: see ForRedeploy
)

// stage is the place of each operation in the safe order. Steps of one stage
// may stand in any order.
var stage = map[Op]int{
	ProvisionAgent:  1,
	GrantInvoker:    2,
	GrantAccess:     3,
	EnableIAP:       4,
	EnableDirectIAP: 4,
	RestrictIngress: 5,
	RequireInvoker:  6,
	RevokePublic:    6,
	Redeploy:        7,
}

// Step is one write. From and To say what changes, in words that restore it.
type Step struct {
	Op       Op     `json:"op"`
	Resource string `json:"resource"`
	Field    string `json:"field,omitempty"` // the role, or the setting that changes
	From     string `json:"from"`
	To       string `json:"to"`
	Why      string `json:"why"`
	// Condition is under what a granted role holds; zero = always.
	Condition posture.Condition `json:"condition,omitzero"`
	// Conditional says that a member taken away stood under a condition, which
	// From does not hold: putting it back would be wider than it was.
	Conditional bool `json:"conditional,omitempty"`
	// Version is what was observed of the resource (etag or fingerprint). The
	// write is refused when the resource has moved since.
	Version string `json:"version,omitempty"`
	// NotBefore is when the step is due; zero = at once.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

// Plan is what would make one service protected.
type Plan struct {
	Target posture.Target
	Steps  []Step
}

// Make orders the steps that close the findings' gaps. Where something must
// come first from outside (a load balancer, an accessor), it goes only as far
// as nobody can notice: the agent is provisioned and granted, unless the policy
// wants the service closed until a load balancer is there. Where a person
// must act, it is empty. now decides which steps are due.
func Make(p posture.Posture, want policy.Wanted, findings []protection.Finding, now time.Time) Plan {
	last := stage[RevokePublic]
	switch protection.Worst(findings) {
	case protection.Blocks:
		last = 0
	case protection.Waits:
		if !protection.Closes(findings, want) {
			last = stage[GrantInvoker]
		}
	}
	var steps []Step
	for _, finding := range findings {
		build, ok := builders[finding.Code]
		if !ok || finding.Effect != protection.Gap {
			continue
		}
		step := build(p, finding)
		step.Resource, step.Why = finding.Resource, finding.Why
		if stage[step.Op] <= last {
			steps = append(steps, step)
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(stage[a.Op], stage[b.Op]) })
	schedule(steps, p, want, now)
	return Plan{Target: p.Target, Steps: steps}
}

// ID is the hash of the steps and of the versions that they were planned
// against: two plans with one ID do the same to the same state.
func (p Plan) ID() string {
	type identity struct {
		Op, Resource, Field, From, To, Version string
		Condition                              posture.Condition `json:",omitzero"`
	}
	list := make([]identity, 0, len(p.Steps))
	for _, s := range p.Steps {
		list = append(list, identity{string(s.Op), s.Resource, s.Field, s.From, s.To, s.Version, s.Condition})
	}
	data, err := json.Marshal(struct {
		Target string
		Steps  []identity
	}{p.Target.Name(), list})
	if err != nil {
		panic(err) // unreachable: plain strings always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Due splits the steps at the first that is not due yet: a step never
// overtakes an earlier one.
func (p Plan) Due(now time.Time) (due, later []Step) {
	for i, step := range p.Steps {
		if step.NotBefore.After(now) {
			return p.Steps[:i], p.Steps[i:]
		}
	}
	return p.Steps, nil
}

// Check refuses a plan that is out of the safe order, or that takes the public
// away before the agent can come in. It guards against our own mistakes.
func (p Plan) Check() error {
	reached := 0
	for _, step := range p.Steps {
		if stage[step.Op] == 0 {
			return fmt.Errorf("checking the plan of %s: operation %q is not known", p.Target.Name(), step.Op)
		}
		if stage[step.Op] < reached {
			return fmt.Errorf("checking the plan of %s: %s comes after a step of a later stage", p.Target.Name(), step.Op)
		}
		reached = stage[step.Op]
	}
	return nil
}

// Written names what a step writes, as far as versions go: a service's policy
// and the service itself have versions of their own.
func (s Step) Written() string {
	switch s.Op {
	case GrantInvoker, RevokePublic, GrantAccess:
		return s.Resource + ":iamPolicy"
	}
	return s.Resource
}

// changes are what operations mean to those who call the service now.
var changes = map[Op]caller.Change{
	EnableIAP: caller.ChangeIAP, EnableDirectIAP: caller.ChangeDirectIAP, RestrictIngress: caller.ChangeIngress,
	RequireInvoker: caller.ChangeInvokers, RevokePublic: caller.ChangeInvokers,
}

// Changes are those steps that can shut somebody out; a plan without any
// breaks no caller.
func (p Plan) Changes() []caller.ChangeTo {
	var list []caller.ChangeTo
	for _, step := range p.Steps {
		if change, can := changes[step.Op]; can {
			list = append(list, caller.ChangeTo{Change: change, Resource: step.Resource})
		}
	}
	return list
}
