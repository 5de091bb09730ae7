package decide

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// SlotRequest asks for a slot of the limits that bound how many services may change
// within an hour.
type SlotRequest struct {
	Rule   string
	Limits policy.Limits
	// Again means that we guarded the service before, and only guard it again.
	Again bool
}

// Slot is the answer to a SlotRequest.
type Slot struct {
	// UsedUp names the limit that is used up, "" = the service has a slot.
	UsedUp string
	Until  time.Time // when the limit lets the next service in
}

// counts reports whether a step counts under the limits: it can shut somebody out of a
// service that is not new, or starts a new revision of it. What is new has no users yet.
func (d *decider) counts(step plan.Step) bool {
	return step.ShutsOut() && !d.looksNew()
}

// restrained are the due steps that neither the circuit breaker nor a limit holds back.
func (d *decider) restrained(due []plan.Step) []plan.Step {
	if len(due) == 0 || !d.mayWrite() {
		return due
	}
	if d.facts.Breaker == nil {
		d.needs.Breaker = true
		return nil
	}
	d.broken()
	due, _ = d.due()
	d.limited(due)
	due, _ = d.due()
	return due
}

// limited holds the steps back that count under the limits, where one of these is used
// up. Grants, and the steps of other services, go on.
func (d *decider) limited(due []plan.Step) {
	approved := d.approval()
	if !slices.ContainsFunc(due, d.counts) || d.request.OverLimit || approved != nil && approved.OverLimit {
		return
	}
	if d.facts.Slot == nil {
		again := d.guardedBefore()
		if !again && d.facts.Memory == nil { // who deletes a record does not make a new service of it
			if again, _ = d.closedInLog(d.facts.Posture, policy.PrivateLeave); d.needs.History {
				return
			}
		}
		d.needs.Slot = &SlotRequest{Rule: d.settings.Rule, Limits: d.settings.Limits, Again: again}
		return
	}
	if slot := d.facts.Slot; slot.UsedUp != "" {
		d.holdBack(d.counts, Holdup{"the hourly limit is used up until " + slot.Until.UTC().Format(time.RFC3339) + ": " +
			slot.UsedUp, slot.Until})
	}
}

// Holdup is what holds steps back that the service itself does not stop.
type Holdup struct {
	What  string
	Until time.Time
}

// holdBack takes steps out of the plan, and those that need them.
func (d *decider) holdBack(held func(plan.Step) bool, why Holdup) {
	if !slices.ContainsFunc(d.plan.Steps, held) {
		return
	}
	d.takeOut(held)
	d.heldUp = append(d.heldUp, why)
}

// heldBack ends a run whose steps are held back.
func (d *decider) heldBack() Decision {
	d.plan.Steps = d.whole
	decision := d.end(report.Held, "it goes on by itself after that")
	until := d.heldUp[0].Until.UTC()
	decision.WaitingFor = &report.WaitingFor{What: d.heldUp[0].What, Until: &until}
	for _, each := range d.heldUp {
		decision.LookAgain = earliest(decision.LookAgain, each.Until)
	}
	return decision
}

// UsedUp says in words which limit is used up.
func UsedUp(full memory.Full, rule string) string {
	where := ""
	if full.Project != "" {
		where = " of project " + full.Project
	}
	said := fmt.Sprintf("%d of at most %d services%s were changed within an hour (%s of rule %s)", full.Most, full.Most, where,
		full.Name, rule)
	if len(full.Takers) > 0 {
		said += ": " + usedUpBy(full)
	}
	return said
}

// mostTakers bounds how many services or projects are named.
const mostTakers = 10

// usedUpBy names whose deployments used a limit up: the services of a project, or the
// projects, those with most services first.
func usedUpBy(full memory.Full) string {
	var names []string
	services := map[string]int{}
	for _, taker := range full.Takers {
		project, service, _ := strings.Cut(taker, "/")
		services[project]++
		names = append(names, posture.Shown(service))
	}
	if full.Project == "" {
		names = nil
		for _, project := range slices.SortedFunc(maps.Keys(services), func(a, b string) int {
			return cmp.Or(services[b]-services[a], strings.Compare(a, b))
		}) {
			names = append(names, fmt.Sprintf("%d of project %s", services[project], posture.Shown(project)))
		}
	}
	said := strings.Join(names[:min(len(names), mostTakers)], ", ")
	if more := len(names) - mostTakers; more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	return said
}
