package loop

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

func TestADeployBecomesAProtectedServiceWithoutAnyoneDoingMore(t *testing.T) {
	t.Parallel()
	onBothBackends(t, func(t *testing.T, r *withfunction.Env) {
		for _, service := range playground.Scenario {
			r.Build(service)
			r.Until(service.Service+" is protected", r.Safe(service.Service))
			outcomes := r.Outcomes(service.Service)
			at := slices.Index(outcomes, report.Protected)
			if at < 1 || outcomes[at-1] != report.Started {
				t.Errorf("%s: outcomes %v, want started right before protected", service.Service, outcomes)
			}
			for _, after := range outcomes[max(at, 0)+1:] {
				if after != report.Compliant {
					t.Errorf("%s: %s after protected: %v", service.Service, after, outcomes)
				}
			}
			if last := r.LastOf(service.Service); last.Exposed != door.No || len(last.Doors) != 2+len(urlsBeyondFirst(last)) {
				t.Errorf("%s: exposed %v, doors %+v, want two kinds of doors and none open", service.Service,
					last.Exposed, last.Doors)
			}
		}
		if diff := cmp.Diff(withfunction.RecipeWrites(), r.KindsOfWrites()); diff != "" {
			t.Errorf("what we wrote (-want +got):\n%s", diff)
		}
	})
}

// urlsBeyondFirst are default URLs beyond the first: a service may have several.
func urlsBeyondFirst(r report.Report) []report.Door {
	var urls []report.Door
	for _, way := range r.Doors {
		if way.Kind == door.DefaultURL {
			urls = append(urls, way)
		}
	}
	return urls[min(1, len(urls)):]
}

func TestASecondRunWritesNothing(t *testing.T) {
	t.Parallel()
	r := start(t)
	hello := playground.Scenario[0]
	r.Build(hello)
	r.Until("hello is protected", r.Safe("hello"))
	before := len(r.OwnWrites())
	r.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels",
		map[string]any{"labels": map[string]any{"team": "web"}})
	r.Until("the change was looked at", func() bool {
		return r.LastOf("hello").Target.Labels["team"] == "web" &&
			r.Safe("hello")()
	})
	if last := r.LastOf("hello"); last.Outcome != report.Compliant || len(last.Steps) > 0 {
		t.Errorf("outcome %s with steps %+v, want compliant and none", last.Outcome, last.Steps)
	}
	if after := len(r.OwnWrites()); after != before {
		t.Errorf("%d writes after the first run, want none", after-before)
	}
}

func TestWhatSomebodyUndoesIsDoneAgain(t *testing.T) {
	t.Parallel()
	hello := playground.Scenario[0]
	policy := func(r *withfunction.Env) map[string]any {
		return r.Call(http.MethodGet, "/v2/"+hello.Name()+":getIamPolicy", nil)
	}
	backend := "/compute/v1/projects/" + playground.Project + "/global/backendServices/" + hello.Backend()
	for _, tc := range []struct {
		name string
		undo func(r *withfunction.Env)
		code protection.Code
	}{
		{"public again", func(r *withfunction.Env) {
			bindings := []any{map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}
			bindings = append(bindings, policy(r)["bindings"].([]any)...)
			r.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy",
				map[string]any{"policy": map[string]any{"bindings": bindings}})
		}, protection.PublicInvoker},
		{"the agent's grant is wiped", func(r *withfunction.Env) {
			r.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy",
				map[string]any{"policy": map[string]any{"bindings": []any{}}})
		}, protection.AgentNotInvoker},
		{"IAP is turned off", func(r *withfunction.Env) {
			r.Call(http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false},
				"fingerprint": r.Call(http.MethodGet, backend, nil)["fingerprint"]})
		}, protection.IAPOff},
		{"the ingress is opened", func(r *withfunction.Env) {
			r.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
		}, protection.IngressOpen},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t)
			r.Build(hello)
			r.Until("hello is protected", r.Safe("hello"))
			protected := count(r.Outcomes("hello"), report.Protected)
			tc.undo(r)
			r.Until("it is protected again", func() bool {
				return count(r.Outcomes("hello"), report.Protected) > protected &&
					r.Safe("hello")()
			})
			if !found(r.Reports(), tc.code) {
				t.Errorf("no started report names %s", tc.code)
			}
		})
	}
}

func count(outcomes []report.Outcome, wanted report.Outcome) int {
	n := 0
	for _, outcome := range outcomes {
		if outcome == wanted {
			n++
		}
	}
	return n
}

func found(reports []report.Report, code protection.Code) bool {
	return slices.ContainsFunc(reports, func(r report.Report) bool {
		return r.Outcome == report.Started && slices.ContainsFunc(r.Findings,
			func(f report.Finding) bool { return f.Code == code })
	})
}

func TestReportOnlyWritesNothingAndSaysWhatItWould(t *testing.T) {
	t.Parallel()
	r := start(t, "mode: report-only")
	r.Build(playground.Scenario[0])
	r.Until("a plan was reported", func() bool { return r.LastOf("hello").Outcome == report.Planned })
	if writes := r.OwnWrites(); len(writes) > 0 {
		t.Errorf("report-only wrote: %v", writes)
	}
	var ops []string
	for _, step := range r.LastOf("hello").Steps {
		ops = append(ops, fmt.Sprint(step.Op, " ", step.Result))
	}
	want := []string{"provision-agent planned", "grant-invoker planned", "grant-access planned", "enable-iap planned",
		"restrict-ingress planned", "revoke-public planned"}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatOthersPutThereSurvives(t *testing.T) {
	t.Parallel()
	r := start(t)
	hello := playground.Scenario[0]
	r.Deploy(hello)
	condition := map[string]any{"title": "working hours", "description": "d", "expression": "request.time.getHours() < 18"}
	theirs := []any{
		map[string]any{"role": "roles/run.viewer", "members": []any{"user:zoe@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers", "user:bob@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:eve@example.com"}, "condition": condition},
	}
	r.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy",
		map[string]any{"policy": map[string]any{"bindings": theirs, "version": 3}})
	r.Balance(hello)
	r.Until("hello is protected", r.Safe("hello"))
	policy := r.Call(http.MethodGet, "/v2/"+hello.Name()+":getIamPolicy?options.requestedPolicyVersion=3", nil)
	agent := "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	want := []any{
		map[string]any{"role": "roles/run.viewer", "members": []any{"user:zoe@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:bob@example.com", agent}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:eve@example.com"}, "condition": condition},
	}
	if diff := cmp.Diff(want, policy["bindings"]); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
	service := r.Call(http.MethodGet, "/v2/"+hello.Name(), nil)
	if revision := fmt.Sprint(service["latestCreatedRevision"]); !strings.Contains(revision, "-00001-") {
		t.Errorf("latest revision %s: protecting a service made a new one", revision)
	}
}
