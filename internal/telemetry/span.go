package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	tracing "go.opentelemetry.io/otel/trace"
)

// Message begins the span of one delivered message. Its parent is the trace that the
// message carries, so that an event and its work are one trace; the request's own
// trace is then linked. Without a carried trace the request's is the parent. The
// returned function ends the span.
func (t *Telemetry) Message(
	ctx context.Context, path string, header http.Header, body []byte,
) (context.Context, func(error)) {
	if t == nil {
		return ctx, nothing
	}
	options := []tracing.SpanStartOption{tracing.WithSpanKind(tracing.SpanKindConsumer)}
	request, _ := ctx.Value(requestKey{}).(tracing.SpanContext)
	parent := sentBy(header, body)
	switch {
	case parent.IsValid() && request.IsValid():
		options = append(options, tracing.WithLinks(tracing.Link{SpanContext: request}))
	case !parent.IsValid():
		parent = request
	}
	return t.begin(tracing.ContextWithRemoteSpanContext(ctx, parent), "POST "+path, options...)
}

// Begin begins the span of a part of the handling. Attributes alternate names and
// values. The returned function ends the span.
func (t *Telemetry) Begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error)) {
	if t == nil {
		return ctx, nothing
	}
	pairs := make([]attribute.KeyValue, 0, len(attributes)/2)
	for i := 0; i+1 < len(attributes); i += 2 {
		pairs = append(pairs, attribute.String("iapguard."+attributes[i], attributes[i+1]))
	}
	return t.begin(ctx, part, tracing.WithAttributes(pairs...))
}

func (t *Telemetry) begin(
	ctx context.Context, name string, options ...tracing.SpanStartOption,
) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, options...)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

func nothing(error) {}

// Transport records a span and a metric of each API call, below the current span.
// They contain no header and no body, and Google does not get the trace.
func (t *Telemetry) Transport(base http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(t.traces), otelhttp.WithMeterProvider(t.metrics),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Host }))
}
