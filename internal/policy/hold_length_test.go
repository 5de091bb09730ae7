package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

const day = 24 * time.Hour

// entry is one hold of a file; since "" = without it.
func entry(target string, since, until time.Time) string {
	text := fmt.Sprintf("  - {target: %s, until: %q, reason: r, by: b", target, until.Format(time.RFC3339))
	if !since.IsZero() {
		text += fmt.Sprintf(", since: %q", since.Format(time.RFC3339))
	}
	return text + "}\n"
}

func held(t *testing.T, entries ...string) Holds {
	t.Helper()
	holds, err := ParseHolds([]byte("version: 1\nholds:\n" + strings.Join(entries, "")))
	if err != nil {
		t.Fatal(err)
	}
	return holds
}

func TestAHoldEndsAtItsLatestEnd(t *testing.T) {
	const shop, folder = "projects/demo-project", "folders/12"
	century := now.Add(876000 * time.Hour)
	never := time.Time{}
	for _, tc := range []struct {
		name    string
		entries []string
		seen    time.Time
		longest time.Duration
		want    time.Time // the end of the last entry
		cut     string
	}{
		{"within a week", []string{entry(shop, never, now.Add(5*day))}, now, longestHold, now.Add(5 * day), ""},
		{"a century, first seen now", []string{entry(shop, never, century)}, now, longestHold, now.Add(7 * day),
			"line 3: the hold on projects/demo-project names 2126-10-30T12:00:00Z as its end, and ends at " +
				"2026-11-30T12:00:00Z: a hold on projects/demo-project lasts at most 7 days; write an earlier until"},
		{"a century, first seen a week ago", []string{entry(shop, never, century)}, now.Add(-7 * day), longestHold,
			now, "7 days"},
		{"a century, begun before it was seen", []string{entry(shop, now.Add(-6*day), century)}, now, longestHold,
			now.Add(day), "7 days"},
		{"a beginning in the future counts as now", []string{entry(shop, century, century.Add(day))}, now, longestHold,
			now.Add(7 * day), "7 days"},
		{"the policy says more", []string{entry(shop, now, now.Add(20*day))}, now, 10 * day, now.Add(10 * day), "10 days"},
		{"a folder", []string{entry(folder, now, now.Add(3*day))}, now, 10 * day, now.Add(day), "at most 24 h"},
		{"14 days of 30", []string{entry(shop, now.Add(-14*day), now.Add(-7*day)),
			entry(shop, now.Add(-6*day), now.Add(-2*day)), entry(shop, now, now.Add(5*day))}, now, longestHold, now.Add(3 * day), "at most 14 days in any 30 days"},
		{"14 days long ago", []string{entry(shop, now.Add(-40*day), now.Add(-33*day)),
			entry(shop, now.Add(-33*day), now.Add(-26*day)), entry(shop, now, now.Add(7*day))}, now, longestHold, now.Add(7 * day), ""},
		{"days of another scope", []string{entry("projects/other-project", now.Add(-7*day), now),
			entry(shop, now.Add(-7*day), now), entry(shop, now, now.Add(7*day))}, now, longestHold, now.Add(7 * day), ""},
		{"days counted once that two held", []string{entry(shop, now.Add(-6*day), now.Add(-time.Hour)),
			entry(shop, now.Add(-6*day), now.Add(-time.Hour)), entry(shop, now, now.Add(7*day))}, now, longestHold,
			now.Add(7 * day), ""},
	} {
		bounded := held(t, tc.entries...).Bounded(tc.longest, func(Hold) time.Time { return tc.seen })
		last := slices.MaxFunc(bounded.list, func(a, b Hold) int { return a.Line - b.Line })
		if !last.Until.Equal(tc.want) || !strings.Contains(last.Cut, tc.cut) || (tc.cut == "") != (last.Cut == "") {
			t.Errorf("%s: ends at %s (%s), want %s (%s)", tc.name, last.Until, last.Cut, tc.want, tc.cut)
		}
		if strings.Contains(last.Cut, "\n") {
			t.Errorf("%s: more than one line: %q", tc.name, last.Cut)
		}
	}
}

