package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/function"
)

// shownOpen is how many open services the text of a status lists.
const shownOpen = 20

// deployedStatus is the JSON of what a deployment said.
type deployedStatus struct {
	Context string `json:"context"`
	function.Status
	Rules []ruleStatus `json:"rules"`
}

// show prints what the deployment said of itself.
func (f *inForce) show(out io.Writer, format string) error {
	rules, err := f.policy()
	if err != nil {
		return err
	}
	if format == "json" {
		all := deployedStatus{f.to.found.target.Name(), f.status, ruleStatuses(rules.Rules())}
		all.PolicyText = ""
		if err := json.NewEncoder(out).Encode(all); err != nil {
			return fmt.Errorf("writing the status: %w", err)
		}
		return nil
	}
	f.print(out, ruleStatuses(rules.Rules()), time.Now())
	return nil
}

func (f *inForce) print(out io.Writer, rules []ruleStatus, now time.Time) {
	s := f.status
	fmt.Fprint(out, f.header(s.PolicyDigest))
	fmt.Fprintf(out, "version %s", s.Version)
	if s.Revision != "" {
		fmt.Fprintf(out, ", revision %s", s.Revision)
	}
	fmt.Fprintln(out)
	f.printOpen(out, now)
	fmt.Fprintf(out, "guarded: %s\n", counted(s.Guarded, "service"))
	if s.Overdue > 0 {
		fmt.Fprintf(out, "! overdue: %s, the first since %s\n", counted(s.Overdue, "look"), since(s.OverdueSince, now))
	}
	for _, place := range slices.Sorted(maps.Keys(s.Heartbeats)) {
		fmt.Fprintf(out, "last heartbeat of %s: %s\n", place, since(s.Heartbeats[place], now))
	}
	for _, scope := range slices.Sorted(maps.Keys(s.Sweeps)) {
		sweep, name := s.Sweeps[scope], scope
		if name == "" {
			name = "all that the policy names"
		}
		fmt.Fprintf(out, "last sweep of %s: %s, %s\n", name, since(sweep.At, now), counted(sweep.Services, "service"))
	}
	if len(s.Sweeps) == 0 {
		fmt.Fprintln(out, "last sweep: none is known")
	}
	policy := status{Policy: policyStatus{Digest: s.PolicyDigest, Rules: rules}, Unreadable: s.HoldsUnread,
		Limits: &limitsStatus{Changed: s.Changed, Breaker: s.Breaker, Closed: s.Closed}}
	if !s.PolicySince.IsZero() {
		policy.Limits.InForce = &inForceStatus{s.PolicyDigest, s.PolicySince, s.Waiting}
	}
	for _, hold := range s.Holds {
		policy.Holds = append(policy.Holds, holdStatus(hold))
	}
	policy.print(out)
	for _, what := range s.Unread {
		fmt.Fprintf(out, "! not known: %s\n", what)
	}
}

// printOpen prints what is open, that which is open longest first.
func (f *inForce) printOpen(out io.Writer, now time.Time) {
	open := f.status.Open
	total := len(open) + f.status.OpenMore
	if total == 0 {
		fmt.Fprintln(out, "open: nothing that the function looked at")
		return
	}
	fmt.Fprintf(out, "open: %s\n", counted(total, "service"))
	for _, one := range open[:min(len(open), shownOpen)] {
		fmt.Fprintf(out, "  %s %s\n", one.Service, since(one.Since, now))
	}
	if more := total - min(len(open), shownOpen); more > 0 {
		fmt.Fprintf(out, "  and %d more: iapguard audit lists all\n", more)
	}
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
