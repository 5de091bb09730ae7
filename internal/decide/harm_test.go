package decide

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/traffic"
)

func answered(n int64, status int) []traffic.Answer {
	return []traffic.Answer{{Status: status, Requests: n}}
}

func TestItIsHarmWhenNobodyGetsInAnyMore(t *testing.T) {
	served, used, refusals := answered(10, 200), answered(1, 200), answered(3, 403)
	for _, tc := range []struct {
		name                string
		long, before, after []traffic.Answer
		iap                 bool
		want                string
	}{
		{"nobody gets in", used, served, refusals, true, verdictHarm},
		{"one gets in", used, served, append(answered(1, 200), refusals...), true, verdictFine},
		{"one has it in the cache", used, served, append(answered(1, 304), refusals...), true, verdictFine},
		{"nobody came", used, served, nil, true, verdictFine},
		{"few are refused", used, served, answered(2, 403), true, verdictFine},
		{"few came before", used, answered(9, 200), refusals, true, verdictFine},
		{"nobody got in before", used, answered(10, 403), refusals, true, verdictFine},
		{"nobody used it a day ago", nil, served, refusals, true, verdictFine},
		{"nobody got in a day ago", answered(9, 403), served, refusals, true, verdictFine},
		{"strangers sign in", used, served, answered(100, 302), true, verdictFine},
		{"programs without credentials at IAP", used, served, answered(100, 401), true, verdictFine},
		{"tokens that Cloud Run refuses", used, served, answered(3, 401), false, verdictHarm},
		{"it is not found", used, served, answered(3, 404), true, verdictHarm},
		{"it fails", used, served, answered(3, 500), true, verdictHarm},
		{"it is a bad request", used, served, answered(100, 400), true, verdictFine},
		{"each of two answers is too few", used, served, append(answered(2, 403), answered(1, 502)...), true, verdictHarm},
	} {
		got := Aftermath{Long: tc.long, Before: tc.before, After: tc.after}.verdict(memory.Watch{}, tc.iap)
		if got.Verdict != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got.Verdict, tc.want)
		}
	}
}

