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
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/traffic"
)

const sideBackend = "projects/demo-project/global/backendServices/cached"

// beside is a service with a load balancer beside its own one, at which CDN keeps IAP off.
func beside() *situation {
	s := deployed()
	side := s.facts.Posture.Backends[0]
	side.Name, side.CDNOn = "cached", true
	s.facts.Posture.Backends = append(s.facts.Posture.Backends, side)
	return s
}

func TestASideFrontendKeepsThePublicWhereSomebodyReliesOnIt(t *testing.T) {
	denied := &Side{Unread: &fault.Error{Kind: fault.Denied, Permission: "monitoring.timeSeries.list", Err: errors.New("denied")}}
	for _, tc := range []struct {
		name   string
		side   *Side
		change func(p *posture.Posture)
		needs  bool
		goes   bool
		unread bool
	}{
		{"nothing was read", nil, nil, true, false, false},
		{"nobody comes", &Side{}, nil, false, true, false},
		{"somebody comes", &Side{Served: map[string]int64{sideBackend: 1}}, nil, false, false, false},
		{"somebody comes by the other one", &Side{Served: map[string]int64{iapStep.Resource: 1}}, nil, false, true, false},
		{"it cannot be read", denied, nil, false, false, true},
		{"a frontend that is not read", &Side{}, func(p *posture.Posture) {
			p.Backends[1].Frontends = append([]posture.Frontend{{Unread: "forbidden"}}, p.Backends[1].Frontends...)
		}, false, false, false},
		{"no other load balancer", nil, func(p *posture.Posture) { p.Backends = p.Backends[:1] }, false, true, false},
		{"IAP at none of them", &Side{}, func(p *posture.Posture) { p.Backends[0].CDNOn = true }, false, false, false},
		{"nothing is asked where IAP is at none", nil, func(p *posture.Posture) { p.Backends[0].CDNOn = true }, false, false, false},
	} {
		s := beside()
		s.facts.Side = tc.side
		if tc.change != nil {
			tc.change(&s.facts.Posture)
		}
		got := s.decide()
		if needs := !got.Needs.Side.IsZero(); needs != tc.needs {
			t.Errorf("%s: needs %v, want %v", tc.name, needs, tc.needs)
		}
		if goes := got.Plan.Has(revokePublic); goes != tc.goes {
			t.Errorf("%s: the public goes: %v, want %v", tc.name, goes, tc.goes)
		}
		if unread := len(got.Run.Unread) > 0; unread != tc.unread {
			t.Errorf("%s: unread %+v, want %v", tc.name, got.Run.Unread, tc.unread)
		}
	}
}

// Somebody opens a guarded service, and puts a load balancer before it that gets IAP only
// when its accessor's grant has had time to propagate.
func TestANewLoadBalancerDelaysNoRemovalOfThePublic(t *testing.T) {
	for _, tc := range []struct {
		name string
		side *Side
		due  bool // the public goes now
	}{
		{"nobody came by it before", &Side{}, true},
		{"somebody relies on it", &Side{Served: map[string]int64{sideBackend: 1}}, false},
	} {
		s := beside()
		settings := s.rules.settings
		settings.Propagation = 2 * time.Minute
		s.rules = rules{settings: settings}
		p := &s.facts.Posture
		p.Backends[1].CDNOn = false // so that IAP can be turned on there
		guarded := posturetest.Protected()
		p.Backends[0].IAPOn, p.Backends[0].Access = true, guarded.Backends[0].Access
		p.Invokers.Bindings[0].Members = []string{"allUsers", posturetest.Agent}
		p.Invokers.ChangedAt, p.Backends[0].Access.ChangedAt = ago(3600), ago(3600)
		if got := s.decide(); got.Needs.Side.IsZero() {
			t.Errorf("%s: %s, and nobody asks who comes by the new load balancer", tc.name, got.Outcome)
		}
		s.facts.Side = tc.side
		got := s.decide()
		at := slices.IndexFunc(got.Plan.Steps, func(s plan.Step) bool { return s.Op() == revokePublic })
		if at < 0 {
			t.Fatalf("%s: the public stays for good: %s", tc.name, got.Outcome)
		}
		if due := got.Plan.Steps[at].NotBefore.IsZero(); due != tc.due {
			t.Errorf("%s: the public goes now: %v, want %v", tc.name, due, tc.due)
		}
	}
}

func TestOnlyVisitorsFromBeforeTheFirstOpenLookCount(t *testing.T) {
	week := 7 * 24 * time.Hour
	for _, tc := range []struct {
		name   string
		opened time.Time
		before Span
	}{
		{"open at this look", noon, Span{noon.Add(-week), noon}},
		{"a day ago", noon.Add(-24 * time.Hour), Span{noon.Add(-24*time.Hour - week), noon.Add(-24 * time.Hour)}},
		{"longer than counts are kept", noon.Add(-36 * 24 * time.Hour), Span{noon.Add(-week), noon}},
		{"a time that lies ahead", noon.Add(time.Hour), Span{noon.Add(-week), noon}},
	} {
		before, last := SideSpans(tc.opened.Add(30*time.Second), noon.Add(30*time.Second))
		if diff := cmp.Diff([]Span{tc.before, {noon.Add(-week), noon}}, []Span{before, last}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	at := func(backend string, n int64, status int) traffic.Answer {
		return traffic.Answer{Way: traffic.Way{Backend: backend}, Status: status, Requests: n}
	}
	got := SideOf([]traffic.Answer{at("both", 1, 200), at("left", 5, 200), at("refused", 5, 403), at("since refused", 5, 200)},
		[]traffic.Answer{at("both", 3, 200), at("both", 4, 304), at("both", 9, 404), at("new", 50, 200), at("refused", 5, 200),
			at("since refused", 5, 403)})
	if diff := cmp.Diff(map[string]int64{"both": 7}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := beside()
	s.facts.Memory = &memory.Service{Doors: []memory.Door{{OpenSince: ago(60)}, {OpenSince: ago(7200)}}}
	if since := s.decide().Needs.Side; !since.Equal(ago(7200)) {
		t.Errorf("asked since %s, want the first open look", since)
	}
}
