package loop

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// settled reports whether a service's last outcome is protected or compliant.
func (r *running) settled(service string) func() bool {
	return func() bool {
		outcomes := r.of(service)
		return len(outcomes) > 0 && slices.Contains([]report.Outcome{report.Protected, report.Compliant}, outcomes[len(outcomes)-1])
	}
}

func TestADeployBecomesAProtectedServiceWithoutAnyoneDoingMore(t *testing.T) {
	onBothBackends(t, func(t *testing.T, emulatorHost string) {
		r := start(t, emulatorHost, enforcing)
		for _, service := range stage.Scenario {
			r.deploy(service)
			r.until(service.Service+" is protected", r.settled(service.Service))
			outcomes := r.of(service.Service)
			at := slices.Index(outcomes, report.Protected)
			if at < 1 || outcomes[at-1] != report.Started {
				t.Errorf("%s: outcomes %v, want started right before protected", service.Service, outcomes)
			}
			for _, after := range outcomes[max(at, 0)+1:] {
				if after != report.Compliant {
					t.Errorf("%s: %s after protected: %v", service.Service, after, outcomes)
				}
			}
			if last := r.last(service.Service); last.Exposed || len(last.Doors) != 2+len(urlsBeyondFirst(last)) {
				t.Errorf("%s: exposed %v, doors %+v, want two kinds of doors and none open", service.Service, last.Exposed, last.Doors)
			}
		}
		if diff := cmp.Diff(recipeWrites, kindsOf(r.ownWrites())); diff != "" {
			t.Errorf("what we wrote (-want +got):\n%s", diff)
		}
	})
}

// recipeWrites is all that protecting the scenario's services may write. A
// developer's own policy change may wipe a grant that we were quick to make,
// so that it is made again: how often each is written is not ours to say.
var recipeWrites = []string{
	"200 compute.backendServices.patch",
	"200 compute.regionBackendServices.patch",
	"200 iap.setIamPolicy",
	"200 run.projects.locations.services.patch",
	"200 run.projects.locations.services.setIamPolicy",
	"200 serviceusage.services.generateServiceIdentity",
}

