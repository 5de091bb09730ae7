package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

const example = `version: 1
rules:
  - name: legacy
    match:
      projects: ["old-*", "123456789012"]
    recipe: "off"
  - name: shops
    match:
      projects: [demo-project]
      locations: ["us-central*"]
      services: [shop-a]
    mode: enforce
    access:
      members: ["user:alice@example.com", "group:ops@example.com"]
      none: enable
    publicInvokers: keep
    ingress: keep
    since: 2026-11-01
    existing: true
    redeploy: enforce
    redeployImage: refuse
    callers: proceed
    probe: on
    settle: 0s
    propagation: 90s
    quiet: 5s
    limits: {perProject: 3, overall: 20}
  - name: rest
    match:
      projects: [demo-project]
`

func target(project, location, service string) posture.Target {
	return posture.Target{Project: project, Location: location, Service: service}
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	policy, err := Parse([]byte(example), now)
	if err != nil {
		t.Fatal(err)
	}
	shops := Settings{
		Rule: "shops", Mode: Enforce, Recipe: RecipeAuto, NoneFor: NoneEnable,
		Access: []string{"user:alice@example.com", "group:ops@example.com"}, WithoutLoadBalancer: WithoutWait,
		Propagation: 90 * time.Second, Quiet: 5 * time.Second,
		Limits:   Limits{PerProject: 3, Overall: 20},
		Redeploy: RedeployEnforce, RedeployImage: ImageRefuse, Callers: BreakProceed, Probe: ProbeOn,
		KeepInvokers: true, KeepIngress: true, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Existing: true,
	}
	shops.Private = PrivateInclude // named
	rest := DefaultSettings()
	rest.Rule = "rest"
	for _, tc := range []struct {
		name    string
		target  posture.Target
		want    Settings
		inScope bool
	}{
		{"exact and glob", target("demo-project", "us-central1", "shop-a"), shops, true},
		{"the glob is anchored", target("demo-project", "aus-central1", "shop-a"), rest, true},
		{"another location", target("demo-project", "europe-west1", "shop-a"), rest, true},
		{"no rule", target("other-project", "us-central1", "shop-a"), Settings{}, false},
	} {
		got, inScope := policy.For(Subject{Target: tc.target})
		if diff := cmp.Diff(tc.want, got); diff != "" || inScope != tc.inScope {
			t.Errorf("%s: in scope %v, want %v; settings (-want +got):\n%s", tc.name, inScope, tc.inScope, diff)
		}
	}
	if _, inScope := policy.For(Subject{Target: target("demo-project", "us-central1", "shop-a"),
		ProjectNumber: "123456789012"}); inScope {
		t.Error("a rule that names the project by its number does not match")
	}
	if _, inScope := policy.For(Subject{Target: target("old-one", "us-central1", "shop-a")}); inScope {
		t.Error("a rule with recipe off leaves a service in scope")
	}
}

func TestProjectsAreThoseNamedInFull(t *testing.T) {
	policy, err := Parse([]byte(example), now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"demo-project"}, policy.Projects()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutAPolicyEverythingIsReportOnly(t *testing.T) {
	got, inScope := Policy{}.For(Subject{Target: target("any-project", "us-central1", "a")})
	if diff := cmp.Diff(DefaultSettings(), got); diff != "" || !inScope {
		t.Errorf("in scope %v; (-want +got):\n%s", inScope, diff)
	}
	if got.Mode != ReportOnly {
		t.Errorf("mode %q, want report-only", got.Mode)
	}
	if digest := (Policy{}).Digest(); digest != "none" {
		t.Errorf("digest %q, want none", digest)
	}
}

func TestAnExemptionEndsWithItsDay(t *testing.T) {
	const byNumber = "projects/123456789012/locations/us-central1/services/shop-b"
	policy, err := Parse([]byte(exempting(full, shopA+", "+byNumber)), now)
	if err != nil {
		t.Fatal(err)
	}
	for service, exempt := range map[string]bool{"shop-a": true, "shop-b": true, "shop-c": false} {
		settings, _ := policy.For(Subject{Target: target("demo-project", "us-central1", service),
			ProjectNumber: "123456789012"})
		var want *Exemption
		if exempt {
			want = &Exemption{Owner: "o", Ticket: "t", Reason: "r", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
		}
		if diff := cmp.Diff(want, settings.Exemption); diff != "" {
			t.Errorf("%s (-want +got):\n%s", service, diff)
		}
		if got := settings.ExemptAt(now); got != exempt {
			t.Errorf("%s: exempt now: %t, want %t", service, got, exempt)
		}
		if settings.ExemptAt(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: exempt after its day", service)
		}
	}
}