func TestSpansAreWholeMinutesAroundTheSteps(t *testing.T) {
	w := memory.Watch{Began: noon.Add(30 * time.Second), Ended: noon.Add(5*time.Minute + 59*time.Second)}
	want := Spans{
		Long:   Span{noon.Add(-8 * 24 * time.Hour), noon.Add(-24 * time.Hour)},
		Before: Span{noon.Add(-10 * time.Minute), noon},
		After:  Span{noon.Add(7 * time.Minute), noon.Add(17 * time.Minute)},
	}
	if diff := cmp.Diff(want, SpansOf(w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := WatchUntil(w); !got.Equal(noon.Add(19*time.Minute + 30*time.Second)) {
		t.Errorf("read at %s", got)
	}
}

// watchedFor is a service that is guarded, with a watch of these minutes ago.
func watchedFor(minutes int, verdict string) *situation {
	s := deployed()
	s.protected()
	s.facts.Memory = &memory.Service{GuardedSince: ago(60 * minutes), Watch: &memory.Watch{
		Run: "r", Ops: []string{string(enableIAP), string(restrictIngress)}, Began: ago(60 * minutes), Ended: ago(60 * minutes),
		Ways: []memory.Way{{Rule: "f", Backend: "b"}}, Verdict: verdict,
	}}
	return s
}

func TestAWatchIsJudgedOnceItCanBeRead(t *testing.T) {
	harmed := &Aftermath{Long: answered(1, 200), Before: answered(10, 200), After: answered(3, 403)}
	denied := &Aftermath{Unread: &fault.Error{Kind: fault.Denied, Permission: "monitoring.timeSeries.list",
		Err: errors.New("denied")}}
	for _, tc := range []struct {
		name    string
		minutes int
		verdict string
		found   *Aftermath
		needs   bool
		judged  string // what is remembered
		said    bool
		unread  bool
		counted int
	}{
		{"too early", 14, "", nil, false, "", false, false, 0},
		{"nothing was read", 15, "", nil, true, "", false, false, 0},
		{"harm", 15, "", harmed, false, verdictHarm, true, false, 2},
		{"no harm", 15, "", &Aftermath{}, false, verdictFine, false, false, 0},
		{"not readable", 15, "", denied, false, "", false, true, 0},
		{"it was harm", 60, verdictHarm, nil, false, "", true, false, 0},
		{"it was none", 60, verdictFine, nil, false, "", false, false, 0},
		{"it was harm a day ago", 24 * 60, verdictHarm, nil, false, "", false, false, 0},
		{"nobody could read it for a day", 24 * 60, "", nil, false, "", false, false, 0},
	} {
		s := watchedFor(tc.minutes, tc.verdict)
		s.facts.Aftermath = tc.found
		got := s.decide()
		if needs := got.Needs.Aftermath != nil; needs != tc.needs {
			t.Errorf("%s: needs %v, want %v", tc.name, needs, tc.needs)
		}
		judged := ""
		if got.Remember.Watch != nil {
			judged = got.Remember.Watch.Verdict
		}
		if judged != tc.judged {
			t.Errorf("%s: remembers %q, want %q", tc.name, judged, tc.judged)
		}
		said := slices.ContainsFunc(got.Findings, func(f protection.Finding) bool { return f.Code == protection.Harm })
		if said != tc.said || len(got.Run.Unheld) != tc.counted {
			t.Errorf("%s: said %v and counted %d, want %v and %d", tc.name, said, len(got.Run.Unheld), tc.said, tc.counted)
		}
		if unread := len(got.Run.Unread) > 0; unread != tc.unread ||
			unread && got.Run.Unread[0].Permission != "monitoring.timeSeries.list" {
			t.Errorf("%s: unread %+v, want %v", tc.name, got.Run.Unread, tc.unread)
		}
	}
}

func TestTheFirstStepsThatCloseAServiceAreWatched(t *testing.T) {
	grant := plan.Step{Change: plan.GrantInvoker{Role: "roles/run.invoker", Member: "m"}, Resource: hello.Name()}
	judged := func(ended time.Time) *memory.Service {
		return &memory.Service{GuardedSince: noon, Watch: &memory.Watch{Run: "r", Ended: ended, Verdict: verdictFine}}
	}
	for _, tc := range []struct {
		name   string
		age    time.Duration
		memory *memory.Service
		steps  []plan.Step
		result report.Result
		want   []string
	}{
		{"the recipe", time.Hour, nil, []plan.Step{grant, iapStep, narrow}, report.StepDone,
			[]string{string(enableIAP), string(restrictIngress)}},
		{"nothing that closes", time.Hour, nil, []plan.Step{grant}, report.StepDone, nil},
		{"it failed", time.Hour, nil, []plan.Step{iapStep}, report.StepFailed, nil},
		{"a new service", time.Minute, nil, []plan.Step{iapStep}, report.StepDone, nil},
		{"guarded before", time.Hour, &memory.Service{GuardedSince: ago(3600)}, []plan.Step{iapStep}, report.StepDone, nil},
		{"guarded before, and judged", time.Hour, judged(ago(60)), []plan.Step{iapStep}, report.StepDone, nil},
		{"more of what is watched", time.Hour, &memory.Service{GuardedSince: ago(60), Watch: &memory.Watch{Run: "r"}},
			[]plan.Step{iapStep, narrow}, report.StepDone, []string{string(enableIAP), string(restrictIngress)}},
		{"what was judged", time.Hour, &memory.Service{Watch: &memory.Watch{Ended: noon, Verdict: verdictFine}},
			[]plan.Step{iapStep}, report.StepDone, nil},
		{"after what was judged", time.Hour, &memory.Service{Watch: &memory.Watch{Ended: ago(1), Verdict: verdictFine}},
			[]plan.Step{iapStep}, report.StepDone, []string{string(enableIAP)}},
	} {
		s := deployed()
		s.protected()
		s.facts.Posture.Service.CreatedAt, s.facts.Memory = noon.Add(-tc.age), tc.memory
		for _, step := range tc.steps {
			s.did(step, tc.result, "")
		}
		var ops []string
		got := s.decide()
		if watch := got.Remember.Watch; watch != nil {
			ops = watch.Ops
			if !got.LookAgain.Equal(WatchUntil(*watch)) {
				t.Errorf("%s: it is looked at again at %s", tc.name, got.LookAgain)
			}
			if len(watch.Ways) != 1 || !watch.Began.Equal(noon) || !watch.Ended.Equal(noon) || watch.Verdict != "" {
				t.Errorf("%s: %+v", tc.name, watch)
			}
		}
		if diff := cmp.Diff(tc.want, ops); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestHarmHoldsAKindOfStepForServicesThatWereNeverGuarded(t *testing.T) {
	harm := func(projects string, minutes ...int) (list []memory.Failure) {
		for i, project := range projects {
			one := failure(minutes[i%len(minutes)], string(project), string(project), iapStep)
			one.Harm = true
			list = append(list, one)
		}
		return list
	}
	unheld := harm("qrs", 1)
	for i := range unheld {
		unheld[i].Harm, unheld[i].Resource = false, "projects/demo-project/global/backendServices/other"
	}
	for _, tc := range []struct {
		name     string
		failures []memory.Failure
		memory   *memory.Service
		unread   bool
		created  time.Duration
		until    int // minutes from now; 0 = it goes on
	}{
		{"three projects", harm("qrs", 5, 3, 9), nil, false, time.Hour, 57},
		{"two projects", harm("qrr", 5), nil, false, time.Hour, 0},
		{"one of them an hour ago", harm("qrs", 60, 3, 9), nil, false, time.Hour, 0},
		{"another kind", func() []memory.Failure {
			list := harm("qrs", 1)
			for i := range list {
				list[i].Op = string(redeploy)
			}
			return list
		}(), nil, false, time.Hour, 0},
		{"one of them did not hold", append(harm("qr", 5), unheld[2]), nil, false, time.Hour, 0},
		{"a new service", harm("qrs", 5), nil, false, time.Minute, 0},
		{"guarded before", harm("qrs", 5), &memory.Service{GuardedSince: ago(3600)}, false, time.Hour, 0},
		{"taken before", harm("qrs", 5), &memory.Service{Wrote: []memory.Write{{Op: string(enableIAP), Resource: iapStep.Resource,
			Field: iapStep.Field(), At: ago(7200)}}}, false, time.Hour, 0},
		{"a memory that cannot be read", harm("qrs", 5), nil, true, time.Hour, 0},
		{"seen before, never guarded", harm("qrs", 5), &memory.Service{FirstSeen: ago(7200)}, false, time.Hour, 55},
	} {
		s := deployed()
		s.facts.Breaker = &memory.Breaker{Failures: tc.failures}
		s.facts.Memory, s.facts.MemoryUnread, s.facts.Traffic = tc.memory, tc.unread, &Traffic{}
		s.facts.Posture.Service.CreatedAt = noon.Add(-tc.created)
		got := s.decide()
		taken := got.Plan.Has(enableIAP)
		if taken != (tc.until == 0) {
			t.Errorf("%s: turns IAP on: %v, want %v", tc.name, taken, tc.until == 0)
		}
		why := harmfulNow(iapStep, RecentFailures(*s.facts.Breaker, noon))
		if tc.until > 0 && (why == nil || !why.Until.Equal(noon.Add(time.Duration(tc.until)*time.Minute))) {
			t.Errorf("%s: %+v, want until minute %d", tc.name, why, tc.until)
		}
		if !got.Plan.Has(grantAccess) {
			t.Errorf("%s: grants are held too", tc.name)
		}
	}
	if why := openFor(iapStep, "q", harm("qrs", 5)); why != nil {
		t.Errorf("the breaker holds it although each write held: %+v", why)
	}
}

func TestHarmHoldsClosingsOfAnOpenDoorThatWasNeverGuarded(t *testing.T) {
	s := deployed()
	for _, project := range []string{"q", "r", "s"} {
		one := failure(1, project, project, narrow)
		one.Harm = true
		s.facts.Breaker.Failures = append(s.facts.Breaker.Failures, one)
	}
	if got := s.decide(); got.Plan.Has(restrictIngress) || !got.Plan.Has(enableIAP) {
		t.Errorf("%s: %+v, want all but the ingress", got.Outcome, got.Plan.Steps)
	}
	s.facts.Memory = &memory.Service{GuardedSince: ago(3600)}
	if got := s.decide(); !got.Plan.Has(restrictIngress) {
		t.Errorf("%s: what was guarded is not guarded again", got.Outcome)
	}
}
