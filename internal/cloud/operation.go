package cloud

import (
	"context"
	"path"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
)

// call is how a step is taken or taken back. It writes only while the resource is
// at step.Version, and returns the version after the write, "" when the API does
// not return it.
type call func(ctx context.Context, c *Cloud, step plan.Step) (string, error)

// operation is the API calls of one kind of step.
type operation struct{ do, undo call }

// operations are those of all steps; each file operation_*.go adds its own.
var operations = map[plan.Op]operation{}

// typed is a call that receives the step's change with its own type.
type typed[C plan.Change] func(ctx context.Context, c *Cloud, step plan.Step, change C) (string, error)

// carry registers the calls of the operation whose changes have type C.
func carry[C plan.Change](do, undo typed[C]) struct{} {
	var kind C
	operations[kind.Operation().Op] = operation{untyped(do), untyped(undo)}
	return struct{}{}
}

func untyped[C plan.Change](call typed[C]) call {
	return func(ctx context.Context, c *Cloud, step plan.Step) (string, error) {
		change, ok := step.Change.(C)
		if !ok {
			return "", fault.New(fault.Invalid, "operation %q has no such change: %T", step.Op(), step.Change)
		}
		return call(ctx, c, step, change)
	}
}

// nothing takes nothing back.
func nothing[C plan.Change](context.Context, *Cloud, plan.Step, C) (string, error) { return "", nil }

// invokers changes who may invoke a service. change reports whether it changed
// anything.
func invokers[C plan.Change](change func(p *iampolicy.Policy, with C) bool) typed[C] {
	return func(ctx context.Context, c *Cloud, step plan.Step, with C) (string, error) {
		return c.run.ChangePolicy(ctx, step.Resource, step.Version, func(p *iampolicy.Policy) bool { return change(p, with) })
	}
}

// Apply takes one step as an account, "" = our own; see package plan for what
// each operation means. What is read on the way is read in our own name.
func (c *Cloud) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	known, ok := operations[step.Op()]
	if !ok {
		return "", unknown(step)
	}
	defer c.logs.Wrote(projectOf(step.Resource), path.Base(step.Resource)) // also where it failed: that may be known later
	return known.do(connect.As(ctx, as), c, step)
}

// Undo takes back one step that Apply took, as an account, "" = our own. Where the resource is
// no longer at step.Version, the answer is a fault.Conflict.
func (c *Cloud) Undo(ctx context.Context, step plan.Step, as string) (string, error) {
	known, ok := operations[step.Op()]
	if !ok {
		return "", unknown(step)
	}
	return known.undo(connect.As(ctx, as), c, step)
}

func unknown(step plan.Step) error {
	return fault.New(fault.Invalid, "operation %q is not known", step.Op())
}
