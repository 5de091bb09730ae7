package report

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
)

// grown returns a full report in which every list has up to most entries, and every text
// of the kinds that others write is long and hostile.
func grown(r *rand.Rand, most int) Report {
	grownReport := full()
	hostile := strings.Repeat("a\x1b[31m\u202e\xff<\n", 1+r.IntN(400))
	var grow func(reflect.Value)
	grow = func(value reflect.Value) {
		switch value.Kind() {
		case reflect.Pointer:
			if !value.IsNil() {
				grow(value.Elem())
			}
		case reflect.Struct:
			if value.Type() == reflect.TypeFor[time.Time]() || value.Type() == reflect.TypeFor[Step]() {
				return
			}
			for i := range value.NumField() {
				grow(value.Field(i))
			}
		case reflect.Slice:
			for range value.Len() {
				grow(value.Index(0))
			}
			for count := r.IntN(most); value.Len() > 0 && value.Len() < count; {
				value.Set(reflect.AppendSlice(value, value))
			}
		case reflect.String:
			if value.Type() == reflect.TypeFor[string]() && r.IntN(3) == 0 {
				value.SetString(value.String() + hostile)
			}
		}
	}
	// The policy digest, the plan's id, the verdict and a command's name are ours.
	for _, part := range []any{&grownReport.Target.Service, &grownReport.Cause, &grownReport.Findings,
		&grownReport.Steps, &grownReport.Doors, &grownReport.DoorsBefore, &grownReport.Callers, &grownReport.Evidence,
		&grownReport.Advice, &grownReport.Unread, &grownReport.ExpectedAudience, &grownReport.Contest,
		&grownReport.Policy.SkippedRules, &grownReport.Why} {
		grow(reflect.ValueOf(part).Elem())
	}
	for i := range r.IntN(most) {
		grownReport.Target.Labels[fmt.Sprintf("k%d", i)] = hostile
	}
	grownReport.Outcome = []Outcome{Protected, Started, Waiting}[r.IntN(3)]
	return grownReport
}

func TestNoReportIsTooLarge(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	largest := 0
	for range 12 {
		whole := grown(r, 600)
		event, err := whole.Event("own-project")
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, len(event.Data()))
		if err := validate(t, event.Data()); err != nil || len(event.Data()) > MaxSize {
			t.Fatalf("%d bytes, and the schema says: %v", len(event.Data()), err)
		}
		if strings.ContainsAny(string(event.Data()), "\x1b\u202e") || !utf8.Valid(event.Data()) {
			t.Fatal("a text is not escaped")
		}
		bounded := whole.Bounded()
		if diff := cmp.Diff(bounded, bounded.Bounded()); diff != "" {
			t.Fatalf("to bound it twice changes it (-once +twice):\n%s", diff)
		}
		if bounded.ID() != event.ID() || whole.ID() != event.ID() {
			t.Fatal("the id changes with the bounds")
		}
		before := *full().LeftOff
		if got, want := len(bounded.Findings)+bounded.LeftOff.Findings, len(whole.Findings)+before.Findings; got != want ||
			!bounded.Truncated {
			t.Fatalf("%d findings are listed or counted, want %d", got, want)
		}
	}
	t.Logf("the largest report has %d bytes", largest)
}

func TestASmallReportIsPublishedWhole(t *testing.T) {
	whole := full()
	if diff := cmp.Diff(whole, whole.Bounded()); diff != "" {
		t.Errorf("(-whole +bounded):\n%s", diff)
	}
}

func TestAnnouncedStepsAreNeverLeftOff(t *testing.T) {
	whole := full()
	whole.Steps, whole.LeftOff, whole.Truncated = nil, nil, false
	step := full().Steps[0]
	step.Why = strings.Repeat("w", 900)
	for i := range 800 {
		step.Result = StepDone
		if i >= 600 {
			step.Result = StepPlanned
		}
		whole.Steps = append(whole.Steps, step)
	}
	for outcome, want := range map[Outcome]int{Started: 200, Protected: 0} {
		whole.Outcome = outcome
		bounded := whole.Bounded()
		data, err := bounded.encode()
		planned := 0
		for _, one := range bounded.Steps {
			if one.Result == StepPlanned {
				planned++
			}
		}
		if err != nil || len(data) > MaxSize || planned < want || len(bounded.Steps)+bounded.LeftOff.Steps != 800 {
			t.Errorf("%s: %v, %d bytes, %d planned steps, want %d, of %d steps with %+v left off", outcome, err, len(data),
				planned, want, len(bounded.Steps), bounded.LeftOff)
		}
	}
}

func TestTheDoorsThatLetInMostAreKept(t *testing.T) {
	whole := full()
	whole.LeftOff, whole.Truncated, whole.Doors = nil, false, nil
	for i := range 500 {
		whole.Doors = append(whole.Doors, Door{Kind: door.LoadBalancer, Address: fmt.Sprint(i), Guard: door.GuardIAP})
	}
	open := Door{Kind: door.LoadBalancer, Address: "open", Guard: door.GuardOpen}
	unknown := Door{Kind: door.LoadBalancer, Address: "unknown", Guard: door.GuardUnknown}
	counted := Door{Kind: door.LoadBalancer, Guard: door.GuardIAP, Count: 1000}
	whole.Doors = append(whole.Doors, counted, unknown, open)
	bounded := whole.Bounded()
	if diff := cmp.Diff([]Door{open, unknown}, bounded.Doors[:2]); diff != "" || len(bounded.Doors) != 100 ||
		bounded.LeftOff.Doors != 402+1000 || !bounded.Truncated {
		t.Errorf("%d doors, %+v left off; the first (-want +got):\n%s", len(bounded.Doors), bounded.LeftOff, diff)
	}
}

func TestAReportIsShownEscaped(t *testing.T) {
	r := full()
	r.Doors[0].Address, r.Steps[0].Condition.Expression = "https://a\x1b[2J", "a\nb"
	r.Contest.Fix = "one\ntwo\u202e"
	shown := r.Shown()
	want := []string{`https://a\x1b[2J`, `a\nb`, "one\n" + `two\u202e`}
	got := []string{shown.Doors[0].Address, shown.Steps[0].Condition.Expression, shown.Contest.Fix}
	if diff := cmp.Diff(want, got); diff != "" || r.Doors[0].Address == got[0] {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAReportSaysThatATextWasShortened(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    Report
		want bool
	}{
		{"short texts", Report{Advice: []string{"a"}}, false},
		{"a text as long as may be", Report{Advice: []string{strings.Repeat("x", widest.text)}}, false},
		{"a text that ends with an ellipsis", Report{Advice: []string{"and so on…"}}, false},
		{"a text that is longer escaped", Report{Advice: []string{strings.Repeat("\x1b", widest.text/4)}}, false},
		{"a long text", Report{Advice: []string{strings.Repeat("x", widest.text+1)}}, true},
		{"a long text in a finding", Report{Findings: []Finding{{Why: strings.Repeat("ü", widest.text+1)}}}, true},
		{"a long fix", Report{Contest: &Contest{Fix: strings.Repeat("line\n", widest.text)}}, true},
		{"a fix of several lines", Report{Contest: &Contest{Fix: strings.Repeat("line\n", 30)}}, false},
	} {
		once := tc.r.Bounded()
		if once.Truncated != tc.want || once.Bounded().Truncated != tc.want {
			t.Errorf("%s: truncated %t, and bounded again %t, want %t", tc.name, once.Truncated, once.Bounded().Truncated,
				tc.want)
		}
	}
}
