package oracle

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/test/oracle/estate"
	"github.com/iapguard/iapguard/test/oracle/judge"
	"github.com/iapguard/iapguard/test/seed"
)

var (
	estates = flag.Int("estates", 200, "how many estates are built and judged")
	seedOf  = seed.Flag(0, "seed of the estates")
	stories = flag.Int64("stories", 5, "how many failing estates are described")
	alarms  = flag.Int("alarms", 0, "1: say why nobody gets in at doors that are said to be open, each reason alone")
)

// verdict is what came of one estate.
type verdict struct {
	complaints []string
	reports    []judge.Report
	entries    []judge.Entry
	alarms     []alarm
}

// alarm is a door that is said to be open, where nobody gets in.
type alarm struct{ door, why string }

// try builds an estate, knocks at its doors and audits it.
func (w *world) try(ctx context.Context, e estate.Estate) (verdict, error) {
	entries, err := w.visits(e)
	if err != nil {
		return verdict{}, err
	}
	reports, err := w.audit(ctx)
	if err != nil {
		return verdict{}, fmt.Errorf("auditing: %w", err)
	}
	found := verdict{judge.Judge(e, entries, reports), reports, entries, nil}
	if len(found.complaints) == 0 && *alarms > 0 {
		err = w.explain(e, &found)
	}
	return found, err
}

// unexplained is the reason of an alarm that there is none for.
const unexplained = "no reason"

// explain finds out why nobody gets in at doors that are said to be open: what it is
// without which somebody does.
func (w *world) explain(e estate.Estate, found *verdict) error {
	untrue := judge.Untrue(found.entries, found.reports)
	if len(untrue) == 0 {
		return nil
	}
	left := map[string][]string{}
	for what, looser := range e.Loosened() {
		entries, err := w.visits(looser)
		if err != nil {
			return err
		}
		left[what] = judge.Untrue(entries, found.reports)
	}
	for _, door := range untrue {
		why := unexplained
		if strings.Contains(door, judge.Mirrored) {
			why = "copies of requests whose host a URL mask may not take"
		}
		if !slices.Contains(left[""], door) {
			why = "several reasons"
		}
		for what, doors := range left {
			if what != "" && !slices.Contains(doors, door) {
				why = what
			}
		}
		found.alarms = append(found.alarms, alarm{door, why})
	}
	return nil
}

// visits builds an estate and returns who gets in where. Of those that share requests,
// each gets them once; the estate itself stands in the end.
func (w *world) visits(e estate.Estate) (entries []judge.Entry, err error) {
	turned := e.Turned()
	if *alarms == 0 && len(turned) > 1 && !e.MultiRegion() {
		turned = turned[len(turned)-1:] // all are turned in it
	}
	for _, variant := range append(turned, e) {
		if err := w.Build(variant); err != nil {
			return nil, fmt.Errorf("building the estate: %w", err)
		}
		more, err := w.Knock(variant)
		if err != nil {
			return nil, fmt.Errorf("knocking: %w", err)
		}
		entries = append(entries, more...)
	}
	return entries, nil
}

// fails reports whether an estate breaks a promise, for shrinking.
func (w *world) fails(e estate.Estate) bool {
	found, err := w.try(context.Background(), e)
	return err == nil && len(found.complaints) > 0
}

// story describes a failing estate as small as it can be.
func (w *world) story(e estate.Estate) string {
	small := estate.Shrink(e, w.fails)
	found, err := w.try(context.Background(), small)
	return fmt.Sprintf("%s\n%s\nerror: %v", small, strings.Join(found.complaints, "\n"), err)
}

// tally counts over all estates.
type tally struct {
	mu       sync.Mutex
	guards   map[string]map[string]int // by feature and guard: estates
	estates  int
	unknown  int // estates with something that is not known
	doors    int
	untrue   map[string]int // doors that are said to be open, where nobody got in, by reason
	entries  map[judge.Visitor]int
	examples []string // of what is not known
	alarms   []string // doors that are said to be open, where nobody got in for no reason
}

