package doors

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

func ownClient(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"iap": map[string]any{"enabled": true, "oauth2ClientId": "c",
		"oauth2ClientSecret": "s"}})
}

func clientInSettings(o *fixture) {
	o.call("PATCH", "/v1/projects/"+number+"/iap_web:iapSettings?updateMask=iapSettings.accessSettings.oauthSettings",
		map[string]any{"accessSettings": map[string]any{
			"oauthSettings": map[string]any{"clientId": "c", "clientSecret": "s"}}})
}

// directly protects the service by IAP of its own: alice may pass.
func directly(o *fixture) {
	provision(o)
	invokers(agent)(o)
	o.setPolicy("/v1/projects/"+number+"/iap_web/cloud_run-"+o.Region+"/services/"+o.Service,
		"roles/iap.httpsResourceAccessor", []any{alice})
	iapOnService(o)
}

// accessAt grants bob access at a resource above the backend service.
func accessAt(resource string) func(*fixture) {
	return func(o *fixture) {
		policy := o.call("POST", resource+":getIamPolicy", nil)
		bindings, _ := policy["bindings"].([]any)
		policy["bindings"] = append(bindings, map[string]any{"role": "roles/iap.httpsResourceAccessor",
			"members": []any{bob}})
		o.call("POST", resource+":setIamPolicy", map[string]any{"policy": policy})
	}
}

// reports lets bob in to what begins with /reports/, and nowhere else.
func reports(o *fixture) {
	o.call("POST", o.iapResource()+":setIamPolicy",
		map[string]any{"policy": map[string]any{"version": 3, "bindings": []any{map[string]any{
			"role": "roles/iap.httpsResourceAccessor", "members": []any{bob},
			"condition": map[string]any{"title": "reports",
				"expression": `request.path.startsWith("/reports/") && request.host == "hello.example.com"`},
		}}}})
}

func withoutDefaultURL(o *fixture) {
	o.call("PATCH", "/v2/"+o.Name()+"?updateMask=defaultUriDisabled", map[string]any{"defaultUriDisabled": true})
}

func withoutInvokerCheck(o *fixture) {
	o.call("PATCH", "/v2/"+o.Name()+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": true})
}

// internally makes the load balancer an internal one.
func internally(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"loadBalancingScheme": "INTERNAL_MANAGED"})
}

func sampleNothing(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"logConfig": map[string]any{"enable": true, "sampleRate": 0}})
}

func gone(o *fixture) { o.call("DELETE", "/v2/"+o.Name(), nil) }

// neverReady has another service behind the backend service, which does not
// come up.
func neverReady(o *fixture) {
	gone(o)
	o.Cloud.Run().Hold()
	request := map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}}
	url := o.URL() + "/v2/projects/" + playground.Project + "/locations/" + o.Region + "/services?serviceId=" + o.Service
	body, err := json.Marshal(request)
	if err != nil {
		o.t.Fatal(err)
	}
	response, err := http.Post(url, "application/json", bytes.NewReader(body)) // its operation never ends
	if err != nil {
		o.t.Fatal(err)
	}
	response.Body.Close()
	invokers("allUsers")(o)
}

