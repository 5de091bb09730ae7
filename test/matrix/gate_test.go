package matrix

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/internal/report"
)

// call is one call of Google's APIs, or one publish, by an instance.
type call struct {
	name string // "PATCH /v2/projects/…/services/hello ingress", "memory PUT service", "publish protected"
	n    int    // which one of that name in its world, from 1 on
	// request is nil for a publish, and so is body.
	request *http.Request
	body    []byte
	// send lets it take effect. It is called once by a hook, or else afterwards. Then code is
	// the status of the cloud's answer; a publish has none.
	send func()
	code int
	// earlier is how the cloud answered the first call of that name; nil = this is it, or a publish.
	earlier *httptest.ResponseRecorder
	// A hook sets one of these where the instance gets another answer than the cloud's.
	answer http.HandlerFunc
	status error // of a publish: a gRPC status
}

func (c *call) publish() bool { return c.request == nil }

// write reports whether the call changes what stands in the cloud: the memory, logs and
// messages do not count.
func (c *call) write() bool {
	if c.publish() || strings.HasPrefix(c.name, "memory ") {
		return false
	}
	path := c.request.URL.Path
	return c.request.Method == http.MethodPatch || strings.HasSuffix(path, ":setIamPolicy") ||
		strings.HasSuffix(path, ":generateServiceIdentity") || strings.HasSuffix(path, ":enable")
}

// hook is called for each call before it is sent.
type hook func(*call)

// hook has each call of instances pass one from now on; nil = none.
func (w *world) hook(with hook) {
	if with == nil {
		w.hooked.Store(nil)
		return
	}
	w.hooked.Store(&with)
}

// pass counts a call and lets the hook see it. It returns when the call has taken effect,
// unless a hook answers in the cloud's place.
func (w *world) pass(c *call) {
	w.mu.Lock()
	w.counted[c.name]++
	c.n = w.counted[c.name]
	w.passed = append(w.passed, c.id())
	w.mu.Unlock()
	var once sync.Once
	send := c.send
	c.send = func() { once.Do(send) }
	if with := w.hooked.Load(); with != nil {
		(*with)(c)
	}
	if c.answer == nil && c.status == nil {
		c.send()
	}
}

// id is which call: its name, and which one of that name.
type id struct {
	name string
	n    int
	// changes means that the call is a publish or a write.
	changes bool
}

func (c *call) id() id { return id{c.name, c.n, c.publish() || c.write()} }

func (i id) String() string { return fmt.Sprintf("%s #%d", i.name, i.n) }

// calls are those since the last time that somebody asked.
func (w *world) calls() []id {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.passed
	w.passed, w.counted = nil, map[string]int{}
	return calls
}

// openGate begins to serve Google's APIs to instances.
func (w *world) openGate() {
	w.gate = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the instance has gone
		}
		answer := httptest.NewRecorder()
		c := &call{name: nameOf(r, body), request: r, body: body}
		c.send = func() {
			sent := r.Clone(context.WithoutCancel(r.Context()))
			sent.Body = io.NopCloser(bytes.NewReader(body))
			w.Cloud.ServeHTTP(answer, sent)
			if c.code = answer.Code; c.write() {
				w.stir()
			}
		}
		if c.write() {
			w.announced(c)
		}
		w.mu.Lock()
		if c.earlier = w.firsts[c.name]; c.earlier == nil {
			w.firsts[c.name] = answer
		}
		w.mu.Unlock()
		w.pass(c)
		if c.answer != nil {
			c.answer(rw, r)
			return
		}
		for name, values := range answer.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes()) // the instance may have gone
	}))
	w.t.Cleanup(w.gate.Close)
}

// random are the parts of paths that differ from run to run.
var random = regexp.MustCompile(`/operations?/[^/:]+|operation-[0-9a-f-]+`)

// nameOf names a call so that it has the same name in every run.
func nameOf(r *http.Request, body []byte) string {
	path := r.URL.Path
	if strings.Contains(path, "/storage/v1/") {
		object := r.URL.Query().Get("name")
		if _, after, ok := strings.Cut(path, "/o/"); ok {
			object = after
		}
		if match := objectName.FindSubmatch(body); object == "" && match != nil {
			object = string(match[1])
		}
		kind, _, _ := strings.Cut(cmp.Or(object, r.URL.Query().Get("prefix"), "bucket"), "/")
		return "memory " + r.Method + " " + kind
	}
	name := r.Method + " " + revision.ReplaceAllString(random.ReplaceAllString(path, "/operations/*"), "-$1")
	if mask := r.URL.Query().Get("updateMask"); mask != "" {
		name += " " + mask
	}
	return name
}

var objectName = regexp.MustCompile(`"name": ?"([^"]+)"`)

// publisher is Pub/Sub as instances see it.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	w *world
}

// openTopics begins to serve Pub/Sub to instances.
func (w *world) openTopics() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	server := grpc.NewServer()
	pubsubpb.RegisterPublisherServer(server, publisher{w: w})
	go func() { _ = server.Serve(listener) }() // until it is stopped
	w.t.Cleanup(server.Stop)
	w.topics = listener.Addr().String()
}

// Publish passes a message on.
func (p publisher) Publish(_ context.Context, request *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	message := request.GetMessages()[0]
	name := "publish " + request.GetTopic()[strings.LastIndexByte(request.GetTopic(), '-')+1:]
	if outcome, ok := strings.CutPrefix(message.GetAttributes()["ce-type"], report.TypePrefix); ok {
		name = "publish " + outcome
	}
	var answer pubsubpb.PublishResponse
	var failed error
	c := &call{name: name, send: func() {
		// Who stopped waiting has published all the same.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		failed = p.w.Broker.Invoke(ctx, "/google.pubsub.v1.Publisher/Publish", request, &answer)
		if failed == nil {
			p.w.published(message)
		}
	}}
	p.w.pass(c)
	if c.status != nil {
		return nil, c.status
	}
	return &answer, failed
}

// GetTopic shows a topic.
func (p publisher) GetTopic(ctx context.Context, request *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	var topic pubsubpb.Topic
	if err := p.w.Broker.Invoke(ctx, "/google.pubsub.v1.Publisher/GetTopic", request, &topic); err != nil {
		return nil, err
	}
	return &topic, nil
}

// errGone is what an instance that was killed would get.
var errGone = status.Error(codes.Unavailable, "the instance has gone")
