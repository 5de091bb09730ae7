package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// sums counts services by outcome, and the steps that are taken, over several reports.
type sums struct {
	outcomes map[report.Outcome]int
	steps    int
	exposed  int
}

func (s *sums) add(r report.Report) {
	if s.outcomes == nil {
		s.outcomes = map[report.Outcome]int{}
	}
	s.outcomes[r.Outcome]++
	for _, step := range r.Steps {
		if r.WouldAct || step.Result == report.StepDone {
			s.steps++
		}
	}
	if r.Exposed == door.Yes {
		s.exposed++
	}
}

func (s *sums) services() int {
	n := 0
	for _, count := range s.outcomes {
		n += count
	}
	return n
}

func (s sums) String() string {
	var parts []string
	for _, outcome := range slices.Sorted(maps.Keys(s.outcomes)) {
		parts = append(parts, strconv.Itoa(s.outcomes[outcome])+" "+string(outcome))
	}
	return fmt.Sprintf("%s: %s; %s; %s with an open door", counted(s.services(), "service"), strings.Join(parts, ", "),
		counted(s.steps, "step"), strconv.Itoa(s.exposed))
}

// stepsText summarises a plan: how many steps of each kind, and how many wait.
func stepsText(steps []report.Step) string {
	done := map[string]int{}
	later, first := 0, time.Time{}
	for _, step := range steps {
		done[plan.SymbolOf(plan.Op(step.Op))]++
		if step.NotBefore != nil {
			later++
			if first.IsZero() || step.NotBefore.Before(first) {
				first = *step.NotBefore
			}
		}
	}
	var parts []string
	for _, each := range []struct{ symbol, words string }{{"+", "to add"}, {"~", "to change"}, {"-", "to take away"}} {
		if n := done[each.symbol]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, each.words))
		}
	}
	text := counted(len(steps), "step") + ", " + strings.Join(parts, ", ")
	if later > 0 {
		text += fmt.Sprintf("; %d not before %s", later, first.Format(time.RFC3339))
	}
	return text
}

// counted returns a number with its noun: 1 step, 2 steps.
func counted(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"): // an address
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
