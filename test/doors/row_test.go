package doors

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
)

const (
	lbLog       = "http_load_balancer requests "
	runLog      = "cloud_run_revision run.googleapis.com%2Frequests "
	notVerified = "The request was not authenticated"
	iapHeader   = "X-Goog-Iap-Generated-Response"
)

func all(steps ...func(*fixture)) []func(*fixture) { return steps }

// stuck lets the service refuse the agent although it may invoke.
func stuck(o *fixture) { o.Cloud.DataPlane().Stick(o.Name(), true) }

// row is one way in which a request can end.
type row struct {
	name    string
	setup   []func(*fixture)
	visit   visit // at the frontend; host "run" is the default URL
	status  int
	fromIAP bool
	body    string       // is part of it
	logs    []string     // in the order of writing
	kinds   []event.Kind // what our own reader makes of each log entry
}

// rows has a case for each row of what is known about distinguishing the 403s
// (load-balancing and Cloud Run logging docs, run/docs/troubleshooting,
// iap/docs/enabling-cloud-run), and for what is near to them. VPC Service
// Controls and authorization policies are not served here.
var rows = []row{
	{"IAP denies somebody who is signed in", all(protected), visit{who: bob}, 403, true, "You don't have access",
		[]string{lbLog + "403 WARNING handled_by_identity_aware_proxy"}, []event.Kind{event.LBRequestDeniedByIAP}},
	{"IAP asks a browser to sign in", all(protected), visit{}, 302, true, "",
		[]string{lbLog + "302 INFO handled_by_identity_aware_proxy"}, []event.Kind{""}},
	{"IAP asks a program to sign in", all(protected),
		visit{header: map[string]string{"Accept": "application/json"}}, 401, true,
		"Invalid IAP credentials: empty token", []string{lbLog + "401 WARNING handled_by_identity_aware_proxy"},
		[]event.Kind{""}},
	{"IAP asks a form to sign in", all(protected), visit{method: "POST"}, 401, true, "Invalid IAP credentials",
		[]string{lbLog + "401 WARNING handled_by_identity_aware_proxy"}, []event.Kind{""}},
	{"IAP cannot read a token", all(protected), visit{
		header: map[string]string{"Authorization": "Bearer nonsense"}}, 401, true,
		"Unable to parse JWT", []string{lbLog + "401 WARNING handled_by_identity_aware_proxy"}, []event.Kind{""}},
	{"Cloud Run denies IAP's agent", all(protected, invokers(bob)), visit{who: alice, path: "/a<b"}, 403, false,
		"<h2>Your client does not have permission to get URL <code>/a&lt;b</code> from this server.</h2>",
		[]string{runLog + "403 WARNING " + notVerified, lbLog + "403 WARNING response_sent_by_backend"},
		[]event.Kind{event.RunRequestDenied, ""}},
	{"Cloud Run denies IAP's agent although it may invoke", all(protected, stuck),
		visit{who: alice, path: "/"}, 403, false,
		"Your client does not have permission to get URL <code>/</code> from this server.",
		[]string{runLog + "403 WARNING " + notVerified, lbLog + "403 WARNING response_sent_by_backend"},
		[]event.Kind{event.RunRequestDenied, ""}},
	{"Cloud Run denies a stranger at the default URL", all(invokers(alice)), visit{host: "run", path: "/"}, 403, false,
		"<h2>Your client does not have permission to get URL <code>/</code> from this server.</h2>",
		[]string{runLog + "403 WARNING " + notVerified}, []event.Kind{event.RunRequestDenied}},
	{"Cloud Run denies somebody who is signed in", all(invokers(alice)), visit{host: "run", who: bob}, 403, false,
		"Your client does not have permission",
		[]string{runLog + "403 WARNING The request was not authorized to invoke this service"},
		[]event.Kind{event.RunRequestDenied}},
	{"a token does not verify", all(invokers(alice)),
		visit{header: map[string]string{"Authorization": "Bearer nonsense"}}, 401, false,
		"Your client does not have permission to the requested URL",
		[]string{runLog + "401 WARNING The request was not authorized to invoke this service",
			lbLog + "401 WARNING response_sent_by_backend"},
		[]event.Kind{event.RunRequestDenied, ""}},
	{"the application refuses by itself", nil, visit{path: "/_app/403"}, 403, false, "The application answers with 403",
		[]string{runLog + "403 WARNING", lbLog + "403 WARNING response_sent_by_backend"}, []event.Kind{"", ""}},
	{"the application refuses a visitor that IAP let pass", all(protected), visit{who: alice, path: "/_app/403"}, 403,
		false, "The application",
		[]string{runLog + "403 WARNING", lbLog + "403 WARNING response_sent_by_backend"}, []event.Kind{"", ""}},
	{"the ingress keeps the default URL shut", all(protected), visit{host: "run", who: alice}, 404, false,
		"<h2>The requested URL was not found on this server.</h2>", nil, nil},
	{"the ingress keeps the load balancer out", all(ingress("INGRESS_TRAFFIC_INTERNAL_ONLY")), visit{}, 404, false,
		"was not found",
		[]string{lbLog + "404 WARNING response_sent_by_backend"}, []event.Kind{""}},
	{"the ingress keeps everybody out", all(ingress("INGRESS_TRAFFIC_NONE")), visit{}, 404, false, "was not found",
		[]string{lbLog + "404 WARNING response_sent_by_backend"}, []event.Kind{""}},
	{"the agent is not provisioned", all(accessors(alice), iapOn), visit{who: alice}, 500, true,
		"The IAP service account is not provisioned", []string{lbLog + "500 ERROR handled_by_identity_aware_proxy"},
		[]event.Kind{event.LBRequestDeniedByIAP}},
	{"IAP is on twice", all(protected, iapOnService), visit{who: alice}, 500, true, "Internal Server Error",
		[]string{lbLog + "500 ERROR multiple_iap_policies"}, []event.Kind{event.LBRequestDeniedByIAP}},
	{"somebody gets in", all(protected), visit{who: alice}, 200, false, `"audience": "/projects/` + number +
		`/global/backendServices/`,
		[]string{runLog + "200 INFO", lbLog + "200 INFO response_sent_by_backend"}, []event.Kind{"", ""}},
	{"anybody gets in", nil, visit{}, 200, false, `"service": "hello"`,
		[]string{runLog + "200 INFO", lbLog + "200 INFO response_sent_by_backend"}, []event.Kind{"", ""}},
}

