package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// probing is how long the doors are probed after a change has propagated: as long
// as the redelivery of the deferred message may take.
const probing = 10 * time.Minute

// Probes are the requests that a stranger makes at the doors after a decision,
// nil for none. keptAt is when all doors were last found closed, zero = never: many
// events announce one change, and the doors are probed once for it.
func Probes(decision Decision, r Request, keptAt, now time.Time) []door.ProbeRequest {
	changed := changedAt(decision, r)
	ended := decision.Outcome == report.Protected || decision.Outcome == report.Compliant
	found := !keptAt.IsZero() && len(decision.Run.Done) == 0 && !keptAt.Before(changed)
	if decision.Settings.Probe != policy.ProbeOn || !ended || r.DryRun || r.ReadOnly ||
		now.Sub(changed) > decision.Settings.Propagation+probing || found {
		return nil
	}
	return door.ProbeRequests(decision.Posture)
}

// changedAt is the last known change of what the probes test: by this run, by the
// event that it handles, or as the resources say. A command changes nothing.
func changedAt(decision Decision, r Request) time.Time {
	p := decision.Posture
	times := []time.Time{decision.Run.wroteAt(), p.Service.UpdatedAt, p.Invokers.ChangedAt}
	for _, part := range p.Regions {
		times = append(times, part.Invokers.ChangedAt)
	}
	for _, backend := range p.Backends {
		times = append(times, backend.Access.ChangedAt)
	}
	if r.Cause.Command == nil {
		times = append(times, r.Cause.At)
	}
	return slices.MaxFunc(times, time.Time.Compare)
}

// Probed is a decision with the answers of the doors. Verification reads the
// configuration, so a door that lets a stranger in is open whatever that says.
// While a change may not have propagated yet, the doors are probed later instead.
type Probed struct {
	Decision Decision
	Evidence []report.Evidence
	Open     map[string]string // door address to what it answered, where it is open
	LetsIn   bool              // a stranger got in somewhere
}

// WithAnswers reads the answers of the doors.
func WithAnswers(decision Decision, r Request, answers []door.Answer, now time.Time) Probed {
	probed := Probed{Decision: decision, Open: map[string]string{}}
	for _, answer := range answers {
		at, reading := answer.To.Door, answer.Read()
		probed.Evidence = append(probed.Evidence,
			report.Evidence{What: "a request without credentials to " + at, Found: reading.Found})
		if reading.Open {
			probed.Open[at] = reading.Found
		}
	}
	if len(probed.Open) == 0 {
		return probed
	}
	probed.LetsIn = true
	at := probed.at(door.Of(decision.Posture))
	if until := changedAt(decision, r).Add(decision.Settings.Propagation); now.Before(until) {
		until = until.UTC()
		probed.Decision.Outcome, probed.Open = report.Deferred, nil
		probed.Decision.WaitingFor = &report.WaitingFor{Until: &until,
			What: fmt.Sprintf("a stranger still gets in at %s: a grant or setting may take %s to hold everywhere", at,
				decision.Settings.Propagation)}
		return probed
	}
	subject := decision.Posture.Target.Name()
	probed.Decision.Findings = append(slices.Clone(decision.Findings), protection.Finding{
		Code: protection.ProbeOpen, Severity: protection.High, Disposition: protection.Remarks, Resource: subject,
		Why: "the configuration keeps every door, and a stranger got in at " + at,
	})
	probed.Decision.Advice = append(slices.Clone(decision.Advice),
		"ask there yourself; if the application answers, close the door by hand and report it: run "+
			"iapguard doctor "+subject+" and look at what else leads there")
	return probed
}

// at names the doors that are open, in their order.
func (p Probed) at(doors []door.Door) string {
	var named []string
	for _, one := range doors {
		if _, ok := p.Open[one.Address]; ok {
			named = append(named, one.Address)
		}
	}
	return strings.Join(named, ", ")
}

// Doors returns the doors, with those that let a stranger in marked as open.
func (p Probed) Doors(doors []door.Door) []door.Door {
	doors = slices.Clone(doors)
	for i, one := range doors {
		if found, ok := p.Open[one.Address]; ok {
			doors[i].Guard, doors[i].Why = door.GuardOpen, "a request without credentials was answered: "+found
		}
	}
	return doors
}
