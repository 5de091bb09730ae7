package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/report"
)

func TestALoadBalancerThatWasSeenIsUnknownWhileComputeIsOff(t *testing.T) {
	for _, tc := range []struct {
		name    string
		off     []string
		known   *memory.Service
		unknown bool
	}{
		{"never seen", []string{computeAPI}, &memory.Service{}, false},
		{"nothing is remembered", []string{computeAPI}, nil, false},
		{"seen before", []string{computeAPI}, &memory.Service{BalancedSince: time.Unix(1, 0)}, true},
		{"seen before, and the API is on", nil, &memory.Service{BalancedSince: time.Unix(1, 0)}, false},
	} {
		s := deployed()
		s.facts.Posture.Backends, s.facts.Posture.APIsOff, s.facts.Memory = nil, tc.off, tc.known
		decision := s.decide()
		blocked := decision.Outcome == report.Blocked && decision.Err != nil && len(decision.Plan.Steps) == 0
		unread := strings.Contains(decision.Posture.BackendsUnread, "Compute Engine")
		if blocked != tc.unknown || unread != tc.unknown {
			t.Errorf("%s: outcome %q, %v, load balancers unread: %q", tc.name, decision.Outcome, decision.Err,
				decision.Posture.BackendsUnread)
		}
		if exposed := door.Exposed(door.Of(decision.Posture)); tc.unknown && exposed == door.No {
			t.Errorf("%s: exposed %s", tc.name, exposed)
		}
	}
}