func TestEveryRequestIsAnsweredAndLoggedAsGoogleDoes(t *testing.T) {
	for _, tc := range rows {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			logsOn(o)
			for _, do := range tc.setup {
				do(o)
			}
			tc.check(t, o)
		})
	}
}

// at fills in the host of a visit.
func (o *fixture) at(k visit) visit {
	switch k.host {
	case "run":
		k.host = o.defaultURL()
	case "":
		k.host = o.Host
	}
	return k
}

// check makes a visit and compares what comes back, and what our reader makes of the
// logs, against the row.
func (tc row) check(t *testing.T, o *fixture) {
	t.Helper()
	got := o.visit(o.at(tc.visit))
	tc.compare(t, got)
	var kinds []event.Kind
	for _, raw := range got.raw {
		for _, result := range event.Parse(event.Message{Body: raw}, event.Self{}) {
			kind := event.Kind("")
			if result.Cause != nil {
				kind = result.Cause.Kind
			}
			kinds = append(kinds, kind)
		}
	}
	if diff := cmp.Diff(tc.kinds, kinds); diff != "" {
		t.Errorf("what our own reader makes of the log entries (-want +got):\n%s", diff)
	}
}

func (tc row) compare(t *testing.T, got reply) {
	t.Helper()
	if got.status != tc.status || !strings.Contains(got.body, tc.body) {
		t.Errorf("answered %d %s, want %d with %q", got.status, got.body, tc.status, tc.body)
	}
	if fromIAP := got.header.Get(iapHeader) == "true"; fromIAP != tc.fromIAP {
		t.Errorf("the answer says that it is IAP's: %t, want %t", fromIAP, tc.fromIAP)
	}
	if location := got.header.Get("Location"); strings.HasPrefix(location,
		"https://accounts.google.com/") != (tc.status == http.StatusFound && tc.fromIAP) {
		t.Errorf("a %d leads to %q", tc.status, location)
	}
	if diff := cmp.Diff(tc.logs, got.logs); diff != "" {
		t.Errorf("log entries (-want +got):\n%s", diff)
	}
}