// kindsOf gives the status and method of each kind of write, once. A write
// that was refused because somebody else was quicker wrote nothing.
func kindsOf(writes []string) []string {
	var kinds []string
	for _, write := range writes {
		if strings.HasPrefix(write, "409 ") || strings.HasPrefix(write, "412 ") {
			continue
		}
		kinds = append(kinds, strings.Join(strings.Fields(write)[:2], " "))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// urlsBeyondFirst are default URLs beyond the first: a service may have several.
func urlsBeyondFirst(r report.Report) []posture.Door {
	var urls []posture.Door
	for _, door := range r.Doors {
		if door.Kind == posture.DefaultURL {
			urls = append(urls, door)
		}
	}
	return urls[min(1, len(urls)):]
}

func TestASecondRunWritesNothing(t *testing.T) {
	r := start(t, "", enforcing)
	hello := stage.Scenario[0]
	r.deploy(hello)
	r.until("hello is protected", r.settled("hello"))
	before := len(r.ownWrites())
	r.call(r.developer(), http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels", map[string]any{"labels": map[string]any{"team": "web"}})
	r.until("the change was looked at", func() bool { return r.last("hello").Target.Labels["team"] == "web" && r.settled("hello")() })
	if last := r.last("hello"); last.Outcome != report.Compliant || len(last.Steps) > 0 {
		t.Errorf("outcome %s with steps %+v, want compliant and none", last.Outcome, last.Steps)
	}
	if after := len(r.ownWrites()); after != before {
		t.Errorf("%d writes after the first run, want none", after-before)
	}
}

func TestWhatSomebodyUndoesIsDoneAgain(t *testing.T) {
	hello := stage.Scenario[0]
	policy := func(r *running) map[string]any {
		return r.call(r.developer(), http.MethodGet, "/v2/"+hello.Name()+":getIamPolicy", nil)
	}
	backend := "/compute/v1/projects/" + stage.Project + "/global/backendServices/" + hello.Backend()
	for _, tc := range []struct {
		name string
		undo func(r *running)
		code posture.Code
	}{
		{"public again", func(r *running) {
			bindings := []any{map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}
			bindings = append(bindings, policy(r)["bindings"].([]any)...)
			r.call(r.developer(), http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": bindings}})
		}, posture.PublicInvoker},
		{"the agent's grant is wiped", func(r *running) {
			r.call(r.developer(), http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{}}})
		}, posture.AgentNotInvoker},
		{"IAP is turned off", func(r *running) {
			r.call(r.developer(), http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false}, "fingerprint": r.call(r.developer(), http.MethodGet, backend, nil)["fingerprint"]})
		}, posture.IAPOff},
		{"the ingress is opened", func(r *running) {
			r.call(r.developer(), http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
		}, posture.IngressOpen},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, "", enforcing)
			r.deploy(hello)
			r.until("hello is protected", r.settled("hello"))
			protected := count(r.of("hello"), report.Protected)
			tc.undo(r)
			r.until("it is protected again", func() bool { return count(r.of("hello"), report.Protected) > protected && r.settled("hello")() })
			if !found(r.reports, tc.code) {
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

func found(reports []report.Report, code posture.Code) bool {
	return slices.ContainsFunc(reports, func(r report.Report) bool {
		return r.Outcome == report.Started && slices.ContainsFunc(r.Findings, func(f report.Finding) bool { return f.Code == code })
	})
}

func TestReportOnlyWritesNothingAndSaysWhatItWould(t *testing.T) {
	r := start(t, "", strings.Replace(enforcing, "enforce", "report-only", 1))
	r.deploy(stage.Scenario[0])
	r.until("a plan was reported", func() bool { return r.last("hello").Outcome == report.Planned })
	if writes := r.ownWrites(); len(writes) > 0 {
		t.Errorf("report-only wrote: %v", writes)
	}
	var ops []string
	for _, step := range r.last("hello").Steps {
		ops = append(ops, fmt.Sprint(step.Op, " ", step.Result))
	}
	want := []string{"provision-agent planned", "grant-invoker planned", "grant-access planned", "enable-iap planned", "restrict-ingress planned", "revoke-public planned"}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatOthersPutThereSurvives(t *testing.T) {
	r := start(t, "", enforcing)
	hello := stage.Scenario[0]
	if err := hello.Deploy(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	condition := map[string]any{"title": "working hours", "description": "d", "expression": "request.time.getHours() < 18"}
	theirs := []any{
		map[string]any{"role": "roles/run.viewer", "members": []any{"user:zoe@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers", "user:bob@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:eve@example.com"}, "condition": condition},
	}
	r.call(r.developer(), http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": theirs, "version": 3}})
	if err := hello.Balance(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("hello is protected", r.settled("hello"))
	policy := r.call(r.developer(), http.MethodGet, "/v2/"+hello.Name()+":getIamPolicy?options.requestedPolicyVersion=3", nil)
	agent := "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	want := []any{
		map[string]any{"role": "roles/run.viewer", "members": []any{"user:zoe@example.com"}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:bob@example.com", agent}},
		map[string]any{"role": "roles/run.invoker", "members": []any{"user:eve@example.com"}, "condition": condition},
	}
	if diff := cmp.Diff(want, policy["bindings"]); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
	service := r.call(r.developer(), http.MethodGet, "/v2/"+hello.Name(), nil)
	if revision := fmt.Sprint(service["latestCreatedRevision"]); !strings.Contains(revision, "-00001-") {
		t.Errorf("latest revision %s: protecting a service made a new one", revision)
	}
}

func TestTheShippedFilterIsTheOneThatWasTried(t *testing.T) {
	shipped, err := os.ReadFile("../../deploy/events.filter")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stage.EventsFilter, string(shipped)); diff != "" {
		t.Errorf("deploy/events.filter (-tried +shipped):\n%s", diff)
	}
}
