package playground_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
)

// patience is how long a test waits for what must come; it passes as soon as
// it has come.
const patience = 30 * time.Second

// received is one request that the function got.
type received struct {
	path   string
	header http.Header
	body   []byte
}

// recorder is a function that takes everything and does nothing.
type recorder struct {
	mu  sync.Mutex
	got []received
}

func (f *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, received{r.URL.Path, r.Header, body})
	w.WriteHeader(http.StatusNoContent)
}

// taken are the requests so far.
func (f *recorder) taken() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.got...)
}

// start is a playground with nothing attached.
func start(t *testing.T) *playground.Playground {
	t.Helper()
	s, err := playground.Start(t.Context(), playground.Options{Discovery: discovery.Judge(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func idle(t *testing.T, s *playground.Playground) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Broker.Idle(ctx); err != nil {
		t.Fatal(err)
	}
}

// proxied sends requests for any host to a local cloud, as to a proxy.
func proxied(t *testing.T, s *playground.Playground, path string) *http.Client {
	t.Helper()
	to, err := url.Parse(s.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL = to
		r.Host = ""
		return http.DefaultTransport.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// checkToken lets Google's own validator look at a push's token, with the
// local cloud's keys in the place of Google's.
func checkToken(t *testing.T, s *playground.Playground, push received, audience, account string) {
	t.Helper()
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(proxied(t, s, "/_local/certs")))
	if err != nil {
		t.Fatal(err)
	}
	token, found := strings.CutPrefix(push.header.Get("Authorization"), "Bearer ")
	payload, err := validator.Validate(t.Context(), token, audience)
	if err != nil || !found {
		t.Errorf("a push to %s with the token %q: %v", push.path, token, err)
		return
	}
	if got := payload.Claims["email"]; got != account {
		t.Errorf("a push to %s is by %v, want %s", push.path, got, account)
	}
}

func TestPushesToTheFunctionCarryATokenForTheirEndpoint(t *testing.T) {
	t.Parallel()
	s, function := start(t), &recorder{}
	if err := s.Attach(t.Context(), function); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{playground.EventsTopic, playground.WorkTopic, playground.CommandsTopic} {
		if _, err := s.Broker.Publish(t.Context(), delivery.Message{Topic: topic, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	idle(t, s)
	endpoints := map[string]string{}
	for _, each := range s.Broker.State() {
		to, err := url.Parse(each.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		endpoints[to.Path] = each.Endpoint
	}
	if got := len(function.taken()); got != 3 {
		t.Errorf("%d pushes, want 3", got)
	}
	for _, push := range function.taken() {
		checkToken(t, s, push, playground.FunctionAudience, playground.PushAccount)
	}
}

// disturb posts a rule and gives the status and the answer.
func disturb(t *testing.T, s *playground.Playground, rule string) (int, string) {
	t.Helper()
	response, err := http.Post(s.URL()+"/_local/disturb", "application/json", strings.NewReader(rule))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Errorf("%s: the answer %q is not JSON", rule, text)
	}
	return response.StatusCode, string(text)
}

func TestADisturbanceIsSetOverHTTPAndEndsWithAReset(t *testing.T) {
	t.Parallel()
	s, function := start(t), &recorder{}
	if err := s.Attach(t.Context(), function); err != nil {
		t.Fatal(err)
	}
	count := func(topic string) int {
		before := len(function.taken())
		if _, err := s.Broker.Publish(t.Context(), delivery.Message{Topic: topic, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		idle(t, s)
		return len(function.taken()) - before
	}
	if status, text := disturb(t, s, `{"subscription":"iapguard-work","duplicate":3}`); status != http.StatusOK {
		t.Fatal(text)
	}
	got := []int{count(playground.WorkTopic), count(playground.EventsTopic)}
	response, err := http.Post(s.URL()+"/_local/reset", "", bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got = append(got, count(playground.WorkTopic)); got[0] != 4 || got[1] != 1 || got[2] != 1 {
		t.Errorf("pushes to the disturbed subscription, to another, and after a reset: %v, want [4 1 1]", got)
	}
}

func TestADisturbanceThatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	if _, text := disturb(t, s, `{"subscription":"iapguard-events"}`); !strings.Contains(text, "attach a function") {
		t.Errorf("with nothing attached: %s", text)
	}
	if err := s.Attach(t.Context(), &recorder{}); err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]string{
		`{"subscription":"iapguard-events","duplicates":1}`:       "duplicates",
		`{"subscription":"iapguard-events","Duplicate":1}`:        "Duplicate",
		`{"subscription":"iapguard-events","count":1,"count":2}`:  "count",
		`{"subscription":"iapguard-events","delay":"soon"}`:       "250ms",
		`{"subscription":"iapguard-events","delay":"-1s"}`:        "delay",
		`{"subscription":"iapguard-events","duplicate":1.5}`:      "duplicate",
		`{"subscription":"iapguard-events","duplicate":1000000}`:  "0 to 100",
		`{"subscription":"iapguard-event"}`:                       "iapguard-commands, iapguard-events, iapguard-work",
		`{"subscription":"iapguard-events"} {"subscription":"x"}`: "reading the disturbance",
		`[]`:                          "reading the disturbance",
		``:                            "reading the disturbance",
		`{}`:                          "iapguard-events",
		strings.Repeat(" ", 1<<16+10): "reading the disturbance",
	} {
		if status, text := disturb(t, s, rule); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%.60s: %d %s, want a 400 with %q", rule, status, text, want)
		}
	}
	full := `{"subscription":"projects/demo-project/subscriptions/iapguard-events","duplicate":1,"delay":"10ms","reorder":true,"count":2}`
	if status, text := disturb(t, s, full); status != http.StatusOK {
		t.Errorf("%s: %d %s", full, status, text)
	}
}
