package doors

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// fixture is a local cloud with one service behind a load balancer, at whose doors the
// tests visit.
type fixture struct {
	*cloudtest.Env
	playground.LoadBalanced
	t *testing.T
}

const (
	number = "123456789012"
	agent  = "serviceAccount:service-" + number + "@gcp-sa-iap.iam.gserviceaccount.com"
	alice  = "user:alice@example.com" // may pass IAP
	bob    = "user:bob@example.com"   // may not
)

// global and regional are the services that the tests visit.
var (
	global   = playground.LoadBalanced{Service: "hello", Region: "us-central1", Host: "hello.example.com"}
	regional = playground.LoadBalanced{Service: "billing", Region: "europe-west1", Regional: true,
		Host: "billing.example.com"}
)

// build makes a fixture with a public service.
func build(t *testing.T, service playground.LoadBalanced, options playground.Options) *fixture {
	t.Helper()
	o := &fixture{cloudtest.Start(t, options), service, t}
	o.Build(service)
	return o
}

// call makes an API call as the owner that must succeed.
func (o *fixture) call(method, path string, body any) map[string]any {
	o.t.Helper()
	return o.CallAs(o.Owner(), method, path, body)
}

func (o *fixture) backendPath() string {
	place := "global"
	if o.Regional {
		place = "regions/" + o.Region
	}
	return "/compute/v1/projects/" + playground.Project + "/" + place + "/backendServices/" + o.Backend()
}

func (o *fixture) iapResource() string {
	web := "compute"
	if o.Regional {
		web += "-" + o.Region
	}
	return "/v1/projects/" + number + "/iap_web/" + web + "/services/" + o.Backend()
}

// The single things that a recipe, or somebody who gets it wrong, does.

func provision(o *fixture) {
	o.call("POST", "/v1beta1/projects/"+playground.Project+"/services/iap.googleapis.com:generateServiceIdentity", nil)
}

func iapOn(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"iap": map[string]any{"enabled": true}})
}

func iapOnService(o *fixture) {
	o.call("PATCH", "/v2/"+o.Name()+"?updateMask=iapEnabled", map[string]any{"iapEnabled": true})
}

func logsOn(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"logConfig": map[string]any{"enable": true}})
}

func ingress(setting string) func(*fixture) {
	return func(o *fixture) {
		o.call("PATCH", "/v2/"+o.Name()+"?updateMask=ingress", map[string]any{"ingress": setting})
	}
}

func invokers(members ...any) func(*fixture) {
	return func(o *fixture) { o.setPolicy("/v2/"+o.Name(), "roles/run.invoker", members) }
}

func accessors(members ...any) func(*fixture) {
	return func(o *fixture) { o.setPolicy(o.iapResource(), "roles/iap.httpsResourceAccessor", members) }
}

func (o *fixture) setPolicy(resource, role string, members []any) {
	o.t.Helper()
	o.call("POST", resource+":setIamPolicy", map[string]any{
		"policy": map[string]any{"bindings": []any{map[string]any{"role": role, "members": members}}},
	})
}

// protected is a fixture after Google's recipe: alice may pass.
func protected(o *fixture) {
	for _, do := range []func(*fixture){provision, invokers(agent), accessors(alice), iapOn,
		ingress("INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER")} {
		do(o)
	}
}

// defaultURL is the host of the service's run.app address.
func (o *fixture) defaultURL() string {
	o.t.Helper()
	return strings.TrimPrefix(o.DefaultURL(o.LoadBalanced), "https://")
}

// visit is one request to the data plane; the zero value is a stranger's.
type visit struct {
	host, path, method string
	who                string            // who is signed in in the browser
	header             map[string]string // replaces the browser's
}

// reply is what came back, and the log entries that were written for it.
type reply struct {
	status int
	header http.Header
	body   string
	raw    []json.RawMessage
	logs   []string // a line for each
}

func (o *fixture) visit(k visit) reply {
	o.t.Helper()
	method := k.method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(o.t.Context(), method, o.DataURL()+k.path, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	request.Host = k.host
	request.Header.Set("Accept", "text/html,application/xhtml+xml")
	if k.who != "" {
		request.Header.Set("X-Local-User", k.who)
		request.Header.Set("Authorization", "Bearer "+k.who)
	}
	for name, value := range k.header {
		request.Header.Set(name, value)
	}
	before := len(o.requestLogs())
	response, err := http.DefaultTransport.RoundTrip(request) // redirects are answers
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	got := reply{status: response.StatusCode, header: response.Header, body: string(body), raw: o.requestLogs()[before:]}
	for _, entry := range got.raw {
		got.logs = append(got.logs, summary(o.t, entry))
	}
	return got
}

// requestLogs are the request log entries so far.
func (o *fixture) requestLogs() []json.RawMessage {
	o.t.Helper()
	filter, err := logging.ParseFilter("httpRequest:*")
	if err != nil {
		o.t.Fatal(err)
	}
	return o.Cloud.Logs().Entries(filter)
}

// summary is what distinguishes a log entry, in a line.
func summary(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var entry struct {
		LogName, Severity, TextPayload string
		HTTPRequest                    struct{ Status int }
		JSONPayload                    struct{ StatusDetails, ProxyStatus string }
		Resource                       struct{ Type string }
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		t.Fatal(err)
	}
	_, log, _ := strings.Cut(entry.LogName, "/logs/")
	why := entry.TextPayload + entry.JSONPayload.StatusDetails + entry.JSONPayload.ProxyStatus
	if first, _, cut := strings.Cut(entry.TextPayload, ". "); cut {
		why = first
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %d %s %s", entry.Resource.Type, log, entry.HTTPRequest.Status,
		entry.Severity, why))
}
