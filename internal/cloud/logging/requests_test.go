package logging

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

var (
	hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// asked is as much of a request to entries.list as counts here.
type asked struct {
	ResourceNames              []string
	Filter, OrderBy, PageToken string
	PageSize                   int
}

// answering is a client whose log gives these answers, one a call, the last
// again and again; all that was asked is kept.
func answering(t *testing.T, answers ...string) (*Client, *[]asked) {
	t.Helper()
	var requests []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request asked
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Errorf("a request is not JSON: %v", err)
		}
		requests = append(requests, request)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, answers[min(len(requests), len(answers))-1])
	}))
	t.Cleanup(server.Close)
	c, err := New(t.Context(), connect.Config{Endpoint: server.URL}, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return c, &requests
}

func TestARefusedRequestHoldsWhatItsEntrySays(t *testing.T) {
	const request = `"httpRequest": {"status": 403, "requestUrl": "https://u:p@hello.example.com/a?token=s3cret", "userAgent": "curl/8"}`
	full := refusal.Request{Log: refusal.CloudRunLog, Status: 403, Text: "not authorized to invoke",
		URL: "https://hello.example.com/a", UserAgent: "curl/8", Revision: "hello-2", At: noon}
	bare := full
	bare.Text, bare.Revision, bare.At = "", "", time.Time{}
	for _, tc := range []struct {
		name, answer string
		want         []refusal.Request
	}{
		{"none", `{}`, nil},
		{
			"all of it",
			`{"entries": [{"timestamp": "2026-11-23T12:00:00Z", "textPayload": "not authorized to invoke", "resource": {"labels": {"revision_name": "hello-2"}}, ` + request + `}]}`,
			[]refusal.Request{full},
		},
		{"neither time nor resource nor text", `{"entries": [{"timestamp": "soon", ` + request + `}]}`, []refusal.Request{bare}},
		{"an entry of no request", `{"entries": [{"timestamp": "2026-11-23T12:00:00Z"}]}`, nil},
	} {
		c, _ := answering(t, tc.answer, `{}`)
		got, err := c.Refused(t.Context(), hello, noon, false)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", tc.name, err, diff)
		}
	}
}

func TestIAPsRefusalsAreReadFromTheLoadBalancersLog(t *testing.T) {
	list := func(kind string, status int, payload string) string {
		return fmt.Sprintf(`{"entries": [{"timestamp": "2026-11-23T12:00:00Z", "resource": {"type": %q}, "jsonPayload": {%s},
			"httpRequest": {"status": %d, "requestUrl": "https://hello.example.com/a"}}]}`, kind, payload, status)
	}
	const handled = `"statusDetails": "handled_by_identity_aware_proxy"`
	const denied = `"proxyStatus": "error=\"http_request_denied\"; details=\"denied_by_cloud_iap\""`
	symptom := func(status int, word string) refusal.Request {
		return refusal.Request{Log: refusal.LoadBalancerLog, Status: status, Text: word, URL: "https://hello.example.com/a",
			At: noon}
	}
	for _, tc := range []struct {
		name    string
		answers []string
		want    []refusal.Request
	}{
		{"one of each", []string{list("http_load_balancer", 500, handled), list("http_load_balancer", 403, handled),
			list("http_load_balancer", 401, handled)},
			[]refusal.Request{symptom(500, "handled_by_identity_aware_proxy"), symptom(403, "handled_by_identity_aware_proxy"),
				symptom(401, "handled_by_identity_aware_proxy")}},
		{"by an authorization policy", []string{`{}`, list("http_external_regional_lb_rule", 403, denied), `{}`},
			[]refusal.Request{symptom(403, "denied_by_cloud_iap")}},
		{"none", []string{`{}`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, requests := answering(t, tc.answers...)
			got, err := c.RefusedByIAP(t.Context(), "demo-project", []string{"hello-backend"}, noon)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
			asked := []string{"(500 OR 502)", "(403)", "(401)"}
			if len(*requests) != len(asked) {
				t.Fatalf("%d calls, want %d", len(*requests), len(asked))
			}
			for i, request := range *requests {
				if !strings.Contains(request.Filter, "httpRequest.status="+asked[i]) ||
					!strings.Contains(request.Filter, `"hello-backend"`) {
					t.Errorf("call %d asks for\n%s\nwant %s of hello-backend", i, request.Filter, asked[i])
				}
			}
		})
	}
}

