package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

const holdsText = `version: 1
holds:
  - target: projects/demo-project/locations/us-central1
    until: 2026-11-23T14:00:00Z
    reason: "load test: no changes"
    by: alice
  - {target: projects/123456789012/locations/europe-west1/services/shop-a, until: 2026-11-24, reason: r, by: bob}
  - {target: projects/old-project, until: 2026-11-23T11:59:59Z, reason: r, by: bob}
`

func TestAHoldCoversItsScopeUntilItsEnd(t *testing.T) {
	holds, err := ParseHolds([]byte(holdsText))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		target posture.Target
		at     time.Time
		want   string
	}{
		{"in the location", target("demo-project", "us-central1", "shop-a"), now, "alice"},
		{"in another location", target("demo-project", "europe-west4", "shop-a"), now, ""},
		{"when it ends", target("demo-project", "us-central1", "shop-a"), now.Add(2 * time.Hour), ""},
		{"by the project's number", target("demo-project", "europe-west1", "shop-a"), now, "bob"},
		{"on the last day", target("demo-project", "europe-west1", "shop-a"),
			time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC), "bob"},
		{"a day later", target("demo-project", "europe-west1", "shop-a"), time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), ""},
		{"another service", target("demo-project", "europe-west1", "shop-b"), now, ""},
		{"that has ended", target("old-project", "us-central1", "shop-a"), now, ""},
	} {
		got := ""
		if hold := holds.On(tc.target, "123456789012", tc.at); hold != nil {
			got = hold.By
		}
		if got != tc.want {
			t.Errorf("%s: held by %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestBadHoldsAreRefusedWithPlaceAndRemedy(t *testing.T) {
	const ok = "until: 2026-11-24, reason: r, by: b"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", "the holds file is empty: write version: 1"},
		{"no version", "holds: []\n", "the holds file has no version"},
		{"an unknown key", "version: 1\nhold: []\n", `2:1: unknown key "hold": did you mean holds?`},
		{"not a target", "version: 1\nholds: [{target: shop, " + ok + "}]\n",
			"2:18: target \"shop\" is not a resource name"},
		{"no end", "version: 1\nholds: [{target: projects/p-12345, reason: r, by: b}]\n", "a hold has no until"},
		{"not an end", "version: 1\nholds: [{target: projects/p-12345, until: tomorrow, reason: r, by: b}]\n",
			`until is "tomorrow": write a date`},
		{"nobody", "version: 1\nholds: [{target: projects/p-12345, until: 2026-11-24, reason: r}]\n", "a hold has no by"},
	} {
		if _, err := ParseHolds([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
	for _, text := range []string{"version: 1\n", "version: 1\nholds: []\n", `{"version":1,"holds":[]}`} {
		if _, err := ParseHolds([]byte(text)); err != nil {
			t.Errorf("%q holds nothing, and is refused: %v", text, err)
		}
	}
}

func TestHoldsAreChangedInOneGoAndWhatHasEndedIsDropped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "holds.yaml")
	scope := posture.Scope{Project: "demo-project", Location: "us-central1", Service: "shop-a"}
	hold := Hold{Scope: scope, Until: now.Add(time.Hour), Reason: `"quoted": yes # no comment`, By: "- 17"}
	add := func(h Holds) (Holds, error) {
		return h.With(Hold{Scope: posture.Scope{Project: "old-project"}, Until: now}).With(Hold{Scope: scope}).With(hold), nil
	}
	if err := ChangeHolds(name, now, add); err != nil {
		t.Fatal(err)
	}
	read := func() []Hold {
		t.Helper()
		holds, err := ReadHolds(name)
		if err != nil {
			t.Fatal(err)
		}
		return holds.list
	}
	hold.Since, hold.Line = now, 3
	if diff := cmp.Diff([]Hold{hold}, read()); diff != "" {
		t.Errorf("after adding (-want +got):\n%s", diff)
	}
	refusal := errors.New("no")
	if err := ChangeHolds(name, now, func(h Holds) (Holds, error) { return Holds{}, refusal }); !errors.Is(err, refusal) ||
		len(read()) != 1 {
		t.Errorf("a refused change: error %v, holds %v", err, read())
	}
	if err := ChangeHolds(name, now, func(h Holds) (Holds, error) { return h.Without(scope.Name()), nil }); err != nil ||
		len(read()) != 0 {
		t.Errorf("after removing: error %v, holds %v", err, read())
	}
	if err := os.WriteFile(name, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ChangeHolds(name, now, add); err == nil {
		t.Error("holds that cannot be read were replaced")
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestATextOfHoldsIsEditedUnlessItCannotBeRead(t *testing.T) {
	scope := posture.Scope{Project: "demo-project"}
	add := func(h Holds) (Holds, error) {
		return h.With(Hold{Scope: scope, Until: now.Add(time.Hour), Reason: "r", By: "b"}), nil
	}
	for _, tc := range []struct {
		name  string
		text  []byte
		holds int // after the change; 0 = refused
	}{
		{"no text yet", nil, 1},
		{"no holds", []byte("version: 1\n"), 1},
		{"others, and one has ended", []byte(holdsText), 3},
		{"an empty text", []byte(""), 0},
		{"rubbish", []byte("rubbish"), 0},
	} {
		text, err := EditHolds(tc.text, now, add)
		if (err != nil) != (tc.holds == 0) {
			t.Errorf("%s: error %v", tc.name, err)
		}
		if err != nil {
			continue
		}
		edited, err := ParseHolds(text)
		if err != nil || len(edited.list) != tc.holds ||
			edited.On(target("demo-project", "europe-west9", "a"), "", now) == nil {
			t.Errorf("%s: error %v, holds %+v, want %d with the new one", tc.name, err, edited.list, tc.holds)
		}
	}
}

func TestOfTwoChangesAtOnceOneIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "holds.yaml")
	err := ChangeHolds(name, now, func(h Holds) (Holds, error) {
		if err := ChangeHolds(name, now, func(h Holds) (Holds, error) { return h, nil }); !errors.Is(err, os.ErrExist) {
			t.Errorf("the second: error %v, want it refused", err)
		}
		return h, nil
	})
	if err != nil {
		t.Errorf("the first: %v", err)
	}
}
