package doctor

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

func binding(members ...any) map[string]any {
	return map[string]any{"role": "roles/run.invoker", "members": members}
}

func stuck(forever bool) func(*fixture) {
	return func(o *fixture) { o.Cloud.DataPlane().Stick(hello.Name(), forever) }
}

// alert is what Cloud Monitoring sends about refused requests of hello.
func alert(o *fixture) {
	o.Publish(playground.EventsTopic, fmt.Sprintf(
		`{"version":"1.2","incident":{"incident_id":"0.abc","scoping_project_id":"demo-project","state":"open",
"started_at":%d,"policy_name":"403s","resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}}}}`, time.Now().Unix()))
}

func TestARefusedClientIsServedAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		disease func(*fixture)
		verdict string
		outcome report.Outcome
		made    int // new revisions
	}{
		{"the grant was taken away", func(o *fixture) { o.invokers(binding("user:zoe@example.com")) }, "GRANT_MISSING",
			report.Protected, 0},
		{"the grant has a condition that does not hold", func(o *fixture) {
			conditional := binding(agent)
			conditional["condition"] = map[string]any{"title": "past",
				"expression": `request.time < timestamp("2020-01-01T00:00:00Z")`}
			o.invokers(conditional)
		}, "GRANT_CONDITIONAL", report.Protected, 0},
		{"the revision is stuck", stuck(false), "STUCK_REVISION", report.Redeployed, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, 1)
			before := o.revisions()
			tc.disease(o)
			o.sees("ill,", http.StatusForbidden)
			o.ended(tc.verdict, tc.outcome)
			o.sees("cured,", http.StatusOK)
			if made := o.revisions() - before; made != tc.made {
				t.Errorf("%d new revisions, want %d", made, tc.made)
			}
		})
	}
}

// refusedRequests leave nothing but what they log: an alert or a command finds it.
func TestAnAlertAndACommandFindTheRefusedRequestInTheLog(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*fixture){
		"alert": alert,
		"command": func(o *fixture) {
			o.Publish(playground.CommandsTopic, `{"command":"doctor","target":"`+hello.Name()+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := build(t, 1)
			o.withoutSink()
			stuck(false)(o)
			o.sees("ill,", http.StatusForbidden)
			ask(o)
			o.ended("STUCK_REVISION", report.Redeployed)
			o.sees("cured,", http.StatusOK)
			o.Publish(playground.CommandsTopic, `{"command":"doctor","id":"again","target":"`+hello.Name()+`"}`)
			o.ended("OLD_NEWS", report.Compliant)
		})
	}
}

func TestPropagationEndsWithoutARedeploy(t *testing.T) {
	t.Parallel()
	o := build(t, 2, "propagation: 7m")
	before := o.revisions()
	o.invokers(binding("user:zoe@example.com"))
	o.Later(time.Hour)
	o.SetFaults(`[{"action":"late-iam","delay":"7m"}]`)
	o.invokers(binding(agent))
	o.sees("right after the grant", http.StatusForbidden)
	o.Meanwhile("the entry is put off", func() bool { return o.Last().Verdict == "PROPAGATING" })
	if last := o.Last(); last.Outcome != report.Deferred || last.WaitingFor == nil || last.WaitingFor.Until == nil {
		t.Errorf("put off as %s, waiting for %+v", last.Outcome, last.WaitingFor)
	}
	o.Later(8 * time.Minute)
	o.sees("when the grant holds", http.StatusOK)
	o.ended("OLD_NEWS", report.Compliant)
	if made := o.revisions() - before; made != 0 {
		t.Errorf("%d new revisions, want none", made)
	}
}

func TestARevisionThatNeverRecoversIsRedeployedOnlyOnce(t *testing.T) {
	t.Parallel()
	o := build(t, 1)
	before := o.revisions()
	stuck(true)(o)
	o.sees("ill,", http.StatusForbidden)
	o.ended("STUCK_REVISION", report.Redeployed)
	o.sees("redeployed without effect,", http.StatusForbidden)
	for _, id := range []string{"one", "two"} {
		o.Publish(playground.CommandsTopic, `{"command":"doctor","id":"`+id+`","target":"`+hello.Name()+`"}`)
		o.Until("command "+id+" is answered", func() bool { return o.Last().Command != nil && o.Last().Command.ID == id })
		if last := o.ended("FAILING_AFTER_REDEPLOY", report.Blocked); len(last.Advice) < 7 {
			t.Errorf("advice %q, want everything that remains", last.Advice)
		}
	}
	if made := o.revisions() - before; made != 1 {
		t.Errorf("%d new revisions, want one", made)
	}
}

func TestARedeployChangesNothingButTheRevision(t *testing.T) {
	t.Parallel()
	o := build(t, 1)
	o.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=template", map[string]any{"template": map[string]any{
		"revision": "hello-named", "labels": map[string]any{"team": "web"}, "timeout": "17s",
		"containers": []any{map[string]any{"image": playground.Image + ":v1",
			"env": []any{map[string]any{"name": "EMPTY", "value": ""}, map[string]any{"name": "A", "value": "b"}}}},
	}})
	read := func() map[string]any { return o.Call(http.MethodGet, "/v2/"+hello.Name(), nil) }
	before := read()
	stuck(false)(o)
	o.sees("ill,", http.StatusForbidden)
	o.ended("STUCK_REVISION", report.Redeployed)
	after := read()
	template := before["template"].(map[string]any)
	delete(template, "revision")
	container := template["containers"].([]any)[0].(map[string]any)
	image, _ := after["template"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"].(string)
	if !strings.HasPrefix(image, playground.Image+"@sha256:") {
		t.Errorf("the image is %q, want it by the digest that served", image)
	}
	container["image"] = image
	for _, field := range []string{"etag", "generation", "observedGeneration", "updateTime", "lastModifier",
		"latestCreatedRevision", "latestReadyRevision", "terminalCondition", "conditions"} {
		delete(before, field)
		delete(after, field)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the service (-before +after):\n%s", diff)
	}
}

func TestNoRedeployForStrangersAndIAPsOwnRefusals(t *testing.T) {
	t.Parallel()
	o := build(t, 1)
	writes, reports := len(o.Calls().Own().Writes().Taken()), len(o.Reports())
	o.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
	for range 20 {
		if got := o.Ask("hello-123456789012.us-central1.run.app", ""); got != http.StatusForbidden {
			t.Fatalf("a stranger is answered %d", got)
		}
		if got := o.Ask(hello.Host, "user:bob@example.com"); got != http.StatusForbidden {
			t.Fatalf("bob is answered %d", got)
		}
	}
	o.Until("everything is handled", func() bool { return true })
	if after := len(o.Calls().Own().Writes().Taken()); after != writes || len(o.Reports()) != reports {
		t.Errorf("%d writes and reports %+v, want none", after-writes, o.Reports()[reports:])
	}
}

func TestPinnedTrafficIsReportedAndNoRevisionMade(t *testing.T) {
	t.Parallel()
	o := build(t, 1)
	revision, _ := o.Call(http.MethodGet, "/v2/"+hello.Name(), nil)["latestReadyRevision"].(string)
	o.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=traffic", map[string]any{"traffic": []any{map[string]any{
		"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": revision[strings.LastIndexByte(revision, '/')+1:],
		"percent": 100,
	}}})
	before := o.revisions()
	stuck(true)(o)
	o.sees("ill,", http.StatusForbidden)
	o.ended("TRAFFIC_PINNED", report.Blocked)
	if made := o.revisions() - before; made != 0 {
		t.Errorf("%d new revisions, want none", made)
	}
}
