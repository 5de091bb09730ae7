package doors

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const (
	pusher  = "pusher@demo-project.iam.gserviceaccount.com"
	another = "another@demo-project.iam.gserviceaccount.com"
	place   = "/v2/projects/" + playground.Project + "/locations/us-central1/services"
)

// program is what really runs behind a private Cloud Run service.
type program struct {
	*cloudtest.Env
	t       *testing.T
	name    string // of the service, in full
	address string
	answer  http.HandlerFunc

	mu  sync.Mutex
	got []*http.Request
}

// deploy makes a service that pusher may invoke, with a program as its container.
func deploy(t *testing.T, settings map[string]any) *program {
	t.Helper()
	p := &program{Env: cloudtest.Start(t, playground.Options{}), t: t,
		name:   strings.TrimPrefix(place, "/v2/") + "/private",
		answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.got = append(p.got, r)
		p.mu.Unlock()
		p.answer(w, r)
	}))
	t.Cleanup(server.Close)
	p.Cloud.DataPlane().Contain(p.name, server.URL)
	service := map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}},
		"timeout": "1s"}}
	for key, value := range settings {
		service[key] = value
	}
	for _, account := range []string{pusher, another} {
		id, _, _ := strings.Cut(account, "@")
		p.CallAs(p.Owner(), "POST", "/v1/projects/"+playground.Project+"/serviceAccounts", map[string]any{"accountId": id})
	}
	p.CallAs(p.Owner(), "POST", place+"?serviceId=private", service)
	p.CallAs(p.Owner(), "POST", place+"/private:setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{
		map[string]any{"role": "roles/run.invoker", "members": []any{"serviceAccount:" + pusher}}}}})
	p.address = p.Cloud.Run().Address("us-central1", "private")
	return p
}

// taken are the requests that reached the program.
func (p *program) taken() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// post sends a request to the service from the internet.
func (p *program) post(headers ...string) *http.Response {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.DataURL()+"/a%2Fb?c=d",
		strings.NewReader("body"))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Host = strings.TrimPrefix(p.address, "https://")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { response.Body.Close() })
	return response
}

// signed is a token of pusher's to the service, with some claims changed; nil
// takes one away.
func (p *program) signed(by *oidc.Issuer, changes map[string]any) string {
	p.t.Helper()
	now := p.Now()
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": p.address, "sub": "1", "email": pusher,
		"email_verified": true,
		"iat":            now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for key, value := range changes {
		if claims[key] = value; value == nil {
			delete(claims, key)
		}
	}
	text, err := by.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func TestAServiceTakesOnlyIdentityTokensThatAreMadeOutToIt(t *testing.T) {
	p := deploy(t, map[string]any{"customAudiences": []any{"orders"}})
	p.CallAs(p.Owner(), "POST", place+"?serviceId=other",
		map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}})
	other, _ := p.CallAs(p.Owner(), "GET", place+"/other", nil)["uri"].(string)
	ours, theirs := p.Cloud.Tokens(), oidc.NewWithOwnKey(p.Now)
	audience := func(text string) string { return p.signed(ours, map[string]any{"aud": text}) }
	for _, tc := range []struct {
		name, token string
		want        int
	}{
		{"none", "", 403},
		{"its own", p.signed(ours, nil), 202},
		{"the name of who may", "serviceAccount:" + pusher, 202},
		{"garbage", "garbage", 401},
		{"signed by another key", p.signed(theirs, nil), 401},
		{"expired", p.signed(ours, map[string]any{"exp": p.Now().Add(-time.Minute).Unix()}), 401},
		{"another issuer's", p.signed(ours, map[string]any{"iss": "https://issuer.example.com"}), 401},
		{"without an address", p.signed(ours, map[string]any{"email": nil}), 401},
		{"of an address that is not verified", p.signed(ours, map[string]any{"email_verified": false}), 401},
		{"another account's", p.signed(ours, map[string]any{"email": another}), 403},
		{"to its address and a slash", audience(p.address + "/"), 202},
		{"to its address and a path", audience(p.address + "/commands"), 202},
		{"to its address and a query", audience(p.address + "/?a=b"), 401},
		{"to what begins as its address", audience(p.address + ".example.com"), 401},
		{"to its custom audience", audience("orders"), 202},
		{"to a part of that", audience("order"), 401},
		{"to another service", audience(other), 401},
	} {
		before := len(p.taken())
		headers := []string{"Authorization", "Bearer " + tc.token}
		if tc.token == "" {
			headers = nil
		}
		if got := p.post(headers...).StatusCode; got != tc.want {
			t.Errorf("token %s: %d, want %d", tc.name, got, tc.want)
		}
		if reached := len(p.taken()) > before; reached != (tc.want == 202) {
			t.Errorf("token %s: the program was reached: %v", tc.name, reached)
		}
	}
	// Where both are, Cloud Run looks at its own header alone.
	if got := p.post("Authorization", "Bearer garbage", "X-Serverless-Authorization",
		"Bearer "+p.signed(ours, nil)).StatusCode; got != 202 {
		t.Errorf("with a good token in Cloud Run's own header: %d, want 202", got)
	}
}

