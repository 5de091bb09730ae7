package telemetry

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

const (
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
	other       = "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00"
)

// words is a span context in the form of traceparent, "" when it is not valid.
func words(c trace.SpanContext) string {
	if !c.IsValid() {
		return ""
	}
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

func TestRequestsAreTracedByTheirHeaders(t *testing.T) {
	for _, tc := range []struct {
		name, traceparent, cloud, want string
	}{
		{"neither", "", "", ""},
		{"traceparent", traceparent, "", traceparent},
		{"the older header, with a decimal span id", "", "0af7651916cd43dd8448eb211c80319c/67667974448284343;o=1",
			traceparent},
		{"the older header, not sampled", "", "4bf92f3577b34da6a3ce929d0e0e4736/13235353014750950193;o=0", other},
		{"the older header without options", "", "4bf92f3577b34da6a3ce929d0e0e4736/13235353014750950193", other},
		{"both: traceparent counts", traceparent, "4bf92f3577b34da6a3ce929d0e0e4736/1;o=1", traceparent},
		{"a traceparent that is none: the older header counts", "00-zz-1-01",
			"4bf92f3577b34da6a3ce929d0e0e4736/13235353014750950193", other},
		{"no span id", "", "0af7651916cd43dd8448eb211c80319c", ""},
		{"a hexadecimal span id", "", "0af7651916cd43dd8448eb211c80319c/00f067aa0ba902b7;o=1", ""},
		{"rubbish", "rubbish", "rubbish/1;o=1", ""},
		{"a trace of zeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
			"00000000000000000000000000000000/1", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := http.Header{}
			header.Set("traceparent", tc.traceparent)
			header.Set("X-Cloud-Trace-Context", tc.cloud)
			if got := words(Trace(Received(context.Background(), header))); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestMessagesCarryTheirTrace(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"none", nil, `{"message":{"data":"e30="}}`, ""},
		{"a pushed message", nil,
			`{"message":{"attributes":{"googclient_traceparent":"` + traceparent + `"},"data":"e30="}}`, traceparent},
		{"an unwrapped message", http.Header{"Googclient_traceparent": {traceparent}}, `{}`, traceparent},
		{"a CloudEvent in binary mode", http.Header{"Ce-Traceparent": {traceparent}}, `{}`, traceparent},
		{"a CloudEvent in structured mode", nil, `{"specversion":"1.0","traceparent":"` + traceparent + `"}`, traceparent},
		{"a message in a CloudEvent: the message's counts", http.Header{"Ce-Traceparent": {other}},
			`{"message":{"attributes":{"googclient_traceparent":"` + traceparent + `"}}}`, traceparent},
		{"one that is none", nil, `{"message":{"attributes":{"googclient_traceparent":"rubbish"}}}`, ""},
		{"no JSON", nil, `rubbish`, ""},
		{"of another shape", nil, `{"message":"rubbish","traceparent":7}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := words(sentBy(tc.header, []byte(tc.body))); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestSentMessagesCarryTheCurrentTrace(t *testing.T) {
	if got := Carried(context.Background()); got != nil {
		t.Errorf("%v without a trace, want nothing", got)
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), parentIn(traceparent))
	if got := Carried(ctx); len(got) != 1 || got["googclient_traceparent"] != traceparent {
		t.Errorf("%v, want the traceparent", got)
	}
}
