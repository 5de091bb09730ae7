package matrix

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/oracle/estate"
)

// scenario is what stands in a world, and what has to come of it.
type scenario struct {
	name    string
	policy  string
	environ []string      // of instances, beside what every one gets
	late    time.Duration // how late IAM policies take effect
	old     bool          // the services were made an hour ago
	estate  estate.Estate // where the oracle knocks
	build   func(*world)
	// before leads, with an instance that nobody disturbs, to where the matrix begins; nil =
	// nothing does.
	before func(*world)
	// event sets the function to work.
	event func(*world)
	// later is another event, which a matrix leads to by itself; nil = there is none.
	later func(*world)
	// outcome is how the run has to end.
	outcome report.Outcome
	// entitled are the people who have to get in by some door, all the time.
	entitled []string
	// behind are services that nobody's requests reach once all is guarded.
	behind []string
	// alone means that other people change something only when all is done: earlier it would
	// be another story.
	alone bool
}

// visits reports whether people get in to a service by some address when all is done.
func (s scenario) visits(service string) bool {
	for _, name := range s.behind {
		if strings.HasSuffix(service, "/services/"+name) {
			return false
		}
	}
	return true
}

var (
	global   = playground.LoadBalanced{Service: "hello", Region: "us-central1", Host: "hello.example.com"}
	regional = playground.LoadBalanced{Service: "billing", Region: "europe-west1", Regional: true,
		Host: "billing.example.com"}
	cart = playground.LoadBalanced{Service: "cart", Region: "europe-west1", Host: "cart.example.com"}
)

// rule is the policy of all scenarios, with some keys of its rule replaced.
func rule(keys ...string) string {
	return cloudtest.Policy(append(keys, "limits: {perProject: 1000, overall: 1000}")...)
}

// before says to the oracle that a service stands behind a load balancer.
func before(one playground.LoadBalanced) estate.Estate {
	region := ""
	if one.Regional {
		region = one.Region
	}
	return estate.Estate{
		Services:  []estate.Service{{Name: one.Service, Region: one.Region}},
		Backends:  []estate.Backend{{Name: one.Backend(), Region: region, Leads: []string{one.Service}}},
		Balancers: []estate.Balancer{{Name: one.Service, Region: region, HTTPS: true, Default: one.Backend()}},
	}
}

// builds makes a public service behind a load balancer, which somebody beside alice has
// access to by IAP's policy.
func builds(one playground.LoadBalanced) func(*world) {
	return func(w *world) {
		w.Build(one)
		w.grantBob(one)
	}
}

func (w *world) grantBob(one playground.LoadBalanced) {
	scope := "compute"
	if one.Regional {
		scope += "-" + one.Region
	}
	w.CallAs(w.Owner(), http.MethodPost,
		"/v1/projects/123456789012/iap_web/"+scope+"/services/"+one.Backend()+":setIamPolicy",
		map[string]any{"policy": map[string]any{"version": 3, "bindings": []any{map[string]any{
			"role": "roles/iap.httpsResourceAccessor", "members": []any{bob}}}}})
}

// changes publishes that services were changed.
func changes(services ...playground.LoadBalanced) func(*world) {
	return func(w *world) {
		for _, each := range services {
			w.changed(each.Name())
		}
	}
}

