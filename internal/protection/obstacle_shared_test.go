package protection

import (
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestOneSwitchServesOnlyOneWish(t *testing.T) {
	share := func(theirs func(policy.Settings) (policy.Settings, bool)) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, want *policy.Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, posture.Member{Target: posturetest.Other})
			own := want.Settings
			want.SettingsOf = func(posture.Target) (policy.Settings, bool) { return theirs(own) }
		}
	}
	check(t, sharedBackends, []row{
		{"the same wish", share(func(s policy.Settings) (policy.Settings, bool) { return s, true }), nil},
		{"the same accessors in another order and twice", share(func(s policy.Settings) (policy.Settings, bool) {
			s.Access = []string{posturetest.Alice, posturetest.Alice}
			return s, true
		}), nil},
		{"out of scope", share(func(s policy.Settings) (policy.Settings, bool) { return s, false }), []Code{SharedBackend}},
		{"nobody knows what it is to get",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Undecided = "why"; return s, true }),
			[]Code{SharedBackend}},
		{"another OAuth client, while IAP is off", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { s.OAuthClient = companys; return s, true })(p, want)
			p.Backends[0].IAPOn = false
		}, []Code{SharedBackend}},
		{"another OAuth client, and one is there", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { s.OAuthClient = companys; return s, true })(p, want)
			p.Backends[0].IAPOn, p.Backends[0].OAuthClient = false, "2-b.apps"
		}, nil},
		{"another recipe",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Recipe = policy.RecipeDirect; return s, true }),
			[]Code{SharedBackend}},
		{"another mode",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Mode = policy.ReportOnly; return s, true }),
			[]Code{SharedBackend}},
		{"exempt", share(func(s policy.Settings) (policy.Settings, bool) {
			s.Exemption = &policy.Exemption{Expires: time.Unix(1, 0)}
			return s, true
		}), []Code{SharedBackend}},
		{"exempt for good",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Exemption = &policy.Exemption{}; return s, true }),
			[]Code{SharedBackend}},
		{"held while IAP is off", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) {
				s.Hold = &policy.Hold{Reason: "r"}
				return s,
					true
			})(p, want)
			p.Backends[0].IAPOn = false
		}, []Code{SharedBackend}},
		{"held while IAP is on: no switch to turn",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Hold = &policy.Hold{Reason: "r"}; return s, true }), nil},
		{"no longer exempt", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) {
				s.Exemption = &policy.Exemption{Expires: time.Unix(1, 0)}
				return s, true
			})(p, want)
			p.ObservedAt = time.Unix(1, 0)
		}, nil},
		{"the same accessors under a condition",
			share(func(s policy.Settings) (policy.Settings, bool) { s.AccessCondition = posturetest.Until; return s, true }),
			[]Code{SharedBackend}},
		{"other accessors", share(func(s policy.Settings) (policy.Settings, bool) {
			s.Access = []string{"user:bob@example.com"}
			return s, true
		}), []Code{SharedBackend}},
		{"an age that is not known",
			share(func(s policy.Settings) (policy.Settings, bool) { s.Since = time.Unix(1, 0); return s, true }), nil},
		{"an age that is not known, while IAP is off", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { s.Since = time.Unix(1, 0); return s, true })(p, want)
			p.Backends[0].IAPOn = false
		}, []Code{SharedBackend}},
		{"whatever its age, while IAP is off", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) {
				s.Since, s.Existing = time.Unix(1, 0), true
				return s, true
			})(p, want)
			p.Backends[0].IAPOn = false
		}, nil},
		{"younger than its rule asks for", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { s.Since = time.Unix(1, 0); return s, true })(p, want)
			p.Backends[0].IAPOn, p.Backends[0].Members[1].CreatedAt = false, time.Unix(1, 0)
		}, nil},
		{"IAP of its own is on, and would be here too", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { return s, true })(p, want)
			p.Backends[0].IAPOn, p.Backends[0].Members[1].IAPOn = false, true
		}, []Code{SharedBackend}},
		{"IAP of its own is on, and is here already", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { return s, true })(p, want)
			p.Backends[0].Members[1].IAPOn = true
		}, nil},
		{"no switch is turned where IAP is at the service", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { return s, false })(p, want)
			posturetest.DirectIAP(p, want)
		}, nil},
		{"nothing is known of what others are to get", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { return s, false })(p, want)
			want.SettingsOf = nil
		}, nil},
		{"the neighbour does not exist", func(p *posture.Posture, want *policy.Wanted) {
			share(func(s policy.Settings) (policy.Settings, bool) { return s, false })(p, want)
			p.Backends[0].Members[1].Missing = true
		}, nil},
	})
}

func TestTheTwoKindsOfIAPExcludeEachOther(t *testing.T) {
	check(t, oneIAP, []row{
		{"direct only", posturetest.DirectIAP, nil},
		{"both", func(p *posture.Posture, _ *policy.Wanted) { p.Service.IAPOn = true }, []Code{BothIAP}},
	})
}

func TestAHeldNeighbourIsNamedWithTheEndOfItsHold(t *testing.T) {
	until := time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		hold policy.Hold
		want string
	}{
		{policy.Hold{Scope: posture.Scope(posturetest.Other), Until: until, Reason: "load test", By: "alice"},
			"is held until 2026-12-24T18:00:00Z by alice: load test"},
		{policy.Hold{Scope: posture.Scope(posturetest.Other), Reason: "load test"}, "is held until it is lifted: load test"},
	} {
		p, want := posturetest.Protected(), posturetest.Wanted()
		p.Backends[0].Members, p.Backends[0].IAPOn = append(p.Backends[0].Members,
			posture.Member{Target: posturetest.Other}), false
		own := want.Settings
		want.SettingsOf = func(target posture.Target) (policy.Settings, bool) {
			theirs := own
			theirs.Hold = &tc.hold
			return theirs, true
		}
		findings := sharedBackends(p, want)
		if len(findings) != 1 || !strings.Contains(findings[0].Why, tc.want) ||
			!strings.HasSuffix(findings[0].Remedy, "iapguard resume "+posturetest.Other.Name()) {
			t.Errorf("found %+v, want one that says %q and how to resume", findings, tc.want)
		}
	}
}
