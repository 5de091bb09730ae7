package contest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	patience = 60 * time.Second
	// applies is how often Terraform is applied, pause the time between.
	applies = 12
	pause   = 5 * time.Second
	agent   = "Terraform/1.13 terraform-provider-google/7.12.0"
	policy  = `version: 1
rules:
  - name: everything
    mode: enforce
    access: {members: ["user:alice@example.com"]}
    settle: 0s
    propagation: 0s
`
	backend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"
	service = "/v2/projects/demo-project/locations/us-central1/services/hello"
)

// field is where two instances of the function defend one service.
type field struct {
	*stage.Stage
	t     *testing.T
	ahead atomic.Int64

	mu      sync.Mutex
	reports []report.Report
}

func (f *field) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

func start(t *testing.T) *field {
	t.Helper()
	f := &field{t: t}
	s, err := stage.Start(t.Context(), stage.Options{Clock: f.now})
	if err != nil {
		t.Fatal(err)
	}
	f.Stage = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("closing the stage: %v", err)
		}
	})
	if err := s.OnReport(t.Context(), func(received stage.Report) {
		var one report.Report
		if err := json.Unmarshal(received.Data, &one); err != nil {
			t.Errorf("a report is no JSON: %v", err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.reports = append(f.reports, one)
	}); err != nil {
		t.Fatal(err)
	}
	instances := []*function.Function{f.instance(), f.instance()}
	var requests atomic.Int64
	either := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		instances[requests.Add(1)%int64(len(instances))].ServeHTTP(w, r)
	})
	if err := s.Attach(t.Context(), either); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *field) instance() *function.Function {
	f.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText, config.Clock = f.URL(), []byte(policy), f.now
	config.ReportsTopic, config.WorkTopic, config.PubSubHost = stage.ReportsTopic, stage.WorkTopic, f.Broker.Address()
	protect, err := function.New(f.t.Context(), config, slog.New(slog.NewTextHandler(f.t.Output(), nil)))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := protect.Close(); err != nil {
			f.t.Errorf("closing the function: %v", err)
		}
	})
	return protect
}

// rest waits until every message was handled, and lets time pass.
func (f *field) rest() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	f.Cloud.Settle()
	if err := f.Broker.Idle(ctx); err != nil {
		f.t.Fatal(err)
	}
	f.ahead.Add(int64(pause))
}

// last is the last report on the service that is no start.
func (f *field) last() report.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.reports) - 1; i >= 0; i-- {
		if f.reports[i].Outcome != report.Started {
			return f.reports[i]
		}
	}
	return report.Report{}
}

// writes counts the function's own successful calls of one method.
func (f *field) writes(method string) int {
	f.t.Helper()
	response, err := http.Get(f.URL() + "/_local/calls")
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	var calls []struct {
		Principal, Method string
		Status            int
	}
	if err := json.NewDecoder(response.Body).Decode(&calls); err != nil {
		f.t.Fatal(err)
	}
	count := 0
	for _, call := range calls {
		if call.Status == http.StatusOK && strings.HasSuffix(call.Principal, stage.FunctionAccount) && strings.HasSuffix(call.Method, method) {
			count++
		}
	}
	return count
}

func TestTwoInstancesStopFightingTerraformAndSayWhatToWriteThere(t *testing.T) {
	for _, tc := range []struct {
		name string
		// What an apply calls.
		verb, path string
		body       any
		// What the function calls in return, and how often it may.
		method string
		most   int
		field  string
		hcl    []string // in this order
	}{
		{"the backend's IAP", http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false}},
			"compute.backendServices.patch", 5, "iap.enabled",
			[]string{`resource "google_compute_backend_service" "hello_backend" {`, "iap {", "enabled = true", "iap_config = {", "enable = true"}},
		{"the service's ingress", http.MethodPatch, service + "?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"},
			"run.projects.locations.services.patch", 5, "ingress",
			[]string{`resource "google_cloud_run_v2_service" "hello" {`, `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`}},
		// An authoritative policy: the agent goes, and the public is back.
		{"the invoker policy", http.MethodPost, service + ":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}}},
			"run.projects.locations.services.setIamPolicy", 10, "roles/run.invoker",
			[]string{"in place of google_cloud_run_v2_service_iam_policy", `resource "google_cloud_run_v2_service_iam_member" "hello_iap" {`, `role     = "roles/run.invoker"`, "gcp-sa-iap.iam.gserviceaccount.com"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t)
			developer := stage.Client{URL: f.URL(), Caller: stage.Developer}
			for _, step := range []func(context.Context, stage.Client) error{stage.Scenario[0].Deploy, stage.Scenario[0].Balance} {
				if err := step(t.Context(), developer); err != nil {
					t.Fatal(err)
				}
			}
			f.rest()
			terraform := stage.Client{URL: f.URL(), Caller: stage.Developer, UserAgent: agent}
			for range applies {
				if _, err := terraform.Call(t.Context(), tc.verb, tc.path, tc.body); err != nil {
					t.Fatal(err)
				}
				f.rest()
			}
			writes, last := f.writes(tc.method), f.last()
			fmt.Printf("%s: %d applies, %d writes of the function in return\n", tc.name, applies, writes)
			if writes > tc.most || writes < 2 {
				t.Errorf("%d writes, want 2 to %d", writes, tc.most)
			}
			if last.Outcome != report.Contested || last.Contest == nil {
				t.Fatalf("the last report is %+v, want contested", last)
			}
			c := last.Contest
			if c.Field != tc.field || c.Rounds < 3 || len(c.Actors) != 1 || c.Actors[0].Principal != strings.TrimPrefix(stage.Developer, "user:") || !strings.HasPrefix(c.Actors[0].UserAgent, agent) || !c.FirstAt.Before(*c.LastAt) {
				t.Errorf("contest %+v", c)
			}
			rest := c.Fix
			for _, want := range tc.hcl {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("the fix lacks %s, or has it too early:\n%s", want, c.Fix)
				}
				rest = after
			}
			if strings.Index(c.Fix, "# Terraform") != 0 {
				t.Errorf("the fix does not begin with Terraform's:\n%s", c.Fix)
			}
		})
	}
}
