package loop

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// trigger is one of those that deploy/intake.yaml lists.
type trigger struct {
	ServiceName string `yaml:"serviceName"`
	MethodName  string `yaml:"methodName"`
	Location    string `yaml:"location"`
}

// called are the methods that the scenario is built with. Triggers for the rest
// of the list would only stand by, at forty goroutines each.
var called = []string{
	"google.cloud.run.v2.Services.CreateService", "google.cloud.run.v2.Services.UpdateService",
	"google.cloud.run.v2.Services.SetIamPolicy",
	"v1.compute.backendServices.insert", "v1.compute.backendServices.patch",
	"v1.compute.regionBackendServices.insert", "v1.compute.regionBackendServices.patch",
	"v1.compute.urlMaps.insert", "v1.compute.regionUrlMaps.insert",
	"v1.compute.targetHttpsProxies.insert", "v1.compute.regionTargetHttpsProxies.insert",
	"v1.compute.globalForwardingRules.insert", "v1.compute.forwardingRules.insert",
}

// shippedTriggers are those of the list that the scenario needs.
func shippedTriggers(t *testing.T) []trigger {
	t.Helper()
	text, err := os.ReadFile("../../deploy/intake.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var intake struct {
		Eventarc []trigger `yaml:"eventarc"`
	}
	if err := yaml.Unmarshal(text, &intake); err != nil {
		t.Fatal(err)
	}
	needed := slices.DeleteFunc(intake.Eventarc,
		func(one trigger) bool { return !slices.Contains(called, one.MethodName) })
	if len(needed) != len(called) {
		t.Fatalf("deploy/intake.yaml has %d of the %d methods: %v", len(needed), len(called), needed)
	}
	return needed
}

// triggered closes the loop by the shipped Eventarc triggers, without a log sink, and
// counts the content types that the function received.
func triggered(t *testing.T, contentType string) (*withfunction.Env, *contentTypes) {
	t.Helper()
	r := withfunction.Open(t, withfunction.Options{Policy: cloudtest.Policy()})
	counted := &contentTypes{function: r, by: map[string]int{}}
	if _, err := r.Serve(t.Context(), counted); err != nil {
		t.Fatal(err)
	}
	for i, one := range shippedTriggers(t) {
		path := fmt.Sprintf("/v1/projects/%s/locations/%s/triggers?triggerId=watch-%d", playground.Project, one.Location, i)
		r.CallAs(r.Owner(), http.MethodPost, path, map[string]any{
			"eventFilters": []any{
				map[string]any{"attribute": "type", "value": "google.cloud.audit.log.v1.written"},
				map[string]any{"attribute": "serviceName", "value": one.ServiceName},
				map[string]any{"attribute": "methodName", "value": one.MethodName},
			},
			"destination": map[string]any{"cloudRun": map[string]any{"service": playground.FunctionService,
				"region": playground.FunctionRegion}},
			"eventDataContentType": contentType, "serviceAccount": "receiver@demo-project.iam.gserviceaccount.com",
		})
	}
	return r, counted
}

// contentTypes counts what a function is sent, by content type.
type contentTypes struct {
	function http.Handler
	mu       sync.Mutex
	by       map[string]int
}

func (c *contentTypes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	c.by[kind]++
	c.mu.Unlock()
	c.function.ServeHTTP(w, r)
}

func TestTriggersInsteadOfASinkLeadToAProtectedServiceToo(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "application/protobuf"} {
		t.Run(contentType, func(t *testing.T) {
			r, counted := triggered(t, contentType)
			for _, service := range playground.Scenario {
				r.Build(service)
				r.Until(service.Service+" is protected", r.Safe(service.Service))
				if outcomes := r.Outcomes(service.Service); !slices.Contains(outcomes, report.Protected) {
					t.Errorf("%s: outcomes %v, want protected among them", service.Service, outcomes)
				}
			}
			if diff := cmp.Diff(withfunction.RecipeWrites(), r.KindsOfWrites()); diff != "" {
				t.Errorf("what we wrote (-want +got):\n%s", diff)
			}
			counted.mu.Lock()
			defer counted.mu.Unlock()
			if len(counted.by) != 1 || counted.by[contentType] < 10 {
				t.Errorf("the function received %v, want at least 10 times in %s and in nothing else", counted.by, contentType)
			}
		})
	}
}
