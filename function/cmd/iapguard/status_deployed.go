package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/function"
)

// shownOpen is how many open services the text of a status lists.
const shownOpen = 20

// deployedStatus is the JSON of what a deployment said.
type deployedStatus struct {
	Context string `json:"context"`
	function.Status
	Rules  []ruleStatus `json:"rules"`
	Queues queuesStatus `json:"queues"`
}

// unaskedStatus is the JSON of what is known of a deployment whose function did not say it.
type unaskedStatus struct {
	Context      string                 `json:"context"`
	PolicyDigest string                 `json:"policyDigest,omitempty"`
	Rules        []ruleStatus           `json:"rules"`
	Holds        []function.HoldInForce `json:"holds"`
	HoldsUnread  string                 `json:"holdsUnread"` // those that commands placed are never known
	Queues       queuesStatus           `json:"queues"`
	Unread       []string               `json:"unread"`
}

// show prints what the deployment said of itself.
func (f *inForce) show(ctx context.Context, out io.Writer, format string) error {
	rules, unread := f.policy()
	if unread != nil { // it hides nothing else
		f.status.Unread = append(f.status.Unread, strings.ReplaceAll(unread.Error(), "\n", "; "))
	}
	shown, queues := ruleStatuses(rules.Rules()), f.to.queues(ctx)
	if format == "text" {
		all := policyStatus{cmp.Or(f.status.PolicyDigest, "not known"), shown, unread != nil}
		newScreen(out).print(f.lines(all, queues, time.Now())...)
		return nil
	}
	var all any
	if f.unasked != nil {
		all = unaskedStatus{f.to.found.target.Name(), f.status.PolicyDigest, shown, append([]function.HoldInForce{}, f.status.Holds...),
			f.err.Error(), queues, append(f.status.Unread, f.unasked.Error())}
	} else {
		f.status.PolicyText = ""
		all = deployedStatus{f.to.found.target.Name(), f.status, shown, queues}
	}
	if err := json.NewEncoder(out).Encode(all); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}

func (f *inForce) lines(rules policyStatus, queues queuesStatus, now time.Time) []line {
	lines := []line{f.header(f.status.PolicyDigest)}
	if f.unasked == nil {
		lines = append(lines, f.saidLines(now)...)
	}
	lines = append(append(lines, queues.lines(now)...), f.policyLines(rules)...)
	for _, what := range f.status.Unread {
		lines = append(lines, alarm("", "not known: "+what))
	}
	if f.unasked != nil {
		lines = append(lines, alarm("", fmt.Sprintf(
			"not known: version, open and guarded services, sweeps, limits, circuit breaker: %v", f.unasked)))
	}
	return lines
}

// saidLines are what the function alone knows.
func (f *inForce) saidLines(now time.Time) []line {
	s := f.status
	version := "version " + s.Version
	if s.Revision != "" {
		version += ", revision " + s.Revision
	}
	lines := append([]line{textLine("%s", version)}, f.openLines(now)...)
	lines = append(lines, textLine("guarded: %s", counted(s.Guarded, "service")))
	if s.Overdue > 0 {
		lines = append(lines, alarm("", fmt.Sprintf("overdue: %s, the first since %s", counted(s.Overdue, "look"),
			since(s.OverdueSince, now))))
	}
	for _, place := range slices.Sorted(maps.Keys(s.Heartbeats)) {
		lines = append(lines, textLine("last heartbeat of %s: %s", place, since(s.Heartbeats[place], now)))
	}
	for _, scope := range slices.Sorted(maps.Keys(s.Sweeps)) {
		sweep := s.Sweeps[scope]
		looked := counted(sweep.Services, "service")
		if sweep.Projects > 0 {
			looked = "the services of " + counted(sweep.Projects, "project")
		}
		lines = append(lines, textLine("last sweep of %s: %s, %s", cmp.Or(scope, "all that the policy names"),
			since(sweep.At, now), looked))
	}
	if len(s.Sweeps) == 0 {
		lines = append(lines, textLine("last sweep: none is known"))
	}
	return lines
}

// policyLines are the policy with its modes, the holds and the limits.
func (f *inForce) policyLines(rules policyStatus) []line {
	s := f.status
	policy := status{Policy: rules, Unreadable: s.HoldsUnread,
		Limits: &limitsStatus{Changed: s.Changed, Breaker: s.Breaker, Closed: s.Closed}}
	if f.unasked != nil {
		policy.Limits.Unknown, policy.Unreadable = "the function did not say", ""
		policy.Problems = []string{"others may be in force: " + f.err.Error()}
	}
	if !s.PolicySince.IsZero() {
		policy.Limits.InForce = &inForceStatus{s.PolicyDigest, s.PolicySince, s.Waiting}
	}
	for _, hold := range s.Holds {
		policy.Holds = append(policy.Holds, holdStatus(hold))
	}
	return policy.lines()
}

// openLines are what is open, that which is open longest first.
func (f *inForce) openLines(now time.Time) []line {
	open := f.status.Open
	total := len(open) + f.status.OpenMore
	if total == 0 {
		return []line{{lead: "open: ", text: "nothing, of what the function has looked at", style: green}}
	}
	lines := []line{{lead: "open: ", text: counted(total, "service"), style: red}}
	for _, one := range open[:min(len(open), shownOpen)] {
		lines = append(lines, textLine("  %s %s", one.Service, since(one.Since, now)))
	}
	if more := total - min(len(open), shownOpen); more > 0 {
		lines = append(lines, textLine("  and %d more: iapguard audit lists all", more))
	}
	return lines
}

// since is a time, and how long ago that was.
func since(at, now time.Time) string {
	return fmt.Sprintf("%s (%s ago)", at.UTC().Format("2006-01-02 15:04 UTC"), ago(now.Sub(at)))
}

// ago is a length of time in the unit that a person would use.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/day)
}
