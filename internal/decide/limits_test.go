package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// named makes a write one to another service or backend service.
func named(w event.Write, name string) event.Write {
	if w.BackendService != "" {
		w.BackendService = name
	} else {
		w.Service = name
	}
	return w
}

// limited are the settings of rule r with these limits.
func limited(perProject, overall int) policy.Settings {
	return policy.Settings{Rule: "r", Limits: policy.Limits{PerProject: perProject, Overall: overall}}
}

func TestABrakeCountsEachServiceOnceAnHour(t *testing.T) {
	const now = 100
	run := func(minute int, name string) event.Write {
		return named(service(minute, true, "ingress", "internal"), name)
	}
	backend := func(minute int, name string) event.Write { return named(iap(minute, true, "true"), name) }
	theirs := named(service(90, false, "ingress", "internal"), "c")
	access := backend(90, "77") // which the log has under the backend service's id
	access.Kind = event.IAPPolicyChanged
	for _, tc := range []struct {
		name   string
		writes []event.Write
		until  int // the minute, 0 = no limit
	}{
		{"nothing", nil, 0},
		{"one", []event.Write{run(90, "a")}, 0},
		{"two", []event.Write{run(80, "a"), run(90, "b")}, 140},
		{"one of them twice", []event.Write{run(80, "a"), run(90, "a")}, 0},
		{"its last write counts", []event.Write{run(70, "a"), run(80, "b"), run(90, "a")}, 140},
		{"more than two", []event.Write{run(70, "a"), run(80, "b"), run(90, "c")}, 140},
		{"in any order", []event.Write{run(90, "c"), run(70, "a"), run(80, "b")}, 140},
		{"more than an hour ago", []event.Write{run(39, "a"), run(40, "b"), run(90, "c")}, 0},
		{"somebody else's", []event.Write{run(80, "a"), theirs}, 0},
		{"services and what is before them", []event.Write{run(80, "a"), backend(81, "a-backend")}, 0},
		{"backend services alone", []event.Write{backend(80, "a-backend"), backend(90, "b-backend")}, 140},
		{"who has access through IAP", []event.Write{backend(80, "a-backend"), access}, 0},
		{"the service itself", []event.Write{run(80, "hello"), run(90, "b")}, 0},
		{"the backend service before it", []event.Write{backend(80, "hello-backend"), backend(90, "b-backend")}, 0},
	} {
		tallies := map[string]Tally{"demo-project": TallyOf(tc.writes, ourselves(us), at(now-60))}
		got := limitOf(fought(), limited(2, 50), tallies, at(now))
		switch {
		case tc.until == 0 && got != nil:
			t.Errorf("%s: the limit is on: %+v", tc.name, got)
		case tc.until != 0 &&
			(got == nil || !got.until.Equal(at(tc.until)) ||
				!strings.Contains(got.what,
					"2 services of project demo-project were written within an hour (limits.perProject of rule r)")):
			t.Errorf("%s: %+v, want a limit until minute %d", tc.name, got, tc.until)
		}
	}
}

func TestTheOverallBrakeCountsAllProjects(t *testing.T) {
	tallies := func() map[string]Tally {
		return map[string]Tally{
			"demo-project": {services: map[string]time.Time{"l/a": at(80)}},
			"other-project": {services: map[string]time.Time{"l/a": at(81)},
				backends: map[string]time.Time{"l/a": at(82), "l/b": at(83)}},
		}
	}
	if on := limitOf(fought(), limited(3, 4), tallies(), at(100)); on != nil {
		t.Errorf("three of four, and a limit: %+v", on)
	}
	other := fought()
	other.Target.Service, other.Backends = "other", nil
	counts := Counts{Tallies: tallies(), Own: map[posture.Target]time.Time{fought().Target: at(100)}}
	on := limitOf(other, limited(3, 4), counts.with(at(100)), at(100))
	if on == nil || !strings.HasPrefix(on.what, "4 of at most 4 services were written within an hour (limits.overall") ||
		!on.until.Equal(at(140)) {
		t.Errorf("with the one just admitted: %+v, want the overall limit until minute 140", on)
	}
}

