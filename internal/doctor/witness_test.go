package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/traffic"
)

func TestARedeployNeedsTwoWitnesses(t *testing.T) {
	unread := &posture.Unread{Why: "no answer came in time"}
	forbidden := &posture.Unread{Why: "denied", Permission: "monitoring.timeSeries.list"}
	late := func(e *Evidence) { e.Symptom.At = ago(counted) }
	const redeploys, grants = "if visitors are refused, make a new revision", "grant iapguard's service account the permission "
	for _, tc := range []struct {
		name    string
		counted *Counted
		change  func(*Evidence)
		verdict Verdict
		remedy  Remedy
		advice  []string // how each line begins
	}{
		{"nobody asked the second one", nil, nil, Unconfirmed, Confirm, nil},
		{"both agree", &Counted{Forbidden: 1}, nil, StuckRevision, Redeploy, []string{"make a new revision"}},
		{"the count is not there yet", &Counted{}, nil, Unconfirmed, Wait, nil},
		{"the count would be there", &Counted{}, late, Unconfirmed, Advise,
			[]string{"find out who writes such log entries", redeploys}},
		{"the count may not be read", &Counted{Unread: forbidden}, nil, Unconfirmed, Advise,
			[]string{grants + "monitoring.timeSeries.list in the load balancer's project", redeploys}},
		{"the count cannot be read right now", &Counted{Unread: unread}, nil, Unconfirmed, Wait, nil},
		{"the count could not be read in time", &Counted{Unread: unread}, late, Unconfirmed, Advise,
			[]string{grants + "monitoring.timeSeries.list", redeploys}},
		{"what was not read counts nothing", &Counted{Forbidden: 1, Unread: unread}, late, Unconfirmed, Advise,
			[]string{grants, redeploys}},
		{"no load balancer counts", nil, func(e *Evidence) {
			byDefaultURL(e)
			e.Posture.Service.IAPOn, e.Posture.Backends[0].IAPOn = true, false
		}, Unconfirmed, Advise, []string{redeploys}},
		{"the policy wants advice, and nobody is asked", nil, func(e *Evidence) { e.Settings.Redeploy = policy.RedeployAdvise },
			StuckRevision, Advise, []string{"make a new revision"}},
		{"the limit is used up, and nobody is asked", nil, func(e *Evidence) {
			e.Rollout.Recent = append(e.Rollout.Recent, ours("hello-00000-x", ago(time.Minute)))
		}, RedeployedTooOften, Hold, nil},
	} {
		e := stuckEvidence()
		e.Counted = tc.counted
		if tc.change != nil {
			tc.change(&e)
		}
		got := Diagnose(e, now)
		if got.Verdict != tc.verdict || got.Remedy != tc.remedy || (got.Asks != nil) != (tc.remedy == Confirm) {
			t.Errorf("%s: %s, %s, asks %v (%s), want %s, %s", tc.name, got.Verdict, got.Remedy, got.Asks, got.Why, tc.verdict,
				tc.remedy)
		}
		if tc.remedy == Wait && !got.Until.Equal(e.Symptom.At.Add(counted)) {
			t.Errorf("%s: waits until %s", tc.name, got.Until)
		}
		if tc.remedy == Hold {
			continue
		}
		if !slices.EqualFunc(got.Advice, tc.advice, strings.HasPrefix) {
			t.Errorf("%s: advice %q, want %q", tc.name, got.Advice, tc.advice)
		}
	}
}

func TestTheSecondWitnessIsAskedAboutTheSameRefusal(t *testing.T) {
	way := func(rule, backend string) traffic.Way {
		return traffic.Way{Rule: rule, Backend: "projects/demo-project/global/backendServices/" + backend}
	}
	hello := way("r", "hello-backend")
	for _, tc := range []struct {
		name     string
		change   func(*Evidence)
		from, to time.Duration // ago
		ways     []traffic.Way
	}{
		{"a minute ago", func(*Evidence) {}, 11 * time.Minute, -time.Minute, []traffic.Way{hello}},
		{"long ago", func(e *Evidence) { e.Symptom.At = ago(30*time.Minute + time.Second) }, 41 * time.Minute, 21 * time.Minute,
			[]traffic.Way{hello}},
		{"once the count shows", func(e *Evidence) { e.Symptom.At = ago(counted) }, 15 * time.Minute, 0,
			[]traffic.Way{hello}},
		{"not before the grant held", func(e *Evidence) { e.Posture.Invokers.ChangedAt = ago(5 * time.Minute) },
			3 * time.Minute, -time.Minute, []traffic.Way{hello}},
		{"not before the revision was made", func(e *Evidence) { e.Rollout.Serving.CreatedAt = ago(90 * time.Second) },
			2 * time.Minute, -time.Minute, []traffic.Way{hello}},
		{"by a clock that is ahead", func(e *Evidence) {
			e.Symptom.At, e.Rollout.Serving.CreatedAt = now.Add(59*time.Second), now.Add(58*time.Second)
		}, 0, -time.Minute, []traffic.Way{hello}},
		{"other addresses are not asked about", func(e *Evidence) {
			b := &e.Posture.Backends[0]
			b.Frontends = append(b.Frontends, posture.Frontend{Resource: "other", Hosts: []string{"other.example.com"}},
				posture.Frontend{Resource: "hidden", Unread: "denied"},
				posture.Frontend{Resource: "copies", Hosts: []string{"hello.example.com"}, Mirror: true},
				posture.Frontend{Resource: "any"})
		}, 11 * time.Minute, -time.Minute, []traffic.Way{hello, way("any", "hello-backend")}},
		{"nor is a load balancer without IAP", func(e *Evidence) {
			other := e.Posture.Backends[0]
			other.Name, other.IAPOn = "cached", false
			e.Posture.Backends = append(e.Posture.Backends, other)
		}, 11 * time.Minute, -time.Minute, []traffic.Way{hello}},
	} {
		e := stuckEvidence()
		tc.change(&e)
		want := Question{tc.ways, ago(tc.from), ago(tc.to)}
		if diff := cmp.Diff(want, e.question(now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
