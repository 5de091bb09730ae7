package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func parsed(t *testing.T, rules string) Policy {
	t.Helper()
	policy, err := Parse([]byte("version: 1\nrules:\n"+rules), now)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestALabelSelectsAStricterRuleAndNeverALooserOne(t *testing.T) {
	// The rules by number and by id may mean one project: only a service shows which.
	policy := parsed(t, `  - name: off
    match: {projects: ["123456789012"], labels: {iap: "off"}}
    recipe: "off"
  - name: prod
    match: {labels: {env: "prod-*", tier: web}}
    mode: enforce
  - name: relaxed
    match: {projects: ["123456789012"], labels: {env: "*"}}
    publicInvokers: keep
    ingress: keep
  - name: all
    match: {projects: [demo-project]}
    mode: approve
`)
	const passedOver = "rule off, which the labels select, is not as strict as rule all in mode, recipe"
	for _, tc := range []struct {
		name       string
		project    string
		labels     map[string]string
		want       string
		passedOver []string
	}{
		{"no labels", "demo-project", nil, "all", nil},
		{"the stricter one", "demo-project", map[string]string{"env": "prod-eu", "tier": "web"}, "prod", nil},
		{"one label of two", "demo-project", map[string]string{"env": "prod-eu"}, "all",
			[]string{"rule relaxed, which the labels select, is not as strict as rule all in mode, ingress, publicInvokers"}},
		{"the glob is anchored", "demo-project", map[string]string{"env": "nonprod-eu", "tier": "web", "iap": "on"}, "all",
			[]string{"rule relaxed, which the labels select, is not as strict as rule all in mode, ingress, publicInvokers"}},
		{"the looser one is passed over, the next decides", "demo-project",
			map[string]string{"iap": "off", "env": "prod-eu", "tier": "web"}, "prod", []string{passedOver}},
		{"no rule without labels", "other-project", map[string]string{"env": "prod-eu", "tier": "web"}, "prod", nil},
		{"nothing else covers it", "other-project", map[string]string{"env": "dev"}, "", nil},
	} {
		s := Subject{Target: target(tc.project, "us-central1", "shop"), Labels: tc.labels}
		if tc.project == "demo-project" {
			s.ProjectNumber = "123456789012"
		}
		got, inScope := policy.For(s)
		if diff := cmp.Diff(tc.passedOver, got.SkippedRules); diff != "" || got.Rule != tc.want ||
			inScope != (tc.want != "") {
			t.Errorf("%s: rule %q, want %q, in scope %t; passed over (-want +got):\n%s", tc.name, got.Rule,
				tc.want, inScope, diff)
		}
	}
}

// Every combination of what labels may select and what holds without them: what
// comes out is never less strict than what holds without labels.
func TestNoLabelsLeadToLessThanWithoutThem(t *testing.T) {
	modes := []string{"report-only", "approve", "enforce"}
	ways := []string{"keep", "remove"}
	for _, labelled := range modes {
		for _, base := range modes {
			for _, one := range ways {
				for _, other := range ways {
					policy := parsed(t,
						fmt.Sprintf(
							`  - {name: labelled, match: {projects: ["123456789012"], labels: {a: b}}, mode: %s, publicInvokers: %s}
  - {name: base, match: {projects: [demo-project]}, mode: %s, publicInvokers: %s}
`, labelled, one, base, other))
					s := Subject{Target: target("demo-project", "us-central1", "shop"), ProjectNumber: "123456789012"}
					without, _ := policy.For(s)
					s.Labels = map[string]string{"a": "b"}
					with, inScope := policy.For(s)
					if where := LessStrict(with, without); len(where) > 0 || !inScope {
						t.Errorf("%s %s over %s %s: less strict in %q", labelled, one, base, other, where)
					}
				}
			}
		}
	}
}

func TestANameByPatternSelectsAStricterRuleAndNeverALooserOne(t *testing.T) {
	// The project's number hides from the reader what the rules loosen.
	policy := parsed(t, `  - name: named
    match: {services: [status]}
    ingress: keep
  - name: public
    match: {projects: ["123456789012"], locations: [us-central1], services: [hello, "public-*", "*-public"]}
    publicInvokers: keep
  - name: secret
    match: {projects: [demo-project], services: ["secret-*", "*-secret"]}
    mode: enforce
  - name: unwatched
    match: {projects: ["123456789012"], services: ["*-test"], locations: [us-central1]}
    recipe: "off"
  - name: anything
    match: {projects: ["123456789012"], services: ["*"], locations: [europe-west1]}
    ingress: keep
  - name: all
    match: {projects: [demo-project]}
    mode: approve
`)
	passed := func(rule, base, where string) []string {
		return []string{"rule " + rule + ", which a pattern of service names selects, is not as strict as rule " + base +
			" in " + where}
	}
	for _, tc := range []struct {
		name, service, location, want string
		passedOver                    []string
	}{
		{"in full", "status", "us-central1", "named", nil},
		{"in full beside patterns", "hello", "us-central1", "public", nil},
		{"a looser one", "public-x", "us-central1", "all", passed("public", "all", "mode, publicInvokers")},
		{"a looser one, out of scope", "x-test", "us-central1", "all", passed("unwatched", "all", "mode, recipe")},
		{"a stricter one", "secret-x", "us-central1", "secret", nil},
		{"a looser one before a stricter one", "public-secret", "us-central1", "secret",
			passed("public", "secret", "mode, publicInvokers")},
		{"every name is no pattern", "x", "europe-west1", "anything", nil},
	} {
		got, inScope := policy.For(Subject{Target: target("demo-project", tc.location, tc.service),
			ProjectNumber: "123456789012"})
		if diff := cmp.Diff(tc.passedOver, got.SkippedRules); diff != "" || got.Rule != tc.want || !inScope {
			t.Errorf("%s: rule %q, want %q, in scope %t; passed over (-want +got):\n%s", tc.name, got.Rule, tc.want, inScope,
				diff)
		}
	}
}

// Whatever name and labels a deployer chooses, the rules that select by them give nothing
// less strict than the other rules alone.
func TestWhatADeployerChoosesNeverLoosens(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "ab", "ba", "aba"}
	globs := []pattern{"a*", "*b", "*a*", "b*a", "a", "b", "ab", "*"}
	skipped, chosen := 0, 0
	for range 20_000 {
		var all, others []rule
		s := Subject{Target: target("p", "l", names[random.IntN(len(names))]), Labels: map[string]string{"x": "y"}}
		for i := range 1 + random.IntN(4) {
			one := rule{name: fmt.Sprint(i), settings: DefaultSettings()}
			one.settings.Rule = one.name
			one.settings.Private = []Private{"", PrivateLeave, PrivateBehindIAP, PrivateInclude}[random.IntN(4)]
			one.settings.Mode = []Mode{ReportOnly, Approve, Enforce}[random.IntN(3)]
			one.settings.KeepIngress, one.settings.KeepInvokers = random.IntN(3) == 0, random.IntN(3) == 0
			for range random.IntN(3) {
				one.match.services = append(one.match.services, globs[random.IntN(len(globs))])
			}
			if random.IntN(4) == 0 {
				one.match.labels = map[string]pattern{"x": "y"}
			}
			all = append(all, one)
			named := slices.ContainsFunc(one.match.services, func(p pattern) bool { return string(p) == s.Service || p == "*" })
			if one.match.labels == nil && (named || len(one.match.services) == 0) {
				others = append(others, one)
			}
		}
		with, inScope := Policy{digest: "some", rules: all}.For(s)
		without, covered := Policy{digest: "some", rules: others}.For(s)
		if !covered {
			continue
		}
		if where := LessStrict(with, without); len(where) > 0 || !inScope {
			t.Fatalf("%s by %+v: rule %s is less strict than rule %s in %q", s.Service, all, with.Rule, without.Rule, where)
		}
		skipped += len(with.SkippedRules)
		if with.Rule != without.Rule {
			chosen++
		}
	}
	if skipped < 100 || chosen < 100 {
		t.Errorf("%d rules passed over, %d decided: the policies say too little", skipped, chosen)
	}
}