// TestNoScopeIsHeldForHalfOfItsTime counts, in any 30 days, the hours that random holds cover.
func TestNoScopeIsHeldForHalfOfItsTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	full := 0
	for range 300 {
		var entries []string
		for range 1 + random.IntN(8) {
			since := now.Add(time.Duration(random.IntN(60*24)) * time.Hour)
			until := since.Add(time.Duration(random.IntN(20*24)) * time.Hour)
			entries = append(entries, entry("projects/demo-project", since, until))
		}
		holds := held(t, entries...).Bounded(14*day, func(Hold) time.Time { return now.Add(100 * day) })
		covered := make([]int, 90*24)
		for hour := range covered {
			at := now.Add(time.Duration(hour) * time.Hour)
			if slices.ContainsFunc(holds.list, func(h Hold) bool { return !at.Before(h.Since) && at.Before(h.Until) }) {
				covered[hour] = 1
			}
		}
		for from := range len(covered) - 30*24 {
			sum := 0
			for _, one := range covered[from : from+30*24] {
				sum += one
			}
			if sum > 14*24+len(entries) { // an hour that begins held may end otherwise
				t.Fatalf("%d hours of 30 days are held from %d on: %v", sum, from, entries)
			}
			full = max(full, sum)
		}
	}
	if full < 13*24 {
		t.Errorf("at most %d hours were held: the holds never came near the bound", full)
	}
}

