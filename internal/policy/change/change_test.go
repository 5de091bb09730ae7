package change_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/change"
	"github.com/iapguard/iapguard/internal/posture"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const service = "projects/p-12345/locations/us-central1/services/shop"

// said is what a policy of these rules says about the service.
func said(t *testing.T, rules string) change.Said {
	t.Helper()
	read, err := policy.Parse([]byte("version: 1\nrules:\n"+rules), now)
	if err != nil {
		t.Fatalf("%v in %s", err, rules)
	}
	target, err := posture.ParseTarget(service)
	if err != nil {
		t.Fatal(err)
	}
	settings, inScope := read.For(policy.Subject{Target: target})
	return change.Said{Settings: settings, InScope: inScope, Known: true}
}

func exempt(until string) string {
	return "exemptions: [{services: [" + service + "], reason: r, owner: o, ticket: t, expires: " + until + "}]\n"
}

func exemptDoor(path string) string {
	return "exemptions: [{services: [" + service + "], door: {frontend: projects/p-12345/global/forwardingRules/f, " +
		"backend: projects/p-12345/global/backendServices/b, host: a.example.com, path: " + path + "}, " +
		"reason: r, owner: o, ticket: t, expires: 2026-12-31}]\n"
}

func TestARiskIsWhatTheServiceGivesUp(t *testing.T) {
	const enforced, approved, reported = "  - {name: a, mode: enforce}\n", "  - {name: a, mode: approve}\n",
		"  - {name: a}\n"
	const others = "  - {name: b, match: {services: [other]}}\n"
	member := func(names string) string { return "  - {name: a, mode: enforce, access: {members: [" + names + "]}}\n" }
	const ann, bob = `"user:ann@example.com"`, `"user:bob@example.com"`
	for _, tc := range []struct {
		name, was, now string
		want           change.Change
	}{
		{"the same", enforced, enforced, change.Change{Risk: change.None}},
		{"covered by neither", others, others, change.Change{Risk: change.None}},
		{"covered no more", enforced, others,
			change.Change{Risk: change.Loses, Why: "no rule covers it", Looser: []string{"rules"}}},
		{"switched off", enforced, "  - {name: a, recipe: off}\n",
			change.Change{Risk: change.Loses, Why: "rule a says recipe: off", Looser: []string{"rules"}}},
		{"reported only", enforced, reported,
			change.Change{Risk: change.Loses, Why: "rule a says mode: report-only", Looser: []string{"mode"}}},
		{"by a person's word only", enforced, approved,
			change.Change{Risk: change.Loses, Why: "rule a says mode: approve", Looser: []string{"mode"}}},
		{"exempt", enforced, enforced + exempt("2026-12-31"), change.Change{Risk: change.Loses,
			Why: "it is exempt until 2026-12-31 (t, o)", Looser: []string{"exemptions"}}},
		{"exempt, and ended", enforced, enforced + exempt("2026-11-01"), change.Change{Risk: change.None}},
		{"exempt no more", enforced + exempt("2026-12-31"), enforced,
			change.Change{Risk: change.Tightened, Tighter: []string{"exemptions"}}},
		{"exempt for longer", reported + exempt("2026-12-31"), reported + exempt("2027-01-31"),
			change.Change{Risk: change.Loosened, Looser: []string{"exemptions"}}},
		{"one door exempt", enforced, enforced + exemptDoor("/hooks/*"),
			change.Change{Risk: change.Loosened, Looser: []string{"exemptions"}}},
		{"another door exempt", enforced + exemptDoor("/a"), enforced + exemptDoor("/b"),
			change.Change{Risk: change.Loosened, Looser: []string{"exemptions"}}},
		{"that was not guarded, covered no more", reported, others,
			change.Change{Risk: change.Loosened, Looser: []string{"rules"}}},
		{"that approval alone guarded, reported", approved, reported,
			change.Change{Risk: change.Loosened, Looser: []string{"mode"}}},
		{"somebody gets in", member(ann), member(ann + ", " + bob),
			change.Change{Risk: change.Loosened, Looser: []string{"access.members"}}},
		{"somebody else gets in", member(ann), member(bob),
			change.Change{Risk: change.Loosened, Looser: []string{"access.members"}}},
		{"somebody is not named any more", member(ann + ", " + bob), member(ann),
			change.Change{Risk: change.Tightened, Tighter: []string{"access.members"}}},
		{"looser in one key, stricter in another", "  - {name: a, ingress: keep}\n",
			"  - {name: a, mode: enforce, publicInvokers: keep}\n",
			change.Change{Risk: change.Loosened, Looser: []string{"publicInvokers"}, Tighter: []string{"mode", "ingress"}}},
		{"covered anew", others, reported, change.Change{Risk: change.Tightened, Tighter: []string{"rules"}}},
		{"another recipe", enforced, "  - {name: a, mode: enforce, recipe: direct}\n",
			change.Change{Risk: change.Otherwise, Other: []string{"recipe"}}},
		{"the first approver", enforced, enforced + "approvers: [" + ann + "]\n",
			change.Change{Risk: change.Otherwise, Other: []string{"approvers"}}},
		{"folders that are not known", enforced, "  - {name: f, match: {folders: [folders/1]}}\n" + enforced,
			change.Change{Risk: change.Unknown, Why: "under the new policy: rule f asks for folders, and those above " +
				"projects/p-12345 cannot be read: "}},
	} {
		got := change.Of(said(t, tc.was), said(t, tc.now), now)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	if got := change.Of(change.Said{}, said(t, enforced), now); got.Risk != change.Unknown {
		t.Errorf("a service that was not read: %+v", got)
	}
}