func TestIAPStandsWhereItIsOn(t *testing.T) {
	outside := playground.Options{WithoutOrganization: true}
	const noClient = "Empty Google Account OAuth client ID(s)/secret(s)."
	for _, tc := range []struct {
		options playground.Options
		row
	}{
		{outside, row{name: "there is no OAuth client and no organization", setup: all(protected, logsOn),
			visit: visit{who: alice}, status: 502, fromIAP: true,
			body: noClient, logs: []string{lbLog + "502 ERROR handled_by_identity_aware_proxy"}}},
		{outside, row{name: "there is an OAuth client and no organization", setup: all(protected, ownClient),
			visit: visit{who: alice}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{outside, row{name: "the settings name an OAuth client", setup: all(protected, clientInSettings),
			visit: visit{who: alice}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "load balancer logging is off", setup: all(protected), visit: visit{who: bob}, status: 403,
			fromIAP: true}},
		{row: row{name: "IAP at the service asks to sign in at the default URL", setup: all(directly),
			visit: visit{host: "run"}, status: 302, fromIAP: true}},
		{row: row{name: "IAP at the service denies at the default URL", setup: all(directly),
			visit: visit{host: "run", who: bob}, status: 403, fromIAP: true}},
		{row: row{name: "IAP at the service denies at the frontend", setup: all(directly, logsOn), visit: visit{who: bob},
			status: 403, fromIAP: true,
			logs: []string{lbLog + "403 WARNING response_sent_by_backend"}}},
		{row: row{name: "IAP at the service lets in at the default URL", setup: all(directly),
			visit: visit{host: "run", who: alice}, status: 200,
			body: `"audience": "/projects/123456789012/locations/us-central1/services/hello"`,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "IAP at the service lets in at the frontend", setup: all(directly), visit: visit{who: alice},
			status: 200,
			body:   `"audience": "/projects/123456789012/locations/us-central1/services/hello"`,
			logs:   []string{runLog + "200 INFO"}}},
		{row: row{name: "IAP at the service needs its agent's grant", setup: all(directly, invokers(alice)),
			visit: visit{host: "run", who: alice}, status: 403,
			body: "Your client does not have permission", logs: []string{runLog + "403 WARNING " + notVerified}}},
		{row: row{name: "a mapped domain leads past the load balancer", setup: all(mapDomain),
			visit: visit{host: mappedDomain}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "a mapped domain is closed by the ingress", setup: all(mapDomain, protected),
			visit: visit{host: mappedDomain, who: alice}, status: 404, body: "was not found"}},
		{row: row{name: "a mapped domain outlives the default URL", setup: all(mapDomain, withoutDefaultURL),
			visit: visit{host: mappedDomain}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "IAP at the service asks at a mapped domain", setup: all(mapDomain, directly),
			visit: visit{host: mappedDomain}, status: 302, fromIAP: true}},
		{row: row{name: "a mapped domain asks who invokes", setup: all(mapDomain, invokers(alice)),
			visit: visit{host: mappedDomain}, status: 403,
			body: "Your client does not have permission", logs: []string{runLog + "403 WARNING " + notVerified}}},
		{row: row{name: "access is inherited from all of IAP",
			setup: all(protected, accessAt("/v1/projects/"+number+"/iap_web")), visit: visit{who: bob}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "access is inherited from the project",
			setup: all(protected, accessAt("/v1/projects/"+playground.Project)), visit: visit{who: bob}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "a condition lets in", setup: all(protected, reports),
			visit: visit{who: bob, path: "/reports/march"}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "a condition keeps out", setup: all(protected, reports), visit: visit{who: bob, path: "/admin"},
			status: 403, fromIAP: true}},
		{row: row{name: "everybody may pass", setup: all(protected, accessors("allUsers")), visit: visit{}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "everybody who signed in may pass", setup: all(protected, accessors("allAuthenticatedUsers")),
			visit: visit{who: bob}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "a domain may pass", setup: all(protected, accessors("domain:example.com")),
			visit: visit{who: bob}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "the default URL is switched off", setup: all(withoutDefaultURL),
			visit: visit{host: "hello-123456789012.us-central1.run.app"}, status: 404}},
		{row: row{name: "the newer default URL", visit: visit{host: "hello-123456789012.us-central1.run.app"}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "nobody checks invokers", setup: all(invokers(alice), withoutInvokerCheck),
			visit: visit{host: "run"}, status: 200, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "an internal load balancer reaches an internal service",
			setup: all(internally, logsOn, ingress("INGRESS_TRAFFIC_INTERNAL_ONLY")), visit: visit{}, status: 200,
			logs: []string{runLog + "200 INFO", "internal_http_lb_rule loadbalancing.googleapis.com%2Frequests 200 INFO"}}},
		{row: row{name: "no request is in the sample", setup: all(sampleNothing), visit: visit{}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "the service behind is gone", setup: all(logsOn, gone), visit: visit{}, status: 503,
			body: "no healthy upstream",
			logs: []string{lbLog + "503 ERROR failed_to_pick_backend"}}},
		{row: row{name: "the service behind was never ready", setup: all(logsOn, neverReady), visit: visit{}, status: 404,
			logs: []string{lbLog + "404 WARNING response_sent_by_backend"}}},
		{row: row{name: "the default URL wants https",
			visit: visit{host: "run", header: map[string]string{"X-Forwarded-Proto": "http"}}, status: 302}},
		{row: row{name: "a stuck service refuses only IAP's agent", setup: all(provision, invokers(alice, agent), stuck),
			visit: visit{host: "run", who: alice}, status: 200,
			logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "another host, to the frontend's address",
			visit:  visit{host: "elsewhere.example.com", header: map[string]string{"X-Local-Frontend": "203.0.113.1"}},
			status: 200, body: `"url": "https://elsewhere.example.com/"`, logs: []string{runLog + "200 INFO"}}},
		{row: row{name: "a run.app host, to the frontend's address",
			visit: visit{host: "run", header: map[string]string{"X-Local-Frontend": "203.0.113.1"}},
			setup: all(protected), status: 302, fromIAP: true}},
		{row: row{name: "the address of no frontend",
			visit: visit{header: map[string]string{"X-Local-Frontend": "203.0.113.99"}}, status: 421}},
		{row: row{name: "a host that nobody has", visit: visit{host: "elsewhere.example.com"}, status: 421,
			body: "has the host elsewhere.example.com"}},
		{row: row{name: "a load balancer without an HTTP frontend",
			visit: visit{header: map[string]string{"X-Forwarded-Proto": "http"}}, status: 421}},
		{row: row{name: "a scheme that is none", visit: visit{header: map[string]string{"X-Forwarded-Proto": "gopher"}},
			status: 400}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, tc.options)
			for _, do := range tc.setup {
				do(o)
			}
			tc.compare(t, o.visit(o.at(tc.visit)))
		})
	}
}

