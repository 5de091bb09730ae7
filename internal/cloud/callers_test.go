package cloud

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

var openService = posture.Posture{
	Target:        posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"},
	ProjectNumber: "123456789012",
	Service:       posture.Service{Ingress: posture.IngressAll, URLs: []string{"https://hello-abc-uc.a.run.app"}},
	Invokers:      posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}},
}

const (
	noTriggers = `{}`
	entries    = `{"entries": [
	{"timestamp": "2026-11-23T10:00:00Z", "httpRequest": {
	  "requestUrl": "https://hello-abc-uc.a.run.app/a?key=s3cret", "remoteIp": "198.51.100.7",
	    "userAgent": "curl/8\n[31m"}},
	{"timestamp": "2026-11-23T11:00:00Z", "httpRequest": {"requestUrl": "https://hello-abc-uc.a.run.app/b",
	  "remoteIp": "198.51.100.7", "userAgent": "curl/8\n[31m"}},
	{"timestamp": "not a time", "httpRequest": {"requestUrl": "https://hello-abc-uc.a.run.app/",
	  "remoteIp": "198.51.100.8"}},
	{"timestamp": "2026-11-23T12:00:00Z"}]}`
)

// answering is a Cloud whose APIs answer by path, with a status before the
// text where it is not 200.
func answering(t *testing.T, answers map[string]string) *Cloud {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			t.Errorf("%s %s is asked for", r.Method, r.URL)
		}
		if status, text, coded := strings.Cut(answer, " "); coded && len(status) == 3 {
			var code int
			fmt.Sscan(status, &code)
			w.WriteHeader(code)
			answer = text
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	cloud, err := Connect(t.Context(), connect.Config{Endpoint: server.URL}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

const (
	subscriptionsPath = "/v1/projects/demo-project/subscriptions"
	triggersPath      = "/v1/projects/demo-project/locations/-/triggers"
	jobsPath          = "/v1/projects/demo-project/locations/-/jobs"
	entriesPath       = "/v2/entries:list"
)

func TestCallersAreConfiguredOnesAndVisitors(t *testing.T) {
	cloud := answering(t, map[string]string{
		subscriptionsPath: `{"subscriptions": [
			{"name": "projects/demo-project/subscriptions/pull"},
			{"name": "projects/demo-project/subscriptions/gone", "detached": true, "pushConfig": {
			  "pushEndpoint": "https://a.example/"}},
			{"name": "projects/demo-project/subscriptions/eventarc-sub", "pushConfig": {
			  "pushEndpoint": "https://hello-abc-uc.a.run.app/?__GCP_CloudEventsMode=CE"}},
			{"name": "projects/demo-project/subscriptions/push", "pushConfig": {
			  "pushEndpoint": "https://u:p@hello-abc-uc.a.run.app/x?token=s3cret", "oidcToken": {
			    "serviceAccountEmail": "r@x", "audience": "aud"}}}]}`,
		triggersPath: `{"triggers": [
			{"name": "t/run", "serviceAccount": "t@x", "destination": {"cloudRun": {"service": "hello",
			  "region": "us-central1", "path": "/events"}}, "transport": {"pubsub": {
			    "subscription": "projects/demo-project/subscriptions/eventarc-sub"}}},
			{"name": "t/region", "destination": {"cloudRun": {"service": "hello", "region": "europe-west1"}}},
			{"name": "t/other", "destination": {"cloudRun": {"service": "other", "region": "us-central1"}}},
			{"name": "t/function", "destination": {
			  "cloudFunction": "projects/demo-project/locations/us-central1/functions/hello"}},
			{"name": "t/http", "destination": {"httpEndpoint": {"uri": "http://10.0.0.2/x"}}},
			{"name": "t/workflow", "destination": {"workflow": "w"}}, {"name": "t/nowhere"}]}`,
		jobsPath: `{"jobs": [
			{"name": "j/topic", "pubsubTarget": {}},
			{"name": "j/oauth", "httpTarget": {"uri": "https://b.example/", "oauthToken": {"serviceAccountEmail": "o@x"}}},
			{"name": "j/oidc", "httpTarget": {"uri": "https://c.example/", "oidcToken": {"serviceAccountEmail": "s@x",
			  "audience": "a"}}}]}`,
		entriesPath: entries,
	})
	got, unread, err := cloud.Callers(t.Context(), openService)
	if err != nil || unread != nil {
		t.Fatalf("unread %v, error %v", unread, err)
	}
	last := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	want := []caller.Caller{
		{
			Kind: "push-subscription", Name: "projects/demo-project/subscriptions/push",
			Address: "https://hello-abc-uc.a.run.app/x", Principal: "r@x", Audience: "aud",
		},
		{Kind: "eventarc-trigger", Name: "t/run", Address: "https://hello-abc-uc.a.run.app/events", Principal: "t@x"},
		{Kind: "eventarc-trigger", Name: "t/function", Address: "https://hello-abc-uc.a.run.app"},
		{Kind: "eventarc-trigger", Name: "t/http", Address: "http://10.0.0.2/x"},
		{Kind: "scheduler-job", Name: "j/oauth", Address: "https://b.example/"},
		{Kind: "scheduler-job", Name: "j/oidc", Address: "https://c.example/", Principal: "s@x", Audience: "a"},
		{
			Kind: "visitor", Name: `curl/8\n[31m`, Address: "https://hello-abc-uc.a.run.app", RemoteIP: "198.51.100.7",
			Requests: 2, LastSeen: &last,
		},
		{Kind: "visitor", Address: "https://hello-abc-uc.a.run.app", RemoteIP: "198.51.100.8", Requests: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text, _ := json.Marshal(got); strings.Contains(string(text), "s3cret") {
		t.Errorf("a query is kept: %s", text)
	}
}

func TestACallerCallsByItsAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.run.app": "a.run.app/", "https://a.run.app/": "a.run.app/", "https://a.run.app/x": "a.run.app/x",
	} {
		one := caller.Caller{Kind: caller.SchedulerJob, Address: address}
		if got := one.Calls(); got != want || len(one.Agents()) == 0 {
			t.Errorf("%s: calls %s as %q, want %s", address, got, one.Agents(), want)
		}
	}
	called, err := answering(t, map[string]string{"/v2/entries:list": entries}).Called(t.Context(), openService,
		[]caller.Caller{{Kind: caller.PushSubscription, Address: "https://a.run.app"}}, time.Now())
	if !called || err != nil {
		t.Errorf("called %t, %v", called, err)
	}
}

func TestACrowdOfCallersIsAskedAboutInOneQuestion(t *testing.T) {
	var crowd []caller.Caller
	for i := range mostCalls + 1 {
		crowd = append(crowd, caller.Caller{Kind: caller.PushSubscription, Address: fmt.Sprintf("https://a.run.app/%d", i)})
	}
	at := func(c caller.Caller) string { return c.Calls() }
	if got := callsOf(append(crowd[:mostCalls:mostCalls], crowd[0]), at); len(got) != mostCalls {
		t.Errorf("%d questions about %d addresses", len(got), mostCalls)
	}
	if got := callsOf(crowd, func(caller.Caller) string { return "" }); len(got) != 1 || got[0].Address != "" {
		t.Errorf("a crowd: %v", got)
	}
}

func TestAnUnreadableSourceIsAnUnreadFact(t *testing.T) {
	denied := `403 {"error": {"code": 403, "message": "denied", "status": "PERMISSION_DENIED"}}`
	cloud := answering(t, map[string]string{
		subscriptionsPath: denied, triggersPath: noTriggers,
		entriesPath: `429 {"error": {"code": 429, "message": "Quota exceeded"}}`,
		jobsPath:    `{"jobs": [{"name": "j", "httpTarget": {"uri": "https://c.example/"}}], "nextPageToken": "more"}`,
	})
	got, unread, err := cloud.Callers(t.Context(), openService)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 || got[0].Name != "j" {
		t.Errorf("callers %+v, want what was read before the list grew too long", got)
	}
	var unreadFacts []string
	for _, one := range unread {
		unreadFacts = append(unreadFacts, one.Resource+" "+one.Permission)
	}
	want := []string{
		"projects/demo-project/locations/-/jobs ", "projects/demo-project/logs/run.googleapis.com%2Frequests ",
		"projects/demo-project/subscriptions pubsub.subscriptions.list",
	}
	if diff := cmp.Diff(want, unreadFacts); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
}

func TestAPassingFailureIsAnError(t *testing.T) {
	cloud := answering(t, map[string]string{
		subscriptionsPath: `503 {"error": {"code": 503, "message": "later"}}`, triggersPath: noTriggers, jobsPath: noTriggers,
		entriesPath: noTriggers,
	})
	if _, _, err := cloud.Callers(t.Context(), openService); err == nil {
		t.Error("who calls is taken for known while Pub/Sub does not answer")
	}
}

func TestVisitorsGotInAtAnOpenHost(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == entriesPath {
			var body struct{ Filter string }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			asked = body.Filter
		}
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	now := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	cloud, err := Connect(t.Context(), connect.Config{Endpoint: server.URL}, now)
	if err != nil {
		t.Fatal(err)
	}
	mapped := openService
	mapped.Domains = []posture.Domain{{Host: "www.example.com"}}
	if _, _, err := cloud.Callers(t.Context(), mapped); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nhttpRequest.status<400\n", `httpRequest.requestUrl:("://hello-abc-uc.a.run.app/" OR "://www.example.com/")`,
		`timestamp>="2026-11-22T12:00:00Z"`, `resource.labels.location="us-central1"`,
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("the filter lacks %s:\n%s", want, asked)
		}
	}
}

