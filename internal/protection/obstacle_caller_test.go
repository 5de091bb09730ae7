package protection

import (
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/policy"
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
		on   policy.OnBreak
		want []string
	}{
		{policy.BreakStop, []string{job.Name}},
		{policy.BreakStopOnRequests, []string{job.Name, "curl/8"}},
		{policy.BreakProceed, nil},
	} {
		want.Callers = tc.on
		var got []string
		for _, finding := range CallerObstacles(p, want, []caller.Caller{job, visitor, doubted}) {
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