// scenarios are what the matrices play.
var scenarios = []scenario{
	{name: "global", policy: rule(), estate: before(global), build: builds(global), event: changes(global),
		outcome: report.Protected, entitled: []string{alice, bob}},
	{name: "regional", policy: rule(), estate: before(regional), build: builds(regional), event: changes(regional),
		outcome: report.Protected, entitled: []string{alice, bob}},
	{name: "shared", policy: rule(), estate: sharedEstate(), build: buildShared, event: changes(global, cart),
		outcome: report.Protected, entitled: []string{alice}, behind: []string{"cart"}},
	{name: "direct", policy: rule("withoutLoadBalancer: direct"),
		estate: estate.Estate{Services: []estate.Service{{Name: "hello", Region: "us-central1"}}},
		build:  func(w *world) { w.Deploy(global) }, event: changes(global), outcome: report.Protected,
		entitled: []string{alice}},
	{name: "work topic", policy: rule(), environ: []string{"IAPGUARD_WORK_TOPIC=" + playground.WorkTopic},
		estate: before(global), build: builds(global), event: changes(global), outcome: report.Protected,
		entitled: []string{alice, bob}},
	{name: "late IAM", policy: rule("propagation: 1s"), late: 300 * time.Millisecond, old: true,
		environ: []string{"IAPGUARD_WORK_TOPIC=" + playground.WorkTopic},
		estate:  before(global), build: builds(global), event: changes(global), outcome: report.Protected,
		entitled: []string{alice, bob}},
	{name: "writer", policy: rule(), environ: asWriter, estate: before(global), event: changes(global),
		build: func(w *world) { builds(global)(w); employ(w) }, outcome: report.Protected, entitled: []string{alice, bob}},
	{name: "redeploy", policy: rule("redeploy: enforce"), estate: before(global), build: builds(global),
		before: guarded, event: deny, outcome: report.Redeployed, alone: true},
}

// two is two services that have nothing to do with each other.
var two = scenario{name: "two", policy: rule(), estate: twoEstate(), build: func(w *world) {
	builds(global)(w)
	builds(regional)(w)
}, event: changes(global), later: changes(regional), outcome: report.Protected, entitled: []string{alice, bob}}

func twoEstate() estate.Estate {
	one, other := before(global), before(regional)
	return estate.Estate{Services: slices.Concat(one.Services, other.Services), Backends: slices.Concat(one.Backends, other.Backends),
		Balancers: slices.Concat(one.Balancers, other.Balancers)}
}

// employ makes the account that writes in the project's folder.
func employ(w *world) {
	shipped, err := playground.ShippedRoles()
	if err != nil {
		w.t.Fatal(err)
	}
	w.CreateWriter(shipped...)
}

// asWriter is the environment in which that account writes.
var asWriter = []string{"IAPGUARD_WRITERS=" + cloudtest.WriterFolder + "=" + cloudtest.Writer}

// sharedEstate is two services behind one backend service. Requests reach the first.
func sharedEstate() estate.Estate {
	e := before(global)
	e.Services = append(e.Services, estate.Service{Name: cart.Service, Region: cart.Region})
	return e
}

func buildShared(w *world) {
	w.Build(global)
	w.Deploy(cart)
	compute := "/compute/v1/projects/" + playground.Project
	w.Call(http.MethodPost, compute+"/regions/"+cart.Region+"/networkEndpointGroups", map[string]any{
		"name": "cart-neg", "networkEndpointType": "SERVERLESS", "cloudRun": map[string]any{"service": cart.Service}})
	group := func(region, name string) map[string]any {
		return map[string]any{"group": "projects/" + playground.Project + "/regions/" + region + "/networkEndpointGroups/" + name}
	}
	w.Call(http.MethodPatch, compute+"/global/backendServices/"+global.Backend(), map[string]any{
		"backends": []any{group(global.Region, "hello-neg"), group(cart.Region, "cart-neg")}})
}

// guarded leads to a service that is protected and refuses IAP's agent all the same.
func guarded(w *world) {
	w.changed(global.Name())
	w.settle()
	w.SetFaults(`[{"action":"stuck-grant","service":"` + global.Name() + `","until":"redeploy"}]`)
}

// deny publishes that alice was refused, as a sink of refused requests does.
func deny(w *world) {
	w.t.Helper()
	var entries []any
	for range 3 {
		w.Ask(global.Host, alice)
	}
	await(w.t, "a refused request is logged", func() bool {
		answer := w.CallAs(w.Owner(), http.MethodPost, "/v2/entries:list", map[string]any{
			"resourceNames": []any{"projects/" + playground.Project}, "filter": playground.RequestsFilter,
			"orderBy": "timestamp desc", "pageSize": 1})
		entries, _ = answer["entries"].([]any)
		return len(entries) > 0
	})
	w.entry(entries[0].(map[string]any))
}
