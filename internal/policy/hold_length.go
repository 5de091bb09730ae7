package policy

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// How long holds last. A hold that lasts for good would be an exemption without an
// owner.
const (
	// longestHold bounds a hold of a project or below, unless the policy sets holds.longest.
	longestHold = 7 * 24 * time.Hour
	// longestAbove bounds a hold of a folder or an organization, whatever the policy says.
	longestAbove = 24 * time.Hour
	// mostHeld of any heldWithin is how long one scope is held at most. It bounds
	// holds.longest too.
	mostHeld   = 14 * 24 * time.Hour
	heldWithin = 30 * 24 * time.Hour
)

// LongestHold is how long a hold of a project, or of a part of one, lasts at most.
func (p Policy) LongestHold() time.Duration {
	if p.longestHold == 0 {
		return longestHold
	}
	return p.longestHold
}

// holds reads what the policy says about holds.
func (r *reader) holds(into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.mapping(n, "holds", keys{"longest": func(n *yaml.Node) {
			r.days("holds.longest", into)(n)
			if *into > mostHeld {
				r.complain(n, "holds.longest is %s: write at most %s: a scope is held for at most %s in any %s", shown(n),
					inDays(mostHeld), inDays(mostHeld), inDays(heldWithin))
			}
		}}, "longest")
	}
}

// longest is how long a hold lasts at most; below is the bound of holds below a folder.
func (h Hold) longest(below time.Duration) time.Duration {
	if h.Above != "" {
		return longestAbove
	}
	return below
}

// CheckLength returns what is wrong with how long a hold is to last, in one line, or nil. flag
// is by which the length was given.
func (h Hold) CheckLength(flag string, length, longest time.Duration) error {
	switch most := h.longest(longest); {
	case length <= most:
		return nil
	case h.Above != "":
		return fmt.Errorf("a hold on %s, above projects, lasts at most 24h, not %s: write %s 24h, or hold its projects",
			h.Name(), length, flag)
	default:
		return fmt.Errorf("a hold on %s lasts at most %gh (%s), not %s: write %s %gh, or longest under holds in the policy "+
			"(at most %s), and name the policy", h.Name(), most.Hours(), inDays(most), length, flag, most.Hours(), inDays(mostHeld))
	}
}

// Notices are when the end of a hold is announced: an hour before it, and a day before that
// of a long one.
func (h Hold) Notices() []time.Time {
	var at []time.Time
	for _, before := range []time.Duration{24 * time.Hour, time.Hour} {
		if h.Until.Sub(h.Since) > 2*before {
			at = append(at, h.Until.Add(-before))
		}
	}
	return at
}

// Adding returns the holds with one more, as With does, or an error where its scope was held
// for too long already.
func (h Holds) Adding(hold Hold, longest time.Duration, now time.Time) (Holds, error) {
	added := h.With(hold)
	stored := added.following(h, now).Bounded(longest, func(Hold) time.Time { return now })
	for _, each := range stored.list {
		if each.Name() == hold.Name() && each.Line == 0 && each.Cut != "" {
			left := each.Until.Sub(each.Since).Truncate(time.Minute)
			if left <= 0 {
				return h, fmt.Errorf("%s was held for %s within %s, and longer it cannot be held: hold its services, or "+
					"exempt them in the policy", hold.Name(), inDays(mostHeld), inDays(heldWithin))
			}
			return h, fmt.Errorf("%s is held for at most %s in any %s, and was held before: write --for %s", hold.Name(),
				inDays(mostHeld), inDays(heldWithin), inDays(left))
		}
	}
	return added, nil
}

