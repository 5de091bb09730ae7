// Package stuck says what a rule wants of a service that stays open although it should be
// guarded. It is pure.
package stuck

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rule says what to do about a service that stays open although the policy wants it
// guarded: an obstacle stops the protection, it waits for something, or others undo it.
// The zero value is a rule without the key, which reports.
type Rule struct {
	After  time.Duration // how long a door may be open, from when it was first seen open
	Do     Do
	Window Window // when the service may be closed
}

// Do is what to do about a service that is stuck.
type Do string

// What to do. A service that is closed is reached through an IAP that is on, and by named
// invokers inside of the network.
const (
	Report Do = "report" // it stays open until a person acts
	Close  Do = "close"  // restrict the ingress, and remove public members
)

// Closes reports whether the service is closed in the end.
func (r Rule) Closes() bool { return r.Do == Close }

// AtLeast reports whether a service is closed no later than by another rule.
func (r Rule) AtLeast(other Rule) bool {
	return !other.Closes() ||
		r.Closes() && r.After <= other.After && (!r.Window.Bounded() || r.Window.same(other.Window))
}

// Window is a time of the week, in UTC. The zero value is any time.
type Window struct {
	Days     []time.Weekday // on which it begins, none twice; empty = each
	From, To time.Duration  // since midnight; To is later, or on the next day
}

// Bounded reports whether the window is less than any time.
func (w Window) Bounded() bool { return w.From != w.To }

func (w Window) same(other Window) bool {
	return w.From == other.From && w.To == other.To && slices.Equal(w.Days, other.Days)
}

// Next is the earliest time in the window that is not before a time.
func (w Window) Next(at time.Time) time.Time {
	if !w.Bounded() {
		return at
	}
	midnight := at.UTC().Truncate(24 * time.Hour)
	length := w.To - w.From
	if length < 0 {
		length += 24 * time.Hour
	}
	for day := -1; day <= 7; day++ {
		begins := midnight.AddDate(0, 0, day).Add(w.From)
		other := len(w.Days) > 0 && !slices.Contains(w.Days, midnight.AddDate(0, 0, day).Weekday())
		if other || !at.Before(begins.Add(length)) {
			continue
		}
		if begins.Before(at) {
			return at
		}
		return begins
	}
	return at // unreachable: each window begins within a week
}

// Describe is the window in words.
func (w Window) Describe() string {
	days := "every day"
	if len(w.Days) > 0 {
		var names []string
		for _, day := range w.Days {
			names = append(names, strings.ToLower(day.String()[:3]))
		}
		days = "on " + strings.Join(names, ", ")
	}
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return fmt.Sprintf("%s from %s to %s UTC", days, clock(w.From), clock(w.To))
}