func TestARegionalLoadBalancerLogsInItsOwnForm(t *testing.T) {
	const lb = "http_external_regional_lb_rule loadbalancing.googleapis.com%2Fexternal_regional_requests "
	o := build(t, regional, playground.Options{})
	logsOn(o)
	protected(o)
	refused := o.visit(visit{host: o.Host, who: bob})
	if diff := cmp.Diff([]string{lb +
		`403 WARNING error="http_request_denied"; details="handled_by_identity_aware_proxy"`}, refused.logs); diff != "" {
		t.Errorf("log entries (-want +got):\n%s", diff)
	}
	inside := o.visit(visit{host: o.Host, who: alice})
	if diff := cmp.Diff([]string{runLog + "200 INFO", lb + "200 INFO"}, inside.logs); diff != "" {
		t.Errorf("log entries (-want +got):\n%s", diff)
	}
	if !strings.Contains(inside.body, `"audience": "/projects/`+number+`/europe-west1/backendServices/`) {
		t.Errorf("the container was called with %s", inside.body)
	}
}

func TestAStuckRevisionRefusesUntilThereIsANewerOne(t *testing.T) {
	o := build(t, global, playground.Options{})
	protected(o)
	redeploy := func() {
		o.call("PATCH", "/v2/"+o.Name()+"?updateMask=template&forceNewRevision=true", map[string]any{
			"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}},
		})
	}
	visit := func(when, want string) {
		t.Helper()
		if got := verdict(o.visit(visit{host: o.Host, path: "/", who: alice})); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	data := o.Cloud.DataPlane()
	visit("before", inside)
	data.Stick(o.Name(), false)
	visit("stuck", "403 by Cloud Run")
	redeploy()
	visit("redeployed", inside)
	data.Stick(o.Name(), true)
	redeploy()
	visit("stuck for ever, and redeployed", "403 by Cloud Run")
	data.Unstick(o.Name())
	visit("freed", inside)
}

func TestTheContainerSeesWhatIAPSaysAndNotWhatTheVisitorSays(t *testing.T) {
	o := build(t, global, playground.Options{})
	forged := map[string]string{"X-Goog-Authenticated-User-Email": "accounts.google.com:root@example.com",
		"X-Goog-IAP-JWT-Assertion": "forged"}
	headers := func() map[string]string {
		t.Helper()
		var got struct{ Headers map[string]string }
		if reply := o.visit(visit{host: o.Host, path: "/a?b=c", who: alice, header: forged}); json.Unmarshal(
			[]byte(reply.body), &got) != nil {
			t.Fatalf("the container answered %s", reply.body)
		}
		return got.Headers
	}
	if got := headers(); got["X-Goog-Authenticated-User-Email"] != forged["X-Goog-Authenticated-User-Email"] {
		t.Errorf("without IAP nobody takes forged headers away: %v", got)
	}
	protected(o)
	accessors(alice, "allUsers")(o)
	stranger := o.visit(visit{host: o.Host, header: forged})
	if stranger.status != 200 || strings.Contains(stranger.body, "root@example.com") {
		t.Errorf("a stranger that IAP let pass has an identity: %s", stranger.body)
	}
	got := headers()
	if got["X-Goog-Authenticated-User-Email"] != "accounts.google.com:alice@example.com" ||
		got["X-Goog-Iap-Jwt-Assertion"] == "forged" {
		t.Errorf("through IAP: %v", got)
	}
	if !strings.HasSuffix(got["X-Serverless-Authorization"], ".SIGNATURE_REMOVED_BY_GOOGLE") ||
		got["Authorization"] != "Bearer "+alice || got["X-Local-User"] != "" {
		t.Errorf("the tokens: %v", got)
	}
}

func TestAllEntriesOfARequestAreOfItsTrace(t *testing.T) {
	o := build(t, global, playground.Options{})
	logsOn(o)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	got := o.visit(visit{host: o.Host, header: map[string]string{"Traceparent": "00-" + trace + "-b7ad6b7169203331-01"}})
	if len(got.raw) != 2 || !strings.Contains(got.body, trace) {
		t.Fatalf("%d entries, and the container was called with %s", len(got.raw), got.body)
	}
	for _, raw := range got.raw {
		var entry struct{ Trace string }
		if err := json.Unmarshal(raw, &entry); err != nil || entry.Trace != "projects/demo-project/traces/"+trace {
			t.Errorf("the trace of %s, %v", raw, err)
		}
	}
}

func TestAResetForgetsWhatWasStuckAndWhatIsOnItsWay(t *testing.T) {
	time := newClock()
	o := build(t, global, slow(time))
	stuck(o)
	o.call("POST", "/_local/reset", nil)
	time.move(late)
	if got := verdict(o.visit(visit{host: o.Host})); got != "421 ?" {
		t.Errorf("after the reset the frontend answers %s", got)
	}
	o.Build(o.LoadBalanced)
	protected(o)
	time.move(late)
	if got := verdict(o.visit(visit{host: o.Host, who: alice})); got != inside {
		t.Errorf("built anew, the frontend answers %s", got)
	}
}