func TestWhatIsWrongWithHoldsIsOneLineEach(t *testing.T) {
	const shop = "projects/demo-project"
	for _, tc := range []struct {
		name    string
		entries []string
		want    []string
	}{
		{"nothing", []string{entry(shop, now, now.Add(time.Hour))}, nil},
		{"one that ended, kept by the command", []string{entry(shop, now.Add(-2*time.Hour), now.Add(-time.Hour))}, nil},
		{"an end in the past", []string{entry(shop, time.Time{}, now.Add(-time.Hour))}, []string{
			"line 3: the hold on projects/demo-project ended at 2026-11-23T11:00:00Z, before it was seen: it holds nothing; " +
				"take it out, or write a later until"}},
		{"two on one scope", []string{entry(shop, now, now.Add(time.Hour)), entry(shop, now, now.Add(2*time.Hour))}, []string{
			"line 4: there is another hold on projects/demo-project: the one until 2026-11-23T14:00:00Z counts; " +
				"take the other out"}},
		{"a century", []string{entry("organizations/1", now, now.Add(876000*time.Hour))}, []string{
			"line 3: the hold on organizations/1 names 2126-10-30T12:00:00Z as its end, and ends at 2026-11-24T12:00:00Z: " +
				"a hold on organizations/1 lasts at most 24 h; write an earlier until"}},
	} {
		holds := held(t, tc.entries...).Bounded(longestHold, func(Hold) time.Time { return now })
		if diff := cmp.Diff(tc.want, holds.Problems(now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestACommandIsToldHowLongAHoldMayLast(t *testing.T) {
	for _, tc := range []struct {
		name, target string
		length       time.Duration
		longest      time.Duration
		want         string // "" = allowed
	}{
		{"a week", "projects/demo-project", 7 * day, longestHold, ""},
		{"a century", "projects/demo-project", 876000 * time.Hour, longestHold,
			"a hold on projects/demo-project lasts at most 168h (7 days), not 876000h0m0s: write --for 168h, or longest " +
				"under holds in the policy (at most 14 days), and name the policy"},
		{"what the policy allows", "projects/demo-project", 10 * day, 10 * day, ""},
		{"a day of a folder", "folders/1", day, 10 * day, ""},
		{"two days of an organization", "organizations/1", 2 * day, 10 * day,
			"a hold on organizations/1, above projects, lasts at most 24h, not 48h0m0s: write --for 24h, " +
				"or hold its projects"},
	} {
		hold, err := HoldOn(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := hold.CheckLength("--for", tc.length, tc.longest); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAFileKeepsWhatAScopeWasHeldFor(t *testing.T) {
	hold := Hold{Scope: posture.Scope{Project: "demo-project"}, Reason: "r", By: "b"}
	at := now
	var text []byte
	change := func(change func(Holds) (Holds, error)) (err error) {
		var changed []byte
		if changed, err = EditHolds(text, at, change); err == nil {
			text = changed
		}
		return err
	}
	place := func(length time.Duration) error {
		return change(func(h Holds) (Holds, error) {
			placed := hold
			placed.Since, placed.Until = at, at.Add(length)
			return h.Adding(placed, longestHold, at)
		})
	}
	if err := place(7 * day); err != nil {
		t.Fatal(err)
	}
	at = at.Add(6 * day)
	if err := place(7 * day); err != nil { // in place of the first
		t.Fatal(err)
	}
	at = at.Add(7 * day)
	if err := place(2 * day); err == nil || !strings.Contains(err.Error(), "write --for 24 h") {
		t.Errorf("after 13 days: %v, want 24 h left", err)
	}
	if err := place(day); err != nil {
		t.Error(err)
	}
	if err := change(func(h Holds) (Holds, error) { return h.Without(hold.Name()), nil }); err != nil {
		t.Fatal(err)
	}
	at = at.Add(day)
	if err := place(2 * day); err == nil {
		t.Error("a hold that was lifted a day ago counts no more")
	}
	at = at.Add(31 * day)
	if err := place(7 * day); err != nil {
		t.Error(err)
	}
	holds, err := ParseHolds(text)
	if err != nil || len(holds.list) != 1 {
		t.Errorf("%v, %v: want what ended a month ago dropped", holds.list, err)
	}
}

func TestAHoldAboveProjectsCoversWhatLiesBelow(t *testing.T) {
	holds := held(t, entry("folders/12", now, now.Add(time.Hour)), entry("organizations/7", now.Add(-time.Hour), now),
		entry("projects/sure-project", now, now.Add(time.Minute)))
	inside := posture.Ancestors{Known: true, Folders: []string{"folders/3", "folders/12"}}
	for _, tc := range []struct {
		name, project string
		above         posture.Ancestors
		at            time.Time
		held, doubt   bool
	}{
		{"in the folder", "demo-project", inside, now, true, false},
		{"in another", "demo-project", posture.Ancestors{Known: true, Folders: []string{"folders/3"}}, now, false, false},
		{"in the organization, whose hold has ended", "demo-project",
			posture.Ancestors{Known: true, Organization: "organizations/7"}, now, false, false},
		{"not known", "demo-project", posture.Ancestors{Unread: "denied"}, now, true, true},
		{"never read", "demo-project", posture.Ancestors{}, now, true, true},
		{"not known, and no such hold is left", "demo-project", posture.Ancestors{}, now.Add(2 * time.Hour), false, false},
		{"not known, and held by its project", "sure-project", posture.Ancestors{}, now, true, false},
	} {
		got := holds.Covering(Subject{Target: target(tc.project, "us-central1", "shop-a"), Ancestors: tc.above}, tc.at)
		if (got != nil) != tc.held || got != nil && (got.Doubt != "") != tc.doubt {
			t.Errorf("%s: %+v, want held %t, doubtful %t", tc.name, got, tc.held, tc.doubt)
		}
	}
	if got := holds.On(target("demo-project", "us-central1", "shop-a"), "", now); got != nil {
		t.Errorf("the holds of a project have %+v", got)
	}
}

func TestTheTargetOfAHoldIsChecked(t *testing.T) {
	for name, want := range map[string]string{
		"folders/12": "", "organizations/7": "", "projects/demo-project/locations/us-central1": "",
		"folders/shops":             "is not a folder or an organization: write folders/NUMBER or organizations/NUMBER",
		"organizations/":            "is not a folder or an organization",
		"folders/12/projects/a":     "is not a folder or an organization",
		"billingAccounts/1":         "is not a resource name",
		"projects/../organizations": "is not a resource name",
	} {
		hold, err := HoldOn(name)
		switch {
		case want == "" && (err != nil || hold.Name() != name):
			t.Errorf("%s: %q, %v", name, hold.Name(), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want %q in one line", name, err, want)
		}
	}
}

func TestThePolicySaysHowLongAHoldMayLast(t *testing.T) {
	for text, want := range map[string]string{
		"": "168h0m0s", "holds: {longest: 14d}\n": "336h0m0s", "holds: {longest: 1d}\n": "24h0m0s",
		"holds: {longest: 15d}\n": "holds.longest is 15d: write at most 14 days",
		"holds: {longest: 24h}\n": "write a number of days", "holds: {}\n": "holds has no longest",
		"holds: {longer: 1d}\n": `unknown key "longer"`,
	} {
		policy, err := Parse([]byte(head+text), now)
		got := policy.LongestHold().String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := (Policy{}).LongestHold(); got != longestHold {
		t.Errorf("without a policy: %s", got)
	}
}
