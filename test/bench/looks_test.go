package bench

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// ordered is a policy that protects everything at once, however many services there are.
var ordered = cloudtest.Policy("limits: {perProject: 500, overall: 500}")

// openCloud starts a local cloud that is not checked against discovery documents: it is made large.
// onCall gets the entry of every API call; nil = nobody does.
func openCloud(t *testing.T, onCall func(apiserver.CallEntry)) *playground.Playground {
	t.Helper()
	options := playground.Options{InstantOperations: true, OnCall: onCall}
	cloud, err := playground.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(t.Context()); err != nil {
			t.Log(err)
		}
	})
	return cloud
}

func numbered(name string, i int) playground.LoadBalanced {
	service := fmt.Sprintf("%s-%04d", name, i)
	return playground.LoadBalanced{Service: service, Region: "us-central1", Host: service + ".example.com"}
}

func build(t *testing.T, cloud *playground.Playground, services ...playground.LoadBalanced) {
	t.Helper()
	client := playground.Client{URL: cloud.URL(), Caller: playground.Developer}
	for _, service := range services {
		if err := service.Deploy(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if err := service.Balance(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
}

// lookFigures are what a look at a protected service takes of a processor, in milliseconds, by how
// many services its project has: one look at a time, and of twenty that come at once. The profile is of
// the last ones that came one at a time. swept is what a look takes in a sweep of a project of sweptOf
// services, and sweptCalls how many calls.
type lookFigures struct {
	services          []int
	alone, together   []figure
	profile           string
	swept, sweptCalls figure
}

// sweptOf is of how many services a project is that is swept.
const sweptOf = 200

func looks(t *testing.T, services ...int) (m lookFigures) {
	var calls atomic.Int64
	cloud := openCloud(t, func(call apiserver.CallEntry) {
		if call.Principal.Email() == playground.FunctionAccount {
			calls.Add(1)
		}
	})
	h := startHost(t, cloud, ordered)
	built, first := 0, numbered("app", 0)
	for _, n := range services {
		for ; built < n; built++ {
			build(t, cloud, numbered("app", built))
		}
		h.timed("sweep", twenty(n)...) // protects them, and fills the memories
		h.timed("sweep", twenty(n)...)
		var alone, together figure
		measured := func() {
			for range 12 {
				alone.addTime(h.timed("audit", first.Name())) // it shares nothing, as the look of an event
			}
		}
		if n == services[len(services)-1] {
			m.profile = h.profiled(measured)
		} else {
			measured()
		}
		for range 5 {
			together.add(h.timed("audit", twenty(n)...).Seconds() * 1000 / 20)
		}
		if n == sweptOf {
			h.timed("sweep", "projects/"+playground.Project) // protects all
			for range 3 {
				before := calls.Load()
				m.swept.add(h.timed("sweep", "projects/"+playground.Project).Seconds() * 1000 / sweptOf)
				m.sweptCalls.add(float64(calls.Load()-before) / sweptOf)
			}
		}
		m.services = append(m.services, n)
		m.alone, m.together = append(m.alone, alone), append(m.together, together)
	}
	return m
}

// twenty are the services that are looked at twenty at a time: not all are others where the project
// has fewer.
func twenty(n int) (services []string) {
	for i := range 20 {
		services = append(services, numbered("app", i%n).Name())
	}
	return services
}

// protections are what protecting a service takes of a processor, in milliseconds, without and with
// entries in the log about it, and the profile of the latter.
func protections(t *testing.T, rounds, entries int) (none, many figure, profile string) {
	cloud := openCloud(t, nil)
	h := startHost(t, cloud, ordered)
	build(t, cloud, numbered("first", 0))
	h.sweep(numbered("first", 0))
	for i := range rounds {
		service := numbered("quiet", i)
		build(t, cloud, service)
		none.addTime(h.sweep(service))
	}
	for i := range rounds {
		service := numbered("busy", i)
		build(t, cloud, service)
		write(t, cloud, service, entries)
	}
	profile = h.profiled(func() {
		for i := range rounds {
			many.addTime(h.sweep(numbered("busy", i)))
		}
	})
	return none, many, profile
}

// write writes log entries of requests to a service, at Cloud Run and at its load balancer.
func write(t *testing.T, cloud *playground.Playground, service playground.LoadBalanced, entries int) {
	t.Helper()
	owner := playground.Client{URL: cloud.URL()}
	const batch = 1000
	for first := 0; first < entries; first += batch {
		var all []any
		for i := first; i < min(first+batch, entries); i++ {
			entry := object{"severity": "INFO", "httpRequest": object{"requestMethod": "GET",
				"requestUrl": "https://" + service.Host + "/", "status": []int{200, 403}[i/7%2], "userAgent": "curl/8.5.0",
				"remoteIp": fmt.Sprintf("203.0.113.%d", i%250), "latency": "0s", "protocol": "HTTP/1.1",
				"requestSize": "120", "responseSize": "512"}}
			if i%2 == 0 {
				entry["logName"] = "projects/" + playground.Project + "/logs/run.googleapis.com%2Frequests"
				entry["resource"] = object{"type": "cloud_run_revision", "labels": object{"service_name": service.Service,
					"location": service.Region, "project_id": playground.Project, "configuration_name": service.Service,
					"revision_name": service.Service + "-00001-abc"}}
			} else {
				entry["logName"] = "projects/" + playground.Project + "/logs/requests"
				entry["resource"] = object{"type": "http_load_balancer", "labels": object{"project_id": playground.Project,
					"backend_service_name": service.Backend(), "url_map_name": service.Service + "-map",
					"forwarding_rule_name": service.Service + "-https", "zone": "global",
					"target_proxy_name": service.Service + "-proxy"}}
			}
			all = append(all, entry)
		}
		if _, err := owner.Call(t.Context(), http.MethodPost, "/v2/entries:write", object{"entries": all}); err != nil {
			t.Fatal(err)
		}
	}
}