func TestTheRequestLogIsReadOnlyForOpenAddresses(t *testing.T) {
	closed := openService
	closed.Service.Ingress = posture.IngressInternalLoadBalancing
	cloud := answering(t, map[string]string{subscriptionsPath: noTriggers, triggersPath: noTriggers, jobsPath: noTriggers})
	if _, _, err := cloud.Callers(t.Context(), closed); err != nil {
		t.Error(err)
	}
}

// A flood from inside must not hide who comes from outside, nor one of many invokers another.
func TestBehindInternalLoadBalancersEveryVisitorIsToBeKnown(t *testing.T) {
	inside := openService
	inside.Backends = []posture.Backend{{Name: "inside", Scheme: "INTERNAL_MANAGED", Frontends: []posture.Frontend{{HTTPS: true}}}}
	private := openService
	private.Invokers = posture.Policy{}
	const visit = `{"entries": [{"httpRequest": {"requestUrl": "https://hello-abc-uc.a.run.app/", "remoteIp": "10.0.0.7"}}]}`
	for _, tc := range []struct {
		name, others string
		p            posture.Posture
		unread       bool
	}{
		{"nobody else came", "{}", inside, false},
		{"somebody else came", visit, inside, true},
		{"nobody asks where there is no internal one", visit, openService, false},
		{"a private service, and nobody else came", "{}", private, false},
		{"a private service, and somebody else came", visit, private, true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			switch {
			case r.URL.Path != entriesPath:
				fmt.Fprint(w, "{}")
			case strings.Contains(string(text), `-httpRequest.remoteIp=(\"10.0.0.7\")`):
				fmt.Fprint(w, tc.others)
			default:
				fmt.Fprint(w, visit)
			}
		}))
		cloud, err := Connect(t.Context(), connect.Config{Endpoint: server.URL}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		found, unread, err := cloud.Callers(t.Context(), tc.p)
		if err != nil || len(found) != 1 || (len(unread) > 0) != tc.unread {
			t.Errorf("%s: %v, unread %v, %v", tc.name, found, unread, err)
		}
		server.Close()
	}
}
