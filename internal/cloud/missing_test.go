package cloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
)

var hello = posture.Target{Project: playground.Project, Location: "us-central1", Service: "hello"}

// local is a local cloud with the service hello behind a load balancer, and the
// function's clients.
type local struct {
	*playground.Playground
	t *testing.T
}

func start(t *testing.T) local {
	t.Helper()
	s, err := playground.Start(t.Context(), playground.Options{Discovery: discovery.Judge(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	developer := playground.Client{URL: s.URL(), Caller: playground.Developer}
	if err := playground.Scenario[0].Deploy(t.Context(), developer); err != nil {
		t.Fatal(err)
	}
	if err := playground.Scenario[0].Balance(t.Context(), developer); err != nil {
		t.Fatal(err)
	}
	s.Cloud.Settle()
	return local{s, t}
}

// clients are the function's, with nothing kept from earlier calls.
func (l local) clients() *cloud.Cloud {
	l.t.Helper()
	clients, err := cloud.Connect(l.t.Context(), l.config(), time.Now)
	if err != nil {
		l.t.Fatal(err)
	}
	return clients
}

func (l local) config() connect.Config {
	return connect.Config{Endpoint: l.URL(), Self: playground.FunctionAccount}
}

func (l local) inject(faults string) {
	l.t.Helper()
	response, err := http.Post(l.URL()+"/_local/faults", "application/json", strings.NewReader(faults))
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		l.t.Fatalf("setting the faults %s: %s", faults, response.Status)
	}
}

// call is one call of an API as the local cloud lists it.
type call struct{ Principal, Method, Resource string }

// calls are the function's calls, each once.
func (l local) calls() []call { return slices.Compact(l.everyCall()) }

// everyCall are the function's calls, sorted.
func (l local) everyCall() []call {
	l.t.Helper()
	response, err := http.Get(l.URL() + "/_local/calls")
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	var all []call
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		l.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(c call) bool { return !strings.Contains(c.Principal, playground.FunctionAccount) })
	slices.SortFunc(all, func(a, b call) int { return strings.Compare(a.Method+a.Resource, b.Method+b.Resource) })
	return all
}

func TestOnlyTheServicesOwn404MeansGone(t *testing.T) {
	l := start(t)
	if _, err := l.clients().Observe(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	reads := l.calls()
	if len(reads) < 12 {
		t.Fatalf("an observation makes the calls %v, want more", reads)
	}
	// A 404 proves a fact in one other place: a service without IAP has no access policy.
	// A backend service that a URL map leads to exists, whatever its own read says.
	known := []string{"iap.getIamPolicy " + hello.AccessResource("123456789012")}
	unread := 0
	for _, read := range reads {
		t.Run(read.Method+" "+read.Resource, func(t *testing.T) {
			l.inject(fmt.Sprintf(`[{"action": "status", "status": 404, "method": %q, "resource": %q}]`,
				read.Method, read.Resource))
			p, err := l.clients().Observe(t.Context(), hello)
			action := fault.ActionOf(err)
			switch {
			case read.Method == "run.projects.locations.services.get":
				if action != fault.Gone {
					t.Errorf("%v, want that the service is gone", err)
				}
			case slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(read.Method+" "+read.Resource, k) }):
				if err != nil || p.Unread != nil {
					t.Errorf("error %v, unread %v; want a known fact", err, p.Unread)
				}
			case err == nil:
				unread++
				if !slices.ContainsFunc(p.Unread, func(u posture.Unread) bool { return strings.Contains(u.Why, "Not Found") }) {
					t.Errorf("unread: %v, want the fact that was not found", p.Unread)
				}
			case action != fault.Retry:
				t.Errorf("action %d of %v, want %d", action, err, fault.Retry)
			}
		})
	}
	if unread < 3 {
		t.Errorf("%d facts are optional, want at least the project's policy, an inherited one of IAP's and the domain "+
			"mappings",
			unread)
	}
}

func TestADeletedServiceIsGoneWhateverFailsFirst(t *testing.T) {
	l := start(t)
	developer := playground.Client{URL: l.URL(), Caller: playground.Developer}
	if _, err := developer.Call(t.Context(), http.MethodDelete, "/v2/"+hello.Name(), nil); err != nil {
		t.Fatal(err)
	}
	l.Cloud.Settle()
	l.inject(`[{"action": "slow", "method": "run.projects.locations.services.get", "delay": "100ms"}]`)
	if _, err := l.clients().Observe(t.Context(), hello); fault.ActionOf(err) != fault.Gone {
		t.Errorf("error %v, want that the service is gone", err)
	}
}

func TestA404OfAProjectIsNotAnEmptyAnswer(t *testing.T) {
	l := start(t)
	backend := "projects/" + playground.Project + "/global/backendServices/hello-backend"
	if found, err := l.clients().Behind(t.Context(), backend); err != nil || len(found) != 1 {
		t.Fatalf("%v, %v, want the service", found, err)
	}
	l.inject(`[{"action": "status", "status": 404, "method": "cloudresourcemanager.projects.get"}]`)
	if found, err := l.clients().Behind(t.Context(), backend); fault.ActionOf(err) != fault.Retry {
		t.Errorf("%v, %v, want an error to be tried again", found, err)
	}
	l.inject(`[{"action": "status", "status": 404, "method": "compute.backendServices.get"}]`)
	if found, err := l.clients().Behind(t.Context(), backend); err != nil || found != nil {
		t.Errorf("%v, %v, want that a backend service which does not exist leads to no service", found, err)
	}
}

func TestAnExpiredTokenIsNotAMissingPermission(t *testing.T) {
	l := start(t)
	l.inject(`[{"action": "status", "status": 401, "method": "run.*", "times": 1},
		{"action": "status", "status": 401, "method": "compute.*", "times": 1}]`)
	if p, err := l.clients().Observe(t.Context(), hello); err != nil || p.Unread != nil {
		t.Errorf("error %v, unread %v; want both calls repeated", err, p.Unread)
	}
}

// Newly issued credentials may be refused too, while keys are replaced or clocks differ.
func TestRefusedCredentialsAreTriedAgain(t *testing.T) {
	l := start(t)
	for _, api := range []string{"run.*", "compute.*", "iap.*", "cloudresourcemanager.projects.get"} {
		l.inject(`[{"action": "status", "status": 401, "method": "` + api + `"}]`)
		if _, err := l.clients().Observe(t.Context(), hello); fault.ActionOf(err) != fault.Retry {
			t.Errorf("%s refuses every token: action %d of %v, want %d", api, fault.ActionOf(err), err, fault.Retry)
		}
	}
}