func TestWhatWasWrittenTwiceInARowDidNotHold(t *testing.T) {
	agent := "serviceAccount:agent"
	for _, tc := range []struct {
		name   string
		writes []event.Write
		want   int
	}{
		{"once", []event.Write{iap(1, true, "true")}, 0},
		{"twice", []event.Write{iap(1, true, "true"), iap(2, true, "true")}, 1},
		{"three times", []event.Write{iap(1, true, "true"), iap(2, true, "true"), iap(3, true, "true")}, 2},
		{"with somebody's write between", []event.Write{iap(1, true, "true"), iap(2, false, "-"), iap(3, true, "true")}, 0},
		{"taken back by us between", []event.Write{iap(1, true, "true"), iap(2, true, "false"), iap(3, true, "true")}, 0},
		{"made anew between", []event.Write{iap(1, true, "true"), iap(2, false, "anew"), iap(3, true, "true")}, 0},
		{"of another backend service between",
			[]event.Write{iap(1, true, "true"), named(iap(2, false, "false"), "other"), iap(3, true, "true")}, 1},
		{"the entries do not say", []event.Write{iap(1, true, "?"), iap(2, true, "?")}, 0},
		{"two settings of a service",
			[]event.Write{service(1, true, "ingress", "internal"), service(2, true, "iapEnabled", "true")}, 0},
		{"one of them again, as after a failed operation",
			[]event.Write{service(1, true, "ingress", "internal"), service(2, true, "iapEnabled", "true"),
				service(3, true, "ingress", "internal")}, 0},
		{"a grant and a revocation", []event.Write{invokers(1, true, "allUsers", agent), invokers(2, true, agent)}, 0},
		{"a revocation twice",
			[]event.Write{invokers(1, true, "allUsers", agent), invokers(2, true, agent), invokers(3, true, agent)}, 1},
		{"before the window", []event.Write{iap(-9, true, "true"), iap(-8, true, "true")}, 0},
	} {
		failed := 0
		for _, times := range FailuresIn(tc.writes, ourselves(us), at(0)) {
			failed += len(times)
		}
		if failed != tc.want {
			t.Errorf("%s: %d failed, want %d", tc.name, failed, tc.want)
		}
	}
}

func TestTheBreakerOpensAfterTwoAndNamesThem(t *testing.T) {
	type counts = Failures
	for _, tc := range []struct {
		name   string
		counts []Failures
		until  int // the minute, 0 = closed
	}{
		{"none", nil, 0},
		{"one", []Failures{counts{"a": {at(10)}}}, 0},
		{"one that memory and log both have", []Failures{counts{"a": {at(10)}}, counts{"a": {at(11)}}}, 0},
		{"two of one setting, and the log has one", []Failures{counts{"a": {at(10), at(20)}}, counts{"a": {at(11)}}}, 70},
		{"two of one", []Failures{counts{"a": {at(10), at(20)}}}, 70},
		{"one of each", []Failures{counts{"a": {at(10)}}, counts{"b": {at(20)}}}, 70},
		{"three", []Failures{counts{"a": {at(10)}}, counts{"b": {at(20), at(30)}}}, 80},
	} {
		got := breakerOf(tc.counts)
		switch {
		case tc.until == 0 && got != nil:
			t.Errorf("%s: open: %+v", tc.name, got)
		case tc.until != 0 && (got == nil || !got.until.Equal(at(tc.until))):
			t.Errorf("%s: %+v, want open until minute %d", tc.name, got, tc.until)
		}
	}
	if got := breakerOf([]Failures{{"iap.enabled of a": {at(1)}}, {"ingress of b": {at(2)}}}); !strings.HasSuffix(got.what,
		": iap.enabled of a, ingress of b") {
		t.Errorf("it names %q", got.what)
	}
}