func TestAnUnknownFolderLeavesTheServiceUndecided(t *testing.T) {
	policy := parsed(t, `  - name: named
    match: {projects: [old-project]}
  - name: shops
    match: {folders: [folders/17, folders/18], services: ["shop-*"]}
    mode: enforce
  - name: all
`)
	inside := posture.Ancestors{Known: true, Folders: []string{"folders/99", "folders/18"}}
	unread := posture.Ancestors{Unread: "Forbidden: no"}
	for _, tc := range []struct {
		name             string
		project, service string
		ancestors        posture.Ancestors
		want             string
		undecided        bool
	}{
		{"within, at any height", "demo-project", "shop-a", inside, "shops", false},
		{"elsewhere", "demo-project", "shop-a", posture.Ancestors{Known: true, Folders: []string{"folders/1"}}, "all", false},
		{"in no folder", "demo-project", "shop-a", posture.Ancestors{Known: true}, "all", false},
		{"not known", "demo-project", "shop-a", unread, "shops", true},
		{"not known, and an earlier rule decides", "old-project", "shop-a", unread, "named", false},
		{"not known, and the rule covers another name", "demo-project", "cart", unread, "all", false},
	} {
		got, inScope := policy.For(Subject{Target: target(tc.project, "us-central1", tc.service), Ancestors: tc.ancestors})
		if got.Rule != tc.want || !inScope || (got.Undecided != "") != tc.undecided {
			t.Errorf("%s: rule %s, want %s; undecided %q", tc.name, got.Rule, tc.want, got.Undecided)
		}
		if tc.undecided && (got.Mode != ReportOnly || !strings.Contains(got.Undecided, "Forbidden: no")) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestAPolicyAsksForWhatAnyOfItsRulesAsksFor(t *testing.T) {
	const folder, label, plain = "  - {name: f, match: {folders: [folders/17]}}\n", "  - {name: l, match: {labels: {a: b}}}\n", "  - {name: p}\n"
	for rules, want := range map[string]Asked{
		plain: {}, folder + plain: {Folders: true}, label + plain: {Labels: true},
		"  - {name: b, private: behind-iap}\n":         {Roles: true},
		"  - {name: i, private: include}\n":            {Roles: true},
		"  - {name: e, match: {services: [shop]}}\n":   {Roles: true},
		"  - {name: g, match: {services: [shop-*]}}\n": {},
		folder + label + plain:                         {Folders: true, Labels: true}, label + folder + plain: {Folders: true, Labels: true},
	} {
		if got := parsed(t, rules).Asks(); got != want {
			t.Errorf("asks for %+v, want %+v:\n%s", got, want, rules)
		}
	}
}

func TestALabelledRuleWaitsForAnUndecidedOne(t *testing.T) {
	policy := parsed(t, `  - name: labelled
    match: {labels: {a: b}}
  - name: folder
    match: {folders: [folders/17], projects: ["123456789012"]}
    mode: report-only
  - name: all
`)
	got, _ := policy.For(Subject{Target: target("demo-project", "us-central1", "shop"), ProjectNumber: "123456789012",
		Labels: map[string]string{"a": "b"}})
	if got.Rule != "folder" || got.Undecided == "" {
		t.Errorf("%+v", got)
	}
}

func TestTwoPatternsMeetWhereOneNameFitsBoth(t *testing.T) {
	for _, tc := range []struct {
		one, other pattern
		want       bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"*", "b", true}, {"shop-*", "*-eu", true}, {"shop-*", "cart-*", false},
		{"a*b", "a*c", false}, {"a*b*c", "*x*c", true}, {"ab", "a*b*", true}, {"a*", "ba*", false}, {"*a", "*b", false},
	} {
		if tc.one.meets(tc.other) != tc.want || tc.other.meets(tc.one) != tc.want {
			t.Errorf("%s and %s: want %t", tc.one, tc.other, tc.want)
		}
	}
}
