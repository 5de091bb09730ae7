package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// summary counts what a matrix did and found. All matrices print the same line.
type summary struct {
	began time.Time

	mu     sync.Mutex
	cells  int
	kills  int // of processes, by SIGKILL
	missed int // cells whose call was never made
	kept   int // changes of other people that are still there
	lost   int // those that are not
	unsafe int // reports that say less than what a visitor got
	silent int // acknowledged messages without a report or a reason
	more   map[string]int
	broken []string // cells that failed
}

// newSummary counts from now on, and prints at the end of the test, after its subtests.
func newSummary(t *testing.T, name string) *summary {
	s := &summary{began: time.Now(), more: map[string]int{}}
	t.Cleanup(func() { fmt.Println(name + ": " + s.String()) })
	return s
}

func (s *summary) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("%d cells (%d never reached), %d failed, %d kills, foreign changes %d kept and %d lost, "+
		"%d unsafe answers, %d silent acknowledgements, %s", s.cells, s.missed, len(s.broken), s.kills, s.kept, s.lost,
		s.unsafe, s.silent, time.Since(s.began).Round(time.Second))
	for _, what := range slices.Sorted(maps.Keys(s.more)) {
		line += fmt.Sprintf(", %d %s", s.more[what], what)
	}
	return line
}

// count adds to a figure of one matrix.
func (s *summary) count(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.more[what] += n
}

// add counts a cell that was judged, and fails its test for every complaint.
func (s *summary) add(t *testing.T, w *world, reached bool) {
	t.Helper()
	complaints := w.judged()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells++
	s.kills += int(w.kills.Load())
	s.unsafe, s.silent = s.unsafe+w.found.unsafe, s.silent+w.found.silent
	s.kept, s.lost = s.kept+w.found.kept, s.lost+w.found.lost
	if !reached {
		s.missed++
	}
	if len(complaints) > 0 {
		s.broken = append(s.broken, t.Name())
		t.Errorf("%s\nreports: %s\nlog:\n%s", strings.Join(complaints, "\n"), w.outcomeList(), w.log.short())
	}
}