func (c *tally) count(e estate.Estate, found verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.estates++
	for _, alarm := range found.alarms {
		if c.untrue[alarm.why]++; alarm.why == unexplained && len(c.alarms) < 5 {
			c.alarms = append(c.alarms, fmt.Sprintf("%s\n%s", alarm.door, e))
		}
	}
	for _, entry := range found.entries {
		c.entries[entry.Visitor]++
	}
	seen := map[string]bool{}
	why := ""
	for _, r := range found.reports {
		c.doors += len(r.Doors)
		for _, d := range r.Doors {
			seen[d.Guard] = true
			if d.Guard == "unknown" {
				why = d.Address + ": " + d.Why
			}
		}
		if r.Exposed == "unknown" || r.Error != "" {
			seen["unknown"] = true
			why += r.Error
		}
	}
	if seen["unknown"] {
		c.unknown++
		if len(c.examples) < 5 {
			c.examples = append(c.examples, why)
		}
	}
	for _, feature := range e.Features() {
		if c.guards[feature] == nil {
			c.guards[feature] = map[string]int{}
		}
		for guard := range seen {
			c.guards[feature][guard]++
		}
	}
}

// known are the guards that every feature must be seen with in a big run.
var known = []string{"open", "anyone-signed-in", "iap", "iam", "ingress", "closed"}

// bigRun is from how many estates on no count may be zero.
const bigRun = 2000

func (c *tally) print(t *testing.T) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%-40s %9s", "estates with", strings.Join(known, " "))
	features := make([]string, 0, len(c.guards))
	for feature := range c.guards {
		features = append(features, feature)
	}
	slices.Sort(features)
	for _, feature := range features {
		fmt.Fprintf(&text, "\n%-40s", feature)
		for _, guard := range known {
			count := c.guards[feature][guard]
			fmt.Fprintf(&text, " %*d", len(guard), count)
			if count == 0 && c.estates >= bigRun {
				t.Errorf("no estate with %q has a door that is %q: the generator does not reach it", feature, guard)
			}
		}
	}
	t.Logf("%s\n%d estates, %d doors, visits that got in: %v; unknown: %d estates; "+
		"said to be open, nobody gets in, by reason (with -alarms 1): %v\n%s", text.String(), c.estates, c.doors, c.entries, c.unknown, c.untrue,
		strings.Join(append(c.examples, c.alarms...), "\n"))
}

// each runs work for the numbers below n, in worlds of their own side by side. Every
// third one is in a world in which what is not documented of Google is otherwise, and in
// which the API calls are held against Google's discovery documents.
func each(t *testing.T, n int, work func(w *world, i int)) {
	t.Helper()
	var next atomic.Int64
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		usual := newWorld(t, localcloud.Options{})
		beliefs := belief.Otherwise()
		beliefs.RefusePublicMembers = false // most estates would lose what opens them
		otherwise := newWorld(t, localcloud.Options{Discovery: discovery.Judge(t), Beliefs: beliefs})
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if i%3 == 2 {
					work(otherwise, i)
				} else {
					work(usual, i)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // no work fails
}

func TestEstatesAreShownNoBetterThanTheyAre(t *testing.T) {
	from := seedOf(t)
	counts := &tally{guards: map[string]map[string]int{}, entries: map[judge.Visitor]int{}, untrue: map[string]int{}}
	var failed atomic.Int64
	each(t, *estates, func(w *world, i int) {
		if failed.Load() >= *stories && w.program == nil {
			return
		}
		e := estate.Generate(from, i)
		found, err := w.try(t.Context(), e)
		switch {
		case err != nil:
			failed.Add(1)
			t.Errorf("estate %d of seed %d: %v\n%s", i, from, err, e)
		case len(found.complaints) > 0 && failed.Add(1) > *stories:
			t.Errorf("estate %d of seed %d: %s", i, from, found.complaints[0])
		case len(found.complaints) > 0:
			t.Errorf("estate %d of seed %d:\n%s", i, from, w.story(e))
		default:
			counts.count(e, found)
		}
	})
	counts.print(t)
	t.Logf("%d estates fail", failed.Load())
	if allowed := max(1, counts.estates/100); counts.unknown > allowed {
		t.Errorf("%d of %d estates are unknown although everything can be read, want at most %d", counts.unknown,
			counts.estates, allowed)
	}
	if counts.entries[judge.Nobody] == 0 || counts.entries[judge.Stranger] == 0 || counts.entries[judge.Named] == 0 {
		t.Errorf("visits that got in: %v: the judge does not knock as everybody", counts.entries)
	}
}
