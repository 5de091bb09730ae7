package protection

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// settings that a rule may give, from a seed.
func settings(seed uint64) policy.Settings {
	r := rand.New(rand.NewPCG(seed, 2))
	s := policy.DefaultSettings()
	s.Settle, s.Quiet, s.Propagation = 0, 0, 0
	s.Mode = []policy.Mode{policy.ReportOnly, policy.Enforce, policy.Enforce}[r.IntN(3)]
	s.Recipe = []policy.Recipe{policy.RecipeAuto, policy.RecipeAuto, policy.RecipeAuto, policy.RecipeLoadBalancer,
		policy.RecipeDirect}[r.IntN(5)]
	s.WithoutLoadBalancer = []policy.WithoutLoadBalancer{policy.WithoutWait, policy.WithoutClose,
		policy.WithoutDirect}[r.IntN(3)]
	s.NoneFor = []policy.NoneKnown{policy.NoneWait, policy.NoneEnable}[r.IntN(2)]
	s.KeepIngress, s.KeepInvokers = r.IntN(4) == 0, r.IntN(4) == 0
	for _, member := range []string{alice, "user:bob@example.com"} {
		if r.IntN(2) == 0 {
			s.Access = append(s.Access, member)
		}
	}
	if r.IntN(4) == 0 {
		s.Since = now
	}
	return s
}

// ended is the posture when a function with these settings has done all it does.
func ended(p posture.Posture, s policy.Settings) posture.Posture {
	if s.Mode != policy.Enforce || !s.Since.IsZero() && p.Service.CreatedAt.Before(s.Since) {
		return p
	}
	w := policy.Wanted{Settings: s, SettingsOf: func(posture.Target) (policy.Settings, bool) { return s, true }}
	for _, step := range made(p, w).Steps {
		p = after(p, step)
	}
	return p
}

func accessorsIn(p posture.Posture) []string {
	members := p.DirectAccess.Members(posture.RoleAccessor)
	for _, backend := range p.Backends {
		members = append(members, backend.Access.Members(posture.RoleAccessor)...)
	}
	return members
}

func TestWhatLabelsMaySelectNeverLeavesADoorWiderThanWithoutThem(t *testing.T) {
	const pairs = 200000
	compared, differing := 0, 0
	for seed := range uint64(pairs) {
		labelled, base := settings(2*seed), settings(2*seed+1)
		if len(policy.LessStrict(labelled, base)) > 0 {
			continue
		}
		p, _ := generated(seed)
		if p.Service.Ingress == posture.IngressUnknown {
			continue // no revision serves: who wants the ingress restricted waits for one
		}
		p.Service.CreatedAt = now.Add(time.Duration(int(seed%2)*2-1) * time.Hour)
		with, without := ended(p, labelled), ended(p, base)
		compared++
		for d, way := range door.Of(with) {
			other := door.Of(without)[d]
			if rank[way.Guard] > rank[other.Guard] {
				t.Fatalf("seed %d: %s is %s with the label and %s without it\n%+v\n%+v", seed, way.Address, way.Guard, other.Guard,
					labelled, base)
			}
			if way.Guard != other.Guard {
				differing++
			}
		}
		for _, member := range accessorsIn(with) {
			if !slices.Contains(accessorsIn(without), member) && !slices.Contains(base.Access, member) {
				t.Fatalf("seed %d: %s has access with the label only", seed, member)
			}
		}
	}
	if compared < 2000 || differing < 200 {
		t.Errorf("%d pairs compared, %d doors that differ: the generator proves little", compared, differing)
	}
}