// Bounded returns the holds with the ends that count. A hold ends at the latest when the
// longest time has passed since it began, and when its scope was held for 14 of 30 days.
// longest is LongestHold of the policy. seen gives when a hold was first seen: it counts
// where the file does not say an earlier time. What the file no longer has is not counted.
func (h Holds) Bounded(longest time.Duration, seen func(Hold) time.Time) Holds {
	list := slices.Clone(h.list)
	for i, hold := range list {
		if first := seen(hold); hold.Since.IsZero() || hold.Since.After(first) {
			list[i].Since = first
		}
	}
	slices.SortStableFunc(list, func(a, b Hold) int { return a.Since.Compare(b.Since) })
	earlier := map[string][]Hold{}
	for i := range list {
		hold := &list[i]
		hold.shorten(hold.Since.Add(hold.longest(longest)), "a hold on "+hold.Name()+" lasts at most "+
			inDays(hold.longest(longest)))
		hold.shorten(lastOf(*hold, earlier[hold.Name()]), fmt.Sprintf("%s is held for at most %s in any %s", hold.Name(),
			inDays(mostHeld), inDays(heldWithin)))
		earlier[hold.Name()] = append(earlier[hold.Name()], *hold)
	}
	return Holds{list}
}

// shorten has a hold end by a time, and says why.
func (h *Hold) shorten(by time.Time, why string) {
	if !h.Until.After(by) {
		return
	}
	h.Cut = fmt.Sprintf("%sthe hold on %s names %s as its end, and ends at %s: %s; write an earlier until",
		h.place(), h.Name(), h.asked().Format(time.RFC3339), by.UTC().Format(time.RFC3339), why)
	h.Asked, h.Until = h.asked(), by
}

// asked is the end that the file names.
func (h Hold) asked() time.Time {
	if h.Asked.IsZero() {
		return h.Until.UTC()
	}
	return h.Asked
}

// place is where the hold stands in its file, before a sentence.
func (h Hold) place() string {
	if h.Line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d: ", h.Line)
}

// lastOf returns until when a hold may last beside earlier ones of the same scope, by
// mostHeld, to the second.
func lastOf(hold Hold, earlier []Hold) time.Time {
	length := max(0, hold.Until.Sub(hold.Since))
	seconds := sort.Search(int(length/time.Second)+1, func(n int) bool {
		lasts := time.Duration(n) * time.Second
		return lasts+heldBetween(earlier, hold.Since.Add(lasts-heldWithin), hold.Since) > mostHeld
	})
	if seconds > int(length/time.Second) {
		return hold.Until
	}
	return hold.Since.Add(time.Duration(max(0, seconds-1)) * time.Second)
}

// heldBetween is how long at least one of the holds lasts between two times. They are
// sorted by when they began.
func heldBetween(holds []Hold, from, to time.Time) time.Duration {
	var total time.Duration
	for _, hold := range holds {
		begins, ends := hold.Since, hold.Until
		if begins.Before(from) {
			begins = from
		}
		if ends.After(to) {
			ends = to
		}
		if ends.After(begins) {
			total += ends.Sub(begins)
			from = ends
		}
	}
	return total
}

// Problems returns what is wrong with bounded holds at a time, a line each: an end that is
// later than allowed, one that has passed in a hold written by hand, and two holds on the
// same scope.
func (h Holds) Problems(now time.Time) []string {
	var lines []string
	inForce := map[string]Hold{}
	for _, hold := range h.list {
		other, twice := inForce[hold.Name()]
		switch {
		case !hold.Until.After(hold.Since) && hold.Cut == "":
			lines = append(lines, fmt.Sprintf("%sthe hold on %s ended at %s, before it was seen: it holds nothing; take it out, or "+
				"write a later until", hold.place(), hold.Name(), hold.Until.UTC().Format(time.RFC3339)))
		case hold.Cut != "" && hold.Asked.After(now):
			lines = append(lines, hold.Cut)
		}
		if !now.Before(hold.Until) {
			continue
		}
		if twice {
			last := slices.MaxFunc([]Hold{other, hold}, func(a, b Hold) int { return a.Until.Compare(b.Until) })
			lines = append(lines, fmt.Sprintf("%sthere is another hold on %s: the one until %s counts; take the other out",
				hold.place(), hold.Name(), last.Until.UTC().Format(time.RFC3339)))
		}
		inForce[hold.Name()] = hold
	}
	return lines
}

// inDays writes whole days as such.
func inDays(d time.Duration) string {
	switch days := d / (24 * time.Hour); {
	case d == 24*time.Hour:
		return "24 h"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", days)
	}
	return strings.TrimSuffix(d.String(), "0s")
}
