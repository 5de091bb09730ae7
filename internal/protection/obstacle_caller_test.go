package protection

import (
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestOnlyKnownBreakageStopsAPlan(t *testing.T) {
	p, want := posturetest.Protected(), posturetest.Wanted()
	job := caller.Caller{
		Kind: caller.SchedulerJob, Name: "projects/demo-project/locations/us-central1/jobs/nightly",
		Address: p.Service.URLs[0] + "/nightly",
	}
	job.Impact, job.Why, job.Remedy = caller.Breaks, "why", "remedy"
	visitor := caller.Caller{
		Kind: caller.Visitor, Name: "curl/8", Address: "https://hello-abc-uc.a.run.app",
		RemoteIP: "198.51.100.7", Requests: 3,
		Impact: caller.Breaks, Why: "why", Remedy: "remedy",
	}
	doubted := job
	doubted.Impact = caller.Uncertain
	for _, tc := range []struct {
		on    policy.OnBreak
		first bool // the service was private until now
		want  []string
	}{
		{policy.BreakStop, false, []string{job.Name}},
		{policy.BreakStop, true, []string{job.Name, "curl/8"}},
		{policy.BreakStopOnRequests, false, []string{job.Name, "curl/8"}},
		{policy.BreakProceed, false, nil},
		{policy.BreakProceed, true, nil},
	} {
		want.Callers, want.Closed = tc.on, !tc.first
		var got []string
		for _, finding := range CallerObstacles(p, want, []caller.Caller{job, visitor, doubted}, "") {
			got = append(got, finding.Subject)
			if words := map[string]string{
				job.Name: "scheduler-job " + job.Name + ", which calls " + job.Address,
				"curl/8": `visitor 198.51.100.7 "curl/8", which asked 3 times for https://hello-abc-uc.a.run.app`,
			}[finding.Subject]; !strings.HasPrefix(finding.Why, words+" would be refused") {
				t.Errorf("%s: %q does not begin with %q", tc.on, finding.Why, words)
			}
			if finding.Code != CallerBreaks || finding.Disposition != Blocks || finding.Remedy == "" {
				t.Errorf("%s: %+v does not stop a plan with a remedy", tc.on, finding)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q stop the plan, want %q", tc.on, got, tc.want)
		}
	}
}

func TestInvokersOfAPrivateServiceKeepTheirWays(t *testing.T) {
	private, public := deployed(), deployed()
	private.Invokers = posture.Policy{Version: "p1"}
	for _, tc := range []struct {
		name   string
		p      posture.Posture
		unread string
		change func(*policy.Wanted)
		stops  bool
	}{
		{"who calls it is not known", private, "denied", func(*policy.Wanted) {}, true},
		{"who calls it is known", private, "", func(*policy.Wanted) {}, false},
		{"the service is public", public, "denied", func(*policy.Wanted) {}, false},
		{"we closed it before", private, "denied", func(w *policy.Wanted) { w.Closed = true }, false},
		{"the rule proceeds", private, "denied", func(w *policy.Wanted) { w.Callers = policy.BreakProceed }, false},
	} {
		w := want()
		tc.change(&w)
		found := CallerObstacles(tc.p, w, nil, tc.unread)
		var steps []plan.Op
		for _, step := range Plan(tc.p, w, append(Assess(tc.p, w), found...), tc.p.ObservedAt).Steps {
			steps = append(steps, step.Op())
		}
		if stops := !slices.Contains(steps, opIngress) && !slices.Contains(steps, opIAP); stops != tc.stops || len(found) > 0 != stops {
			t.Errorf("%s: %d findings, the steps are %q, want them stopped: %t", tc.name, len(found), steps, tc.stops)
		}
	}
}
