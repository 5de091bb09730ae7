// Package plan has the types of everything that iapguard writes: a Step writes one
// typed Change to one resource, and a Plan is the steps of one service in the safe
// order. One operation is one file; a test fails when an operation lacks a part.
//
// The order is safe: no prefix of a plan opens a service wider than it was, or
// lastingly shuts out anybody who is entitled to get in:
//
//  1. IAP's API is on, alone: what else is to be done shows once it answers,
//  2. IAP's service agent exists,
//  3. the agent may invoke every service behind the backend services,
//  4. the members that the policy names have access through IAP,
//  5. IAP is on,
//  6. the ingress is restricted,
//  7. the invoker check is on and public invokers are gone, last: until IAP signs
//     requests for its agent, they are what lets users in.
//
// A step is due at a time of its own, and not before the earlier ones that it relies on
// (Schedule). The package is pure.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/posture"
)

// Plan is what would make one service protected.
type Plan struct {
	Target posture.Target
	Steps  []Step
}

// New is the plan of these steps, in the safe order. Steps of one stage keep
// their order.
func New(target posture.Target, steps []Step) Plan {
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.stage(), b.stage()) })
	return Plan{Target: target, Steps: steps}
}

// ID is the hash of the steps and of the versions that they were planned
// against: two plans with one ID do the same to the same state.
func (p Plan) ID() string {
	type identity struct {
		Op, Resource, Field, From, To, Version string
		Change                                 Change
	}
	list := make([]identity, 0, len(p.Steps))
	for _, s := range p.Steps {
		words := s.Words()
		list = append(list, identity{string(s.Op()), s.Resource, words.Field, words.From, words.To, s.Version, s.Change})
	}
	data, err := json.Marshal(struct {
		Target string
		Steps  []identity
	}{p.Target.Name(), list})
	if err != nil {
		panic(err) // unreachable: changes are plain values
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Waves groups steps that are performed together. Holds are read before each
// wave. A wave has one step.
func Waves(steps []Step) [][]Step {
	waves := make([][]Step, 0, len(steps))
	for i := range steps {
		waves = append(waves, steps[i:i+1])
	}
	return waves
}

// Check refuses a plan that is not safe for the service as it was observed: steps
// out of the safe order, a step without an operation, or a step that takes the
// public away while IAP is not on, or its agent not let in, by then. It judges by
// the posture and the steps alone, so it finds mistakes of those who plan.
func (p Plan) Check(seen posture.Posture) error {
	reached := 0
	for i, step := range p.Steps {
		if step.operation().Affects == caller.ChangeInvokers {
			if missing := step.missing(seen, p.Steps[:i]); missing != "" {
				return fmt.Errorf("checking the plan of %s: %s would lock everybody out: %s", p.Target.Name(), step.Op(), missing)
			}
		}
		stage := step.stage()
		if stage == 0 {
			return fmt.Errorf("checking the plan of %s: operation %q is not known", p.Target.Name(), step.Op())
		}
		if stage < reached {
			return fmt.Errorf("checking the plan of %s: %s comes after a step of a later stage", p.Target.Name(), step.Op())
		}
		reached = stage
	}
	return nil
}

// Has reports whether the plan has a step of the operation.
func (p Plan) Has(ops ...Op) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return slices.Contains(ops, s.Op()) })
}

// Changes are the steps that can shut somebody out, as package caller judges
// them; a plan without any breaks no caller.
func (p Plan) Changes() []caller.ChangeTo {
	var list []caller.ChangeTo
	for _, step := range p.Steps {
		if affects := step.operation().Affects; affects != "" {
			list = append(list, caller.ChangeTo{Change: affects, Resource: step.Resource})
		}
	}
	return list
}
