package function

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/telemetry"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/collector"
)

// kept is a work topic whose messages the test delivers.
type kept struct {
	data       []byte
	attributes map[string]string
}

func (k *kept) Add(ctx context.Context, item workqueue.Item) error {
	k.data, k.attributes = item.Payload, item.Attributes()
	maps.Copy(k.attributes, telemetry.Carried(ctx))
	return nil
}

const trace, span = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"

// watched is a bench whose telemetry goes to a collector, with a work topic.
func watched(t *testing.T) (*bench, *kept, *collector.Collector) {
	t.Helper()
	c := collector.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	b := newBench(t, cloudtest.Policy(), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	work := &kept{}
	b.queue = tracedQueue{work, b.telemetry}
	b.engine.Publisher = reportPublisher{to: b.reports, log: slog.New(slog.DiscardHandler), telemetry: b.telemetry}
	return b, work, c
}

// post delivers a body and wants it acknowledged.
func (b *bench) post(t *testing.T, path, traceparent string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(text)))
	request.Header.Set("traceparent", traceparent)
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, request)
	if answer.Code != http.StatusNoContent {
		t.Fatalf("%s: status %d, want 204", path, answer.Code)
	}
}

func TestEventAndItsWorkAreOneTrace(t *testing.T) {
	b, work, c := watched(t)
	apply := map[string]any{"command": "apply", "id": "1", "target": hello.Name()}
	b.post(t, "/commands", "00-"+trace+"-"+span+"-01", apply)
	const other = "4bf92f3577b34da6a3ce929d0e0e4736"
	message := map[string]any{"data": work.data, "attributes": work.attributes}
	b.post(t, "/work", "00-"+other+"-b7ad6b7169203331-01", map[string]any{"message": message})
	spans := c.Spans() // what is answered is exported
	byID, paths := map[string]collector.Span{}, map[string]bool{}
	for _, each := range spans {
		byID[each.ID] = each
	}
	for _, each := range spans {
		if each.Trace != trace {
			t.Errorf("%s is of trace %s, want the event's", each.Name, each.Trace)
		}
		path, at := each.Name, each
		for at.Parent != span && at.Parent != "" {
			at = byID[at.Parent]
			path = at.Name + " > " + path
		}
		paths[path] = true
		if each.Name == "POST /work" && !slices.Equal(each.Links, []string{other}) {
			t.Errorf("the delivery of the work is linked to %v, want the request that brought it", each.Links)
		}
	}
	run := "POST /commands > enqueue > POST /work > reconcile"
	host := strings.TrimPrefix(b.URL(), "http://")
	for _, want := range []string{
		"POST /commands > parse", "POST /commands > resolve",
		run + " > observe > GET " + host, run + " > decide", run + " > publish",
		run + " > apply > PATCH " + host, run + " > verify",
		run + " > GET " + host, // asked ahead, for all parts of a reading
	} {
		if !paths[want] {
			t.Errorf("there is no span %s; there are %v", want, paths)
		}
	}
	var ops []string
	for _, each := range spans {
		if each.Name == "apply" {
			ops = append(ops, each.Attributes["iapguard.op"])
		}
	}
	var steps []string
	for _, step := range b.last(t).Steps {
		steps = append(steps, step.Op)
	}
	if diff := cmp.Diff(steps, ops); diff != "" {
		t.Errorf("a span for each step (-report +spans):\n%s", diff)
	}
}

func TestMetricsCountReportsAndNameNobody(t *testing.T) {
	b, work, c := watched(t)
	b.post(t, "/commands", "", map[string]any{"command": "apply", "id": "1", "target": hello.Name()})
	b.post(t, "/work", "", map[string]any{"message": map[string]any{"data": work.data}})
	steps := map[string]int64{}
	for _, step := range b.last(t).Steps {
		steps[step.Op]++
	}
	if err := b.Function.Close(); err != nil { // the last points go with the end
		t.Fatal(err)
	}
	last := map[string]int64{}
	allowed := map[string][]string{
		"iapguard.outcomes": {"mode", "outcome"}, "iapguard.steps": {"op", "result"}, "iapguard.protection.delay": nil,
		"http.client.request.duration": {
			"http.request.method", "http.response.status_code", "network.protocol.name", "network.protocol.version",
			"server.address", "server.port", "url.scheme", "error.type",
		},
	}
	allowed["http.client.request.body.size"] = allowed["http.client.request.duration"]
	for _, point := range c.Points() {
		names, known := allowed[point.Metric]
		for name, value := range point.Attributes {
			if !known || !slices.Contains(names, name) || strings.Contains(value, "hello") {
				t.Errorf("%s has the attribute %s=%s", point.Metric, name, value)
			}
		}
		last[point.Metric+" "+point.Attributes["outcome"]+point.Attributes["op"]] = point.Count
	}
	if last["iapguard.outcomes started"] != 1 || last["iapguard.outcomes protected"] != 1 {
		t.Errorf("outcomes: %v, want started and protected once each", last)
	}
	for op, want := range steps {
		if got := last["iapguard.steps "+op]; got != want {
			t.Errorf("step %s is counted %d times, want %d", op, got, want)
		}
	}
	if last["iapguard.steps "+"revoke-public"] == 0 || last["http.client.request.duration "] == 0 {
		t.Errorf("points %v, want steps and calls among them", last)
	}
}

func TestDelayFromEventToProtectionIsMeasured(t *testing.T) {
	b, _, c := watched(t)
	b.queue = workqueue.NewInline(b.worker, workqueue.NewAcceptance(b.clock, GiveUpAfter))
	if got := b.outcome(t, "deployed"); got != report.Protected {
		t.Fatal(got)
	}
	if err := b.Function.Close(); err != nil {
		t.Fatal(err)
	}
	points := slices.DeleteFunc(c.Points(), func(p collector.Point) bool {
		return p.Metric != "iapguard.protection.delay"
	})
	if len(points) != 1 || points[0].Count != 1 {
		t.Errorf("%+v, want one protection", points)
	}
}

func TestNothingSecretIsExported(t *testing.T) {
	b, work, c := watched(t)
	b.post(t, "/commands", "", map[string]any{"command": "apply", "id": "1", "target": hello.Name()})
	b.post(t, "/work", "", map[string]any{"message": map[string]any{"data": work.data}})
	if len(c.Bodies()) == 0 {
		t.Fatal("nothing is exported")
	}
	for _, body := range c.Bodies() {
		for _, secret := range []string{"Bearer", "authorization", "Authorization", "alice@example.com"} {
			if strings.Contains(body, secret) {
				t.Errorf("an export shows %q", secret)
			}
		}
	}
}
