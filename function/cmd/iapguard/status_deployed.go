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
		f.print(out, policyStatus{cmp.Or(f.status.PolicyDigest, "not known"), shown, unread != nil}, queues, time.Now())
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

func (f *inForce) print(out io.Writer, rules policyStatus, queues queuesStatus, now time.Time) {
	fmt.Fprint(out, f.header(f.status.PolicyDigest))
	if f.unasked == nil {
		f.printSaid(out, now)
	}
	queues.print(out, now)
	f.printPolicy(out, rules)
	for _, what := range f.status.Unread {
		fmt.Fprintf(out, "! not known: %s\n", what)
	}
	if f.unasked != nil {
		fmt.Fprintf(out, "! not known: version, open and guarded services, sweeps, limits, circuit breaker: %v\n", f.unasked)
	}
}

// printSaid prints what the function alone knows.
func (f *inForce) printSaid(out io.Writer, now time.Time) {
	s := f.status
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
}

// printPolicy prints the policy with its modes, the holds and the limits.
func (f *inForce) printPolicy(out io.Writer, rules policyStatus) {
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
	policy.print(out)
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
