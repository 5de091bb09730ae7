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

// Received notes which trace a request is part of, as Cloud Run says: by
// traceparent, or by the older X-Cloud-Trace-Context. Source:
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

// Trace gives what log lines are told of the trace: that of the request, below
// whose own log entry Cloud Logging then shows them, and the span at hand where it
// is of the same trace. It is not valid outside of requests.
func Trace(ctx context.Context) trace.SpanContext {
	request, ok := ctx.Value(requestKey{}).(trace.SpanContext)
	at := trace.SpanContextFromContext(ctx)
	if !ok || at.IsValid() && at.TraceID() == request.TraceID() {
		return at
	}
	return request
}

// parentIn reads a traceparent. Source: the W3C's Trace Context.
func parentIn(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// cloudTrace reads TRACE_ID/SPAN_ID;o=1, with a decimal span id, where all but the
// first may be left out. There is no kept library for it: Google's propagator is
// deprecated in favour of traceparent.
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

// carriedBy is the name under which Pub/Sub messages carry a traceparent. Source:
// pubsub/docs/open-telemetry-tracing.
const carriedBy = "googclient_traceparent"

// Carried are the attributes by which a message carries on the trace, nil where
// there is none.
func Carried(ctx context.Context) map[string]string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if carrier["traceparent"] == "" {
		return nil
	}
	return map[string]string{carriedBy: carrier["traceparent"]}
}

// sentBy finds the trace that a message carries: of the Pub/Sub message in a push,
// or of the CloudEvent by its distributed tracing extension, in both modes.
func sentBy(header http.Header, body []byte) trace.SpanContext {
	var message struct {
		Traceparent string `json:"traceparent"`
		Message     struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	// What cannot be read here is judged where it is parsed.
	_ = json.Unmarshal(body, &message)
	for _, candidate := range []string{message.Message.Attributes[carriedBy], header.Get(carriedBy), header.Get("ce-traceparent"), message.Traceparent} {
		if parent := parentIn(candidate); parent.IsValid() {
			return parent
		}
	}
	return trace.SpanContext{}
}
