package play

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/oracle/estate"
)

// Region is where all services of a game are.
const Region = "us-central1"

// Game is one game.
type Game struct {
	Services  []Service
	Private   string        // the rule's key private, "" = its default
	Stuck     bool          // the rule closes what is stuck for half an hour
	Named     string        // how the policy spells alice, "" = as IAM does
	Limit     int           // of the services of a project in an hour, 0 = the policy's default
	Delay     time.Duration // until changes of IAM policies are in effect
	Instances int           // of iapguard
	// Consent means that callers are checked, and that people send commands. Approve is the
	// rule's mode then, with two approvers; Slow is how long each write of iapguard takes.
	Consent, Approve bool
	Slow             time.Duration
	Rights           []kind.Right
	Moves            []Move
}

// Service is one service at the start, with a load balancer or without.
type Service struct {
	Name     string
	Mine     bool   // the adversary deploys it
	Absent   bool   // it is not there yet
	Exempt   bool   // the policy exempts it
	Public   bool   // everybody may invoke it
	Invoker  bool   // carol may
	Used     bool   // … and did, wherever she gets in
	Balanced bool   // a load balancer leads to it
	Guarded  bool   // the recipe was applied by hand: IAP is on, the ingress restricted
	Accessor string // who passes IAP at its backend service, "" = nobody
	Ingress  string
}

// When is what a move waits for after its pause.
type When string

// What a move waits for: nothing, the next write of iapguard, which it comes before or
// after. It comes at last when Patience is over.
const (
	AtOnce      When = ""
	BeforeWrite When = "before the next write"
	AfterWrite  When = "after the next write"
)

// Patience is how long a move waits for a write.
const Patience = 3 * time.Minute

// Move is what the adversary does. Pause is the time since the move before it.
type Move struct {
	Pause   time.Duration
	When    When
	Kind    kind.Kind
	Service string // that it is about
	Who     string // a member that it is about
}

// String describes the move.
func (m Move) String() string {
	text := fmt.Sprintf("after %s", m.Pause)
	if m.When != AtOnce {
		text += " and " + string(m.When)
	}
	text += ": " + string(m.Kind) + " " + m.Service
	if m.Who != "" {
		text += " for " + m.Who
	}
	return text
}

// String describes the game, one part a line.
func (g Game) String() string {
	var text strings.Builder
	for _, s := range g.Services {
		fmt.Fprintf(&text, "service %s%s%s%s%s%s%s%s%s%s\n", s.Name, when(s.Mine, ", the adversary's"),
			when(s.Absent, ", not there yet"), when(s.Exempt, ", exempt"), when(s.Public, ", public"),
			when(s.Invoker, ", carol may invoke it"+when(s.Used, " and does")), when(s.Balanced, ", behind a load balancer"),
			when(s.Guarded, ", guarded"), when(s.Accessor != "", ", IAP lets in "+s.Accessor),
			when(s.Ingress != "", ", ingress "+s.Ingress))
	}
	fmt.Fprintf(&text, "policy:%s%s%s%s\n", when(g.Private != "", " private: "+g.Private), when(g.Stuck, " whenStuck: close"),
		when(g.Named != "", " access: "+g.Named), when(g.Limit > 0, fmt.Sprintf(" perProject: %d", g.Limit)))
	fmt.Fprintf(&text, "IAM takes %s, %d instances, rights %v\n", g.Delay, g.Instances, g.Rights)
	if g.Consent {
		fmt.Fprintf(&text, "callers are checked%s%s\n", when(g.Approve, ", mode approve"),
			when(g.Keyed(), ", the memory's records have MACs"))
	}
	if g.Slow > 0 {
		fmt.Fprintf(&text, "a write takes %s\n", g.Slow)
	}
	for i, m := range g.Moves {
		fmt.Fprintf(&text, "%d. %s\n", i+1, m)
	}
	return text.String()
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// The people of a game. Alice is named by the policy.
const (
	Alice    = estate.Alice
	Bob      = "user:bob@corp.example.com"   // may be an accessor
	Carol    = "user:carol@corp.example.com" // may be an invoker
	Stranger = estate.Stranger
)

// Keyed reports whether the records of the memory have MACs.
func (g Game) Keyed() bool { return g.Approve || slices.Contains(g.Rights, consent.KeyHolder) }

// Estate is what stands at the start.
func (g Game) Estate() estate.Estate {
	var e estate.Estate
	for _, s := range g.Services {
		if s.Absent {
			continue
		}
		at := estate.Service{Name: s.Name, Region: Region, Ingress: s.Ingress, Agent: s.Guarded}
		if s.Guarded {
			at.Ingress = estate.InternalLoadBalancing
		}
		if s.Public {
			at.Invokers = append(at.Invokers, estate.Grant{Member: "allUsers", Role: "roles/run.invoker"})
		}
		if s.Invoker {
			at.Invokers = append(at.Invokers, estate.Grant{Member: Carol, Role: "roles/run.invoker"})
		}
		e.Services = append(e.Services, at)
		if !s.Balanced {
			continue
		}
		backend := estate.Backend{Name: Backend(s.Name), Leads: []string{s.Name}, IAP: s.Guarded}
		for _, who := range []string{s.Accessor, when(s.Guarded, Alice)} {
			if who != "" {
				backend.Access = append(backend.Access, estate.Grant{Member: who, Role: "roles/iap.httpsResourceAccessor"})
			}
		}
		e.Backends = append(e.Backends, backend)
		e.Balancers = append(e.Balancers, estate.Balancer{Name: Frontend(s.Name), HTTPS: true, Default: backend.Name})
	}
	return e
}

// Backend is the backend service of a service's own load balancer, and Frontend the name
// of its URL map and of its frontends' parts.
func Backend(service string) string  { return "be-" + service }
func Frontend(service string) string { return "lb-" + service }

// SideBackend and SideFrontend are those of a load balancer that an adversary puts before
// a service.
func SideBackend(service string) string  { return "side-be-" + service }
func SideFrontend(service string) string { return "side-lb-" + service }
