package reconcile

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// Who writes the policy a second later must not make the grant as young as our first look.
func TestTheAgentsGrantIsAsOldAsItsPolicyWhenItIsFirstSeen(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name          string
		changed, want time.Time
	}{
		{"written an hour ago", noon.Add(-time.Hour), noon.Add(-time.Hour)},
		{"written at a time that is not known", time.Time{}, noon},
		{"written tomorrow", noon.Add(24 * time.Hour), noon},
	} {
		p := posturetest.Protected()
		p.Invokers.ChangedAt = tc.changed
		p.Backends[0].Members[0].Invokers = p.Invokers
		var record memory.Service
		seeDoors(&record, p, noon)
		agents := memory.Binding{Resource: p.Target.Name(), Role: posture.RoleInvoker, Member: p.Agent()}
		if got := record.BindingSince(agents); !got.Equal(tc.want) {
			t.Errorf("%s: since %s, want %s", tc.name, got, tc.want)
		}
	}
}