func TestRunAppRequestsCountOnlyBehindDirectIAP(t *testing.T) {
	const passed = `-httpRequest.requestUrl:".run.app/"`
	const refusal = `textPayload:("request was not authenticated" OR "not authorized to invoke")`
	for direct, want := range map[bool]bool{false: true, true: false} {
		c, requests := answering(t, `{}`)
		if _, err := c.Refused(t.Context(), hello, noon, direct); err != nil {
			t.Fatal(err)
		}
		filter := (*requests)[0].Filter
		if got := strings.Contains(filter, passed); got != want || !strings.Contains(filter, "\n"+refusal) {
			t.Errorf("direct %t: run.app left out %t, want %t:\n%s", direct, got, want, filter)
		}
	}
	c, requests := answering(t, `{}`)
	if _, err := c.Answered(t.Context(), hello, noon); err != nil ||
		!strings.Contains((*requests)[0].Filter, "\n-"+refusal) {
		t.Errorf("error %v; the application's own 403 is sought by\n%s", err, (*requests)[0].Filter)
	}
}

func TestVisitorsAreReadInAFewPages(t *testing.T) {
	page := func(token string, addresses ...string) string {
		var entries []string
		for _, address := range addresses {
			entries = append(entries,
				fmt.Sprintf(
					`{"timestamp": "2026-11-23T12:00:00Z", "httpRequest": {"requestUrl": "https://hello.run.app/x", "remoteIp": %q}}`,
					address))
		}
		return fmt.Sprintf(`{"nextPageToken": %q, "entries": [%s]}`, token, strings.Join(entries, ","))
	}
	visitor := func(address string, requests int) caller.Caller {
		return caller.Caller{Kind: caller.Visitor, Address: "https://hello.run.app", RemoteIP: address, Requests: requests,
			LastSeen: &noon}
	}
	for _, tc := range []struct {
		name   string
		pages  []string
		want   []caller.Caller
		tokens []string
	}{
		{
			"one", []string{page("", "192.0.2.1", "192.0.2.2", "192.0.2.2")},
			[]caller.Caller{visitor("192.0.2.2", 2), visitor("192.0.2.1", 1)}, []string{""},
		},
		{
			"two", []string{page("t", "192.0.2.1"), page("", "192.0.2.1")}, []caller.Caller{visitor("192.0.2.1", 2)},
			[]string{"", "t"},
		},
		{
			"more than are read", []string{page("t", "192.0.2.1")}, []caller.Caller{visitor("192.0.2.1", visitorPages)},
			[]string{"", "t", "t"},
		},
	} {
		c, requests := answering(t, tc.pages...)
		got, err := c.Visitors(t.Context(), hello, logfilter.Hosts{Asked: []string{"hello.run.app"}}, noon.Add(-time.Hour))
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", tc.name, err, diff)
		}
		var tokens []string
		for _, request := range *requests {
			tokens = append(tokens, request.PageToken)
		}
		if diff := cmp.Diff(tc.tokens, tokens); diff != "" {
			t.Errorf("%s: pages (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAVisitorIsLastSeenAtTheNewestRequest(t *testing.T) {
	const entry = `{"timestamp": %q, "httpRequest": {"requestUrl": "https://hello.run.app/", "remoteIp": "192.0.2.1"}}`
	list := `{"entries": [` + fmt.Sprintf(entry, "2026-11-23T11:00:00Z") + "," + fmt.Sprintf(entry,
		"2026-11-23T14:00:00+02:00") + "," +
		fmt.Sprintf(entry, "2026-11-23T10:00:00Z") + "," + fmt.Sprintf(entry, "soon") +
		`, {"timestamp": "2026-11-23T13:00:00Z"}]}`
	c, _ := answering(t, list)
	got, err := c.Visitors(t.Context(), hello, logfilter.Hosts{Asked: []string{"hello.run.app"}}, noon)
	if err != nil || len(got) != 1 || got[0].Requests != 4 || got[0].LastSeen == nil || !got[0].LastSeen.Equal(noon) ||
		got[0].LastSeen.Location() != time.UTC {
		t.Errorf("error %v, visitors %+v; want one, 4 requests, last at %v", err, got, noon)
	}
}

func TestWhatSendsRequestsOnIsToldFromVisitors(t *testing.T) {
	const hosted = "https://fh-0d492fa2---hello-abc-uc.a.run.app"
	entry := func(log, payload, request string) string {
		return fmt.Sprintf(`{"timestamp": "2026-11-23T12:00:00Z", "logName": "projects/demo-project/logs/%s",
			"jsonPayload": %s, "httpRequest": {%s}}`, log, payload, request)
	}
	const requests = "run.googleapis.com%2Frequests"
	var entries []string
	for range 3 {
		entries = append(entries,
			entry(requests, "{}", `"requestUrl": "https://hello.run.app/", "remoteIp": "192.0.2.1"`))
	}
	for _, client := range []string{"192.0.2.2", "192.0.2.3"} {
		entries = append(entries, entry(requests, "{}", `"requestUrl": "`+hosted+`/", "remoteIp": "`+client+`"`))
	}
	for _, payload := range []string{
		`{"api": "//apigateway.googleapis.com/projects/1/locations/global/apis/shop",
			"backendRequest": {"hostname": "hello.run.app:443"}}`,
		`{"api": 7, "backendRequest": []}`,
	} {
		entries = append(entries,
			entry(logfilter.GatewayLog, payload, `"requestUrl": "https://shop-1.nw.gateway.dev/a"`))
	}
	c, _ := answering(t, `{"entries": [`+strings.Join(entries, ",")+`]}`)
	got, err := c.Visitors(t.Context(), hello, logfilter.Hosts{}, noon)
	want := []caller.Caller{
		{Kind: caller.FirebaseHosting, Name: "rewrite to tag fh-0d492fa2", Address: hosted, Requests: 2,
			LastSeen: &noon},
		{Kind: caller.APIGateway, Address: "https://", Requests: 1, LastSeen: &noon},
		{Kind: caller.APIGateway, Name: "projects/1/locations/global/apis/shop", Address: "https://hello.run.app",
			Requests: 1, LastSeen: &noon},
		{Kind: caller.Visitor, Address: "https://hello.run.app", RemoteIP: "192.0.2.1", Requests: 3, LastSeen: &noon},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestHintsLeaveReadsOfTheLogForDecisions(t *testing.T) {
	c, requests := answering(t, `{}`)
	now := noon
	c.share.now = func() time.Time { return now }
	asked := 0
	look := func() error {
		asked++
		host := fmt.Sprintf("hello-%d.run.app", asked)
		_, err := c.Visitors(t.Context(), hello, logfilter.Hosts{Asked: []string{host}}, noon)
		return err
	}
	for i := range perMinute - reserved {
		if err := look(); err != nil {
			t.Fatalf("look %d: %v", i+1, err)
		}
	}
	asked = 0
	if err := look(); err != nil || len(*requests) != perMinute-reserved {
		t.Errorf("error %v after %d reads, want the answer of seconds ago", err, len(*requests))
	}
	asked = perMinute
	if err := look(); fault.Of(err).Kind != fault.Quota {
		t.Errorf("error %v after %d reads, want that they are reserved", err, len(*requests))
	}
	for range 2 * perMinute {
		if _, err := c.Refused(t.Context(), hello, noon, false); err != nil {
			t.Fatalf("a diagnosis is refused: %v", err)
		}
	}
	now = now.Add(time.Minute / 2)
	if err := look(); err == nil {
		t.Error("a visitor is looked for half a minute after everything was used up")
	}
	now = now.Add(time.Minute / 2)
	if err := look(); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
