package posture

import (
	"testing"
	"time"
)

func TestOneSwitchServesOnlyOneWish(t *testing.T) {
	share := func(theirs func(Settings) (Settings, bool)) func(*Posture, *Wanted) {
		return func(p *Posture, want *Wanted) {
			p.Backends[0].Members = append(p.Backends[0].Members, Member{Target: other})
			own := want.Settings
			want.Of = func(Target) (Settings, bool) { return theirs(own) }
		}
	}
	check(t, sharedBackends, []row{
		{"the same wish", share(func(s Settings) (Settings, bool) { return s, true }), nil},
		{"the same accessors in another order and twice", share(func(s Settings) (Settings, bool) {
			s.Access = []string{alice, alice}
			return s, true
		}), nil},
		{"out of scope", share(func(s Settings) (Settings, bool) { return s, false }), []Code{SharedBackend}},
		{"nobody knows what it is to get", share(func(s Settings) (Settings, bool) { s.Undecided = "why"; return s, true }), []Code{SharedBackend}},
		{"another recipe", share(func(s Settings) (Settings, bool) { s.Recipe = RecipeDirect; return s, true }), []Code{SharedBackend}},
		{"another mode", share(func(s Settings) (Settings, bool) { s.Mode = ReportOnly; return s, true }), []Code{SharedBackend}},
		{"exempt", share(func(s Settings) (Settings, bool) { s.Exemption = &Exemption{Expires: time.Unix(1, 0)}; return s, true }), []Code{SharedBackend}},
		{"held while IAP is off", func(p *Posture, want *Wanted) {
			share(func(s Settings) (Settings, bool) { s.Hold = &Hold{Reason: "r"}; return s, true })(p, want)
			p.Backends[0].IAPOn = false
		}, []Code{SharedBackend}},
		{"held while IAP is on: no switch to turn", share(func(s Settings) (Settings, bool) { s.Hold = &Hold{Reason: "r"}; return s, true }), nil},
		{"no longer exempt", func(p *Posture, want *Wanted) {
			share(func(s Settings) (Settings, bool) { s.Exemption = &Exemption{Expires: time.Unix(1, 0)}; return s, true })(p, want)
			p.ObservedAt = time.Unix(1, 0)
		}, nil},
		{"other accessors", share(func(s Settings) (Settings, bool) { s.Access = []string{"user:bob@example.com"}; return s, true }), []Code{SharedBackend}},
		{"an age that is not known", share(func(s Settings) (Settings, bool) { s.Since = time.Unix(1, 0); return s, true }), nil},
		{"an age that is not known, while IAP is off", func(p *Posture, want *Wanted) {
			share(func(s Settings) (Settings, bool) { s.Since = time.Unix(1, 0); return s, true })(p, want)
			p.Backends[0].IAPOn = false
		}, []Code{SharedBackend}},
		{"whatever its age, while IAP is off", func(p *Posture, want *Wanted) {
			share(func(s Settings) (Settings, bool) { s.Since, s.Existing = time.Unix(1, 0), true; return s, true })(p, want)
			p.Backends[0].IAPOn = false
		}, nil},
		{"the neighbour does not exist", func(p *Posture, want *Wanted) {
			share(func(s Settings) (Settings, bool) { return s, false })(p, want)
			p.Backends[0].Members[1].Missing = true
		}, nil},
	})
}

func TestTheTwoKindsOfIAPExcludeEachOther(t *testing.T) {
	check(t, oneIAP, []row{
		{"direct only", directIAP, nil},
		{"both", func(p *Posture, _ *Wanted) { p.Service.IAPOn = true }, []Code{BothIAP}},
	})
}
