package contest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

const (
	// applies is how often Terraform is applied, pause the time between.
	applies = 12
	pause   = 5 * time.Second
	agent   = "Terraform/1.13 terraform-provider-google/7.12.0"
	backend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"
	service = "/v2/projects/demo-project/locations/us-central1/services/hello"
)

// fixture is where two instances of the function defend one service.
type fixture struct{ *withfunction.Env }

func start(t *testing.T) fixture {
	t.Helper()
	return fixture{withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(), Instances: 2, Bucket: true, Queued: true})}
}

// startWithWriter is the same, but for the account they defend it as.
func startWithWriter(t *testing.T) fixture {
	t.Helper()
	f := fixture{withfunction.Start(t, withfunction.Options{
		Policy: cloudtest.Policy(), Instances: 2, Bucket: true, Queued: true,
		Writers: reconcile.Writers{cloudtest.WriterFolder: cloudtest.Writer},
	})}
	shipped, err := playground.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	f.CreateWriter(shipped...)
	return f
}

// impatience is how long every message is waited for before time passes: one that is held
// for a pause would take a minute of the machine's time.
const impatience = 3 * time.Second

// rest waits until every message was handled, and lets time pass.
func (f fixture) rest() {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		f.Cloud.Settle()
		f.Idle()
	}()
	for {
		select {
		case <-idle:
			f.Later(pause)
			return
		case <-time.After(impatience):
			f.Later(time.Minute)
		}
	}
}

// contested is the last report of a contest.
func (f fixture) contested() report.Report {
	ended := slices.DeleteFunc(f.Reports(), func(one report.Report) bool { return one.Outcome != report.Contested })
	if len(ended) == 0 {
		return report.Report{}
	}
	return ended[len(ended)-1]
}

// untilContested waits for the report of a contest. Messages are held until the pause is
// over, so nothing is idle.
func (f fixture) untilContested(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(cloudtest.Patience); f.contested().Contest == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no report is contested")
		}
	}
}

// Once a field is contested, all applies of a minute cost no more than one write, grants
// apart; and the last word is ours.
func TestTwoInstancesDefendAFieldWithPausesAndSayWhatToWrite(t *testing.T) {
	for _, tc := range []struct {
		name  string
		start func(*testing.T) fixture
		as    string // the account they write as
		// What an apply calls.
		verb, path string
		body       any
		// What the function calls in return, and how often it may.
		method string
		most   int
		field  string
		hcl    []string // in this order
	}{
		{"the backend's IAP", start, playground.FunctionAccount, http.MethodPatch, backend,
			map[string]any{"iap": map[string]any{"enabled": false}},
			"compute.backendServices.patch", 5, "iap.enabled",
			[]string{`resource "google_compute_backend_service" "hello_backend" {`, "iap {", "enabled = true",
				"iap_config = {", "enable = true"}},
		{"the service's ingress", start, playground.FunctionAccount, http.MethodPatch, service + "?updateMask=ingress",
			map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"},
			"run.projects.locations.services.patch", 5, "ingress",
			[]string{`resource "google_cloud_run_v2_service" "hello" {`, `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`}},
		// An authoritative policy: the agent goes, and the public is back.
		{"the invoker policy", start, playground.FunctionAccount, http.MethodPost, service + ":setIamPolicy",
			map[string]any{"policy": map[string]any{"bindings": []any{
				map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}}},
			"run.projects.locations.services.setIamPolicy", 30, "roles/run.invoker",
			[]string{"in place of google_cloud_run_v2_service_iam_policy",
				`resource "google_cloud_run_v2_service_iam_member" "hello_iap" {`, `role     = "roles/run.invoker"`,
				"gcp-sa-iap.iam.gserviceaccount.com"}},
		{"the service's ingress, written as the folder's writer", startWithWriter, cloudtest.Writer, http.MethodPatch,
			service + "?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"},
			"run.projects.locations.services.patch", 5, "ingress", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := tc.start(t)
			f.Build(playground.Scenario[0])
			f.rest()
			terraform := playground.Client{URL: f.URL(), Caller: playground.Developer, UserAgent: agent}
			for round := range applies {
				f.CallAs(terraform, tc.verb, tc.path, tc.body)
				if round < 2 {
					f.rest()
					continue
				}
				f.Cloud.Settle() // what follows waits for the pause
			}
			f.untilContested(t)
			f.Later(2 * time.Minute)
			f.rest()
			writes, last := len(f.Calls().By(tc.as).Taken().Of(tc.method)), f.contested()
			fmt.Printf("%s: %d applies, %d writes of the function in return\n", tc.name, applies, writes)
			if writes > tc.most || writes < 2 {
				t.Errorf("%d writes, want 2 to %d", writes, tc.most)
			}
			if last.Contest == nil {
				t.Fatal("no report is contested")
			}
			if !f.Safe(playground.Scenario[0].Service)() {
				t.Error("in the end the service is not guarded")
			}
			c := last.Contest
			if c.Field != tc.field || c.Rounds < 3 || len(c.Actors) != 1 ||
				c.Actors[0].Principal != strings.TrimPrefix(playground.Developer, "user:") ||
				!strings.HasPrefix(c.Actors[0].UserAgent, agent) || !c.FirstAt.Before(*c.LastAt) {
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
