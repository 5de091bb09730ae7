package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type requestKey struct{}

// Received stores the trace of a request in the context. Cloud Run sends it as
// traceparent or as the older X-Cloud-Trace-Context. Source:
// trace/docs/trace-context.
func Received(ctx context.Context, header http.Header) context.Context {
	parent := parentIn(header.Get("traceparent"))
	if !parent.IsValid() {
		parent = cloudTrace(header.Get("X-Cloud-Trace-Context"))
	}
	if !parent.IsValid() {
		return ctx
	}
	return context.WithValue(ctx, requestKey{}, parent)
}

// Trace is the span that log lines refer to. It belongs to the trace of the request,
// so that Cloud Logging shows the lines below the request's own log entry: the
// current span if that is part of this trace, else the request's. Outside of
// requests it is not valid.
func Trace(ctx context.Context) trace.SpanContext {
	request, ok := ctx.Value(requestKey{}).(trace.SpanContext)
	at := trace.SpanContextFromContext(ctx)
	if !ok || at.IsValid() && at.TraceID() == request.TraceID() {
		return at
	}
	return request
}

// parentIn reads a traceparent. Source: W3C Trace Context.
func parentIn(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// cloudTrace reads TRACE_ID/SPAN_ID;o=1. The span id is decimal. No maintained
// library reads this form: Google's propagator is deprecated in favour of
// traceparent.
func cloudTrace(value string) trace.SpanContext {
	value, options, _ := strings.Cut(value, ";")
	traceID, span, _ := strings.Cut(value, "/")
	id, err := trace.TraceIDFromHex(strings.ToLower(traceID))
	if err != nil {
		return trace.SpanContext{}
	}
	number, err := strconv.ParseUint(span, 10, 64)
	if err != nil {
		return trace.SpanContext{}
	}
	config := trace.SpanContextConfig{TraceID: id, Remote: true}
	binary.BigEndian.PutUint64(config.SpanID[:], number)
	if options == "o=1" {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(config)
}

// carriedBy is the attribute of Pub/Sub messages that has the traceparent. Source:
// pubsub/docs/open-telemetry-tracing.
const carriedBy = "googclient_traceparent"

// Carried are the attributes that make a message continue the current trace, nil
// without a trace.
func Carried(ctx context.Context) map[string]string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if carrier["traceparent"] == "" {
		return nil
	}
	return map[string]string{carriedBy: carrier["traceparent"]}
}

// sentBy is the trace that a message continues: that of the Pub/Sub message in a
// push, or that of a CloudEvent with the distributed tracing extension.
func sentBy(header http.Header, body []byte) trace.SpanContext {
	var message struct {
		Traceparent string `json:"traceparent"`
		Message     struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	_ = json.Unmarshal(body, &message) // package event reports a body that is not JSON
	for _, candidate := range []string{
		message.Message.Attributes[carriedBy], header.Get(carriedBy), header.Get("ce-traceparent"), message.Traceparent,
	} {
		if parent := parentIn(candidate); parent.IsValid() {
			return parent
		}
	}
	return trace.SpanContext{}
}
