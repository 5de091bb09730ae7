package reconcile

import "context"

// Tracer is told when a part of the walk begins. Attributes are names and values,
// one after the other. What is done for the part gets the context that it gives;
// the function that it gives is told how the part ended.
type Tracer interface {
	Begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error))
}

func (e *Engine) begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error)) {
	if e.Tracer == nil {
		return ctx, func(error) {}
	}
	return e.Tracer.Begin(ctx, part, attributes...)
}
