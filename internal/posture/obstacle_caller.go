package posture

import "fmt"

// CallerBreaks: somebody who calls the service now would be refused.
const CallerBreaks Code = "CALLER_BREAKS"

// OnBreak says what to do when callers are known that a plan would shut out.
type OnBreak string

// What to do about callers that break. Those whose fate is not known never stop
// anything: they are told. Requests stop only where that is asked for, since
// anybody could keep a service open by asking it once a day.
const (
	BreakStop           OnBreak = "stop"             // nothing is written while a configured caller breaks
	BreakStopOnRequests OnBreak = "stop-on-requests" // … or an address in the request log
	BreakProceed        OnBreak = "proceed"          // they are named
)

// CallersKept gives a finding for each caller that stops a plan. It is asked of
// judged callers only, after the plan is made: what a plan leaves alone breaks nobody.
func CallersKept(p Posture, want Wanted, judged []Caller) []Finding {
	var findings []Finding
	for _, c := range judged {
		if c.Fate != Breaks || want.Callers == BreakProceed || c.Kind == Visitor && want.Callers != BreakStopOnRequests {
			continue
		}
		findings = append(findings, Finding{
			Code: CallerBreaks, Severity: Medium, Effect: Blocks, Resource: p.Target.Name(), Subject: c.Name,
			Why:    c.String() + " would be refused: " + c.Why,
			Remedy: fmt.Sprintf("for %s: %s; or go on without it: callers: proceed in rule %s, or iapguard apply %s", c.short(), c.Cure, want.Rule, p.Target),
		})
	}
	return findings
}

// String names the caller on one line, and what it calls.
func (c Caller) String() string {
	if c.Kind == Visitor {
		return fmt.Sprintf("%s, which asked %d times for %s", c.short(), c.Requests, c.Address)
	}
	return fmt.Sprintf("%s, which calls %s", c.short(), c.Address)
}

func (c Caller) short() string {
	if c.Kind == Visitor {
		return fmt.Sprintf("visitor %s %q", c.RemoteIP, c.Name)
	}
	return string(c.Kind) + " " + c.Name
}
