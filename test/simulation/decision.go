package simulation

import (
	"fmt"
	"math"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// drift is a set of ways in which a service differs from how it should be.
type drift uint8

// What a deploy can change of a protected service.
const (
	publicInvokers drift = 1 << iota // allUsers may invoke
	openIngress                      // the run.app address takes requests from anywhere
	iapOff                           // at the backend service
	agentLost                        // IAP's agent may not invoke
	accessLost                       // the accessors may not pass IAP

	everything = publicInvokers | openIngress | iapOff | agentLost | accessLost
)

// open are the sets with which a stranger gets in, by what the product says of doors.
var open = func() (open [everything + 1]bool) {
	for set := range everything + 1 {
		open[set] = door.Exposed(door.Of(set.posture(time.Time{}))) == door.Yes
	}
	return open
}()

// shutOut reports whether people who are entitled get in nowhere.
func (d drift) shutOut() bool {
	return d&publicInvokers == 0 && d&agentLost != 0 || d&(iapOff|accessLost) == accessLost
}

// posture is a protected service with the drift, which somebody else made at a time.
func (d drift) posture(touched time.Time) posture.Posture {
	p := posturetest.Protected()
	p.ObservedAt, p.Service.UID, p.Service.UpdatedAt = touched, "uid", touched
	var members []string
	if d&agentLost == 0 {
		members = append(members, posturetest.Agent)
	}
	if d&publicInvokers != 0 {
		members = append(members, "allUsers")
	}
	p.Invokers = posture.Policy{Version: "v1", ChangedAt: touched}
	if len(members) > 0 {
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: members}}
	}
	p.Backends[0].Members[0].Invokers = p.Invokers
	if d&openIngress != 0 {
		p.Service.Ingress = posture.IngressAll
	}
	p.Backends[0].IAPOn = d&iapOff == 0
	p.Backends[0].Access.ChangedAt = touched
	if d&accessLost != 0 {
		p.Backends[0].Access = posture.Policy{Version: "a1", ChangedAt: touched}
	}
	return p
}

// closedBy is the drift that a step ends, 0 where it ends none.
func closedBy(change plan.Change) drift {
	switch change.(type) {
	case plan.RevokePublic:
		return publicInvokers
	case plan.RestrictIngress:
		return openIngress
	case plan.EnableIAP:
		return iapOff
	case plan.GrantInvoker:
		return agentLost
	case plan.GrantAccess:
		return accessLost
	}
	return 0
}

// situation is what a decision rests on, in whole seconds, so that one decision answers all
// services in the same situation.
type situation struct {
	drift drift
	// guarded means that the service was guarded before. created, touched and wanted are seconds
	// since its creation, since somebody else's last write, and since steps are wanted; created
	// counts for a service that was not.
	guarded                  bool
	created, touched, wanted int32
	counted                  bool // it has a slot of the limits
}

// rounded makes one situation of those in which the product decides alike: it waits for nothing
// that is older than ten minutes, a service is new for twenty at most, and the clock of its waits
// begins anew after an hour.
func (s situation) rounded() situation {
	const quiet, young, anew = 600, 1300, 3700
	s.created, s.touched = min(s.created, young), min(s.touched, quiet)
	switch {
	case s.wanted > anew:
		s.wanted = anew
	case s.wanted > quiet && s.wanted < 3600:
		s.wanted = quiet
	}
	if s.guarded {
		s.created = young
	}
	return s
}

// verdict is what the product does.
type verdict struct {
	step  drift // what it closes now; 0 = nothing
	again bool  // it asks for a slot of the limits first: it guards again what was guarded before
	first bool  // it asks for a slot of the limits first: it protects for the first time
	wait  int32 // seconds until it looks again; 0 = it is done
}

// decisions asks the product, and keeps its answers.
type decisions struct {
	policy policy.Policy
	kept   map[situation]verdict
}

// waits of a policy that says only what it has to, and of one that waits for nothing, as a
// poller does that closes what it sees.
const (
	byDefault = `version: 1
rules:
  - name: all
    mode: enforce
    private: include
    access: {members: ["` + posturetest.Alice + `"]}
`
	atOnce = byDefault + `    settle: 0s
    quiet: 0s
    propagation: 0s
    limits: {perProject: 1000, overall: 1000}
`
)

func newDecisions(text string) (*decisions, error) {
	parsed, err := policy.Parse([]byte(text), year)
	if err != nil {
		return nil, err
	}
	return &decisions{parsed, map[situation]verdict{}}, nil
}

// year is when the simulated year begins.
var year = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// decide is what the product does about a service in a situation.
func (d *decisions) decide(s situation) (verdict, error) {
	s = s.rounded()
	if known, ok := d.kept[s]; ok {
		return known, nil
	}
	made, err := d.ask(s)
	d.kept[s] = made
	return made, err
}

func (d *decisions) ask(s situation) (verdict, error) {
	now := year.Add(30 * 24 * time.Hour)
	ago := func(seconds int32) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	touched, wanted := ago(s.touched), ago(s.wanted)
	p := s.drift.posture(touched)
	p.Service.CreatedAt = ago(s.created)
	known := &memory.Service{UID: "uid", FirstSeen: wanted}
	if open[s.drift] {
		known.WantedSince = wanted
	}
	if s.guarded {
		known.FirstSeen, known.GuardedSince = year, year
		known.Bindings = []memory.Binding{
			{Resource: p.Target.Name(), Role: posture.RoleInvoker, Member: posturetest.Agent, FirstSeen: year},
			{Resource: p.Backends[0].AccessResource(p.ProjectNumber), Role: posture.RoleAccessor, Member: posturetest.Alice,
				FirstSeen: year},
		}
	}
	facts := decide.Facts{
		Posture: p, Self: event.Self{Principals: []string{"iapguard@example.com"}}, Memory: known, MemoryProven: true,
		Run:     decide.Run{Began: now, Round: 1},
		History: &decide.History{}, Recent: &decide.History{}, Callers: &decide.Callers{}, Used: &decide.Used{},
		Breaker: &memory.Breaker{}, Traffic: &decide.Traffic{}, SignIn: &decide.SignIn{}, Aftermath: &decide.Aftermath{},
		Side: &decide.Side{},
	}
	if s.counted {
		facts.Slot = &decide.Slot{}
	}
	request := decide.Request{Target: p.Target, Since: wanted,
		Cause: event.Cause{Kind: event.RunServiceChanged, Key: "k", At: touched}}
	made := decide.Decide(facts, decide.Settings{Policy: d.policy}, request, now)
	if slot := made.Needs.Slot; slot != nil {
		return verdict{again: slot.Again, first: !slot.Again}, nil
	}
	if made.Needs.Any() {
		return verdict{}, fmt.Errorf("a decision needs facts that are not modelled: %+v", made.Needs)
	}
	for _, wave := range made.Waves {
		for _, step := range wave {
			if closes := closedBy(step.Change) & s.drift; closes != 0 {
				return verdict{step: closes}, nil
			}
		}
	}
	if wait := made.WaitingFor; wait != nil && wait.Until != nil {
		return verdict{wait: int32(max(1, math.Ceil(wait.Until.Sub(now).Seconds())))}, nil
	}
	if len(made.Plan.Steps) > 0 || s.drift != 0 {
		return verdict{}, fmt.Errorf("the product ends %s about a drift of %05b", made.Outcome, s.drift)
	}
	return verdict{}, nil
}
