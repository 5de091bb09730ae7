package traffic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/traffic"
)

func TestASuccessIsWhatTheClientAskedFor(t *testing.T) {
	for status, want := range map[int]int64{200: 2, 204: 2, 299: 2, 304: 2, 199: 0, 300: 0, 302: 0,
		303: 0, 307: 0, 403: 0, 500: 0} {
		if got := traffic.Succeeded([]traffic.Answer{{Status: status, Requests: 2}}); got != want {
			t.Errorf("2 requests that were answered %d: %d succeeded, want %d", status, got, want)
		}
	}
}

func TestWaysAreTheForwardingRulesOfEachBackend(t *testing.T) {
	const rule = "projects/p/global/forwardingRules/"
	frontends := func(frontends ...posture.Frontend) posture.Backend {
		return posture.Backend{Project: "p", Location: posture.Global, Name: "b", Scheme: "EXTERNAL_MANAGED",
			Frontends: frontends}
	}
	internal := frontends(posture.Frontend{Resource: rule + "a"})
	internal.Scheme = "INTERNAL_MANAGED"
	way := func(name string, internal bool) traffic.Way {
		return traffic.Way{Rule: rule + name, Backend: "projects/p/global/backendServices/b", Internal: internal}
	}
	for _, tc := range []struct {
		name       string
		p          posture.Posture
		want       []traffic.Way
		incomplete bool
	}{
		{"no load balancer", posture.Posture{}, nil, false},
		{"two path matchers of a rule", posture.Posture{Backends: []posture.Backend{frontends(
			posture.Frontend{Resource: rule + "a", Paths: []string{"/x"}},
			posture.Frontend{Resource: rule + "a", Paths: []string{"/y"}})}},
			[]traffic.Way{way("a", false)}, false},
		{"an internal one", posture.Posture{Backends: []posture.Backend{internal}}, []traffic.Way{way("a", true)}, false},
		{"a mirror", posture.Posture{Backends: []posture.Backend{frontends(
			posture.Frontend{Resource: rule + "a", Mirror: true})}}, nil, false},
		{"a frontend that is not read", posture.Posture{Backends: []posture.Backend{frontends(
			posture.Frontend{Resource: rule + "a", Unread: "forbidden"}, posture.Frontend{Resource: rule + "b"})}},
			[]traffic.Way{way("b", false)}, true},
		{"load balancers that are not read", posture.Posture{BackendsUnread: "forbidden"}, nil, true},
		{"one that leads to two regions", posture.Posture{Regions: []posture.Posture{
			{Backends: []posture.Backend{frontends(posture.Frontend{Resource: rule + "a"})}},
			{Backends: []posture.Backend{frontends(posture.Frontend{Resource: rule + "a"})}}}},
			[]traffic.Way{way("a", false)}, false},
	} {
		got, complete := traffic.Ways(tc.p)
		if diff := cmp.Diff(tc.want, got); diff != "" || complete == tc.incomplete {
			t.Errorf("%s: complete %v (-want +got):\n%s", tc.name, complete, diff)
		}
	}
}