func TestAProgramIsCalledAsAContainerIs(t *testing.T) {
	p := deploy(t, nil)
	var body string
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = string(text)
		w.Header().Set("X-Mine", "yes")
		http.Error(w, "short and stout", http.StatusTeapot)
	}
	token := p.signed(p.Cloud.Tokens(), nil)
	answer := p.post("Authorization", "Bearer "+token, "Traceparent",
		"00-11111111111111111111111111111111-2222222222222222-01")
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusTeapot || string(text) != "short and stout\n" ||
		answer.Header.Get("X-Mine") != "yes" {
		t.Errorf("answered %d %q %v, error %v: want what the program answered", answer.StatusCode, text, answer.Header, err)
	}
	r := p.taken()[0]
	got := []string{r.Method, r.Host, r.RequestURI, body, r.Header.Get("X-Forwarded-Proto"),
		r.Header.Get("Authorization"), r.Header.Get("Traceparent")[:36]}
	want := []string{"POST", strings.TrimPrefix(p.address, "https://"), "/a%2Fb?c=d", "body", "https",
		"Bearer " + token[:strings.LastIndex(token, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE",
		"00-11111111111111111111111111111111-"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the program was called with (-want +got):\n%s", diff)
	}
	entries := p.CallAs(p.Owner(), "POST", "/v2/entries:list",
		map[string]any{"filter": `log_id("run.googleapis.com/requests")`})["entries"].([]any)
	if logged := fmt.Sprint(entries[0].(map[string]any)["httpRequest"].(map[string]any)["status"]); len(entries) != 1 ||
		logged != "418" {
		t.Errorf("%d entries, the first with status %s: want the one request with the program's status", len(entries), logged)
	}
}

func TestAProgramThatDoesNotAnswerIsGooglesError(t *testing.T) {
	p := deploy(t, nil)
	ended := make(chan struct{})
	p.answer = func(http.ResponseWriter, *http.Request) { <-ended }
	defer close(ended)
	token := "Bearer " + p.signed(p.Cloud.Tokens(), nil)
	if got := p.post("Authorization", token).StatusCode; got != http.StatusGatewayTimeout {
		t.Errorf("a program that takes longer than the service's second: %d, want 504", got)
	}
	p.Cloud.DataPlane().Contain(p.name, "http://127.0.0.1:1")
	if got := p.post("Authorization", token).StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("a program that is not there: %d, want 503", got)
	}
}

func TestPubSubPushesThroughTheDoorOfAnInternalService(t *testing.T) {
	p := deploy(t, map[string]any{"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"})
	token := "Bearer " + p.signed(p.Cloud.Tokens(), nil)
	if got := p.post("Authorization", token).StatusCode; got != http.StatusNotFound {
		t.Errorf("from the internet: %d, want 404", got)
	}
	for _, tc := range []struct{ name, account, audience, failure string }{
		{"with the account that may", pusher, "", ""},
		{"with a token to the service", pusher, p.address, ""},
		{"with a token to somebody else", pusher, "https://example.com", "401"},
		{"with another account", another, "", "403"},
		{"without a token", "", "", "403"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(p.taken())
			subscription := delivery.Subscription{
				Name: "projects/" + playground.Project + "/subscriptions/orders", Topic: playground.EventsTopic,
				Endpoint:   p.address + "/orders",
				MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond, DeadLetterTopic: playground.DeadLettersTopic,
				Account: tc.account, Audience: tc.audience,
			}
			if err := p.Broker.Push(t.Context(), subscription); err != nil {
				t.Fatal(err)
			}
			p.Publish(playground.EventsTopic, `{}`)
			p.Idle()
			state := p.Broker.State()[0]
			var refusals []string
			for _, each := range state.DeadLettered {
				refusals = append(refusals, each.Why)
			}
			if delivered := len(p.taken()) - before; tc.failure == "" && (refusals != nil || delivered != 1) {
				t.Errorf("refused with %q and delivered %d times, want it delivered once", refusals, delivered)
			} else if tc.failure != "" && (!strings.Contains(strings.Join(refusals, " "), "answered "+tc.failure) ||
				delivered != 0) {
				t.Errorf("refused with %q and delivered %d times, want %s and nothing delivered", refusals, delivered, tc.failure)
			}
			if err := p.Broker.Remove(t.Context(), subscription.Name); err != nil {
				t.Fatal(err)
			}
		})
	}
}
