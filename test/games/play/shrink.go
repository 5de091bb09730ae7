package play

import (
	"slices"
	"time"
)

// Smaller yields games that lack one part of this one.
func (g Game) Smaller(yield func(Game) bool) {
	for i := range g.Moves {
		smaller := g
		smaller.Moves = slices.Delete(slices.Clone(g.Moves), i, i+1)
		if i < len(g.Moves)-1 {
			smaller.Moves[i].Pause += g.Moves[i].Pause // the others stay when they were
		}
		if !yield(smaller) {
			return
		}
	}
	for i, s := range g.Services {
		smaller := g
		smaller.Services = slices.Delete(slices.Clone(g.Services), i, i+1)
		smaller.Moves = slices.DeleteFunc(slices.Clone(g.Moves), func(m Move) bool { return m.Service == s.Name })
		if len(smaller.Services) > 0 && !yield(smaller) {
			return
		}
		for _, plainer := range s.smaller() {
			smaller := g
			smaller.Services = slices.Clone(g.Services)
			smaller.Services[i] = plainer
			if !yield(smaller) {
				return
			}
		}
	}
	for i := range g.Moves {
		for _, plainer := range g.Moves[i].smaller() {
			smaller := g
			smaller.Moves = slices.Clone(g.Moves)
			smaller.Moves[i] = plainer
			if !yield(smaller) {
				return
			}
		}
	}
	for _, plain := range []func(*Game){
		func(g *Game) { g.Private = "" }, func(g *Game) { g.Stuck = false }, func(g *Game) { g.Delay = 0 },
		func(g *Game) { g.Instances = 1 }, func(g *Game) { g.Approve = false }, func(g *Game) { g.Slow = 0 },
	} {
		smaller := g
		if plain(&smaller); smaller.String() != g.String() && !yield(smaller) {
			return
		}
	}
}

// smaller are services that lack one trait of this one.
func (s Service) smaller() []Service {
	var all []Service
	add := func(plain func(*Service)) {
		smaller := s
		if plain(&smaller); smaller != s {
			all = append(all, smaller)
		}
	}
	add(func(s *Service) { s.Invoker, s.Used = false, false })
	add(func(s *Service) { s.Used = false })
	add(func(s *Service) { s.Accessor = "" })
	add(func(s *Service) { s.Ingress = "" })
	add(func(s *Service) { s.Guarded = false })
	add(func(s *Service) { s.Public = false })
	add(func(s *Service) { s.Absent = false })
	add(func(s *Service) { s.Balanced, s.Guarded, s.Accessor = false, false, "" })
	return all
}

// smaller are moves that need less coincidence than this one.
func (m Move) smaller() []Move {
	var all []Move
	if m.When != AtOnce {
		plain := m
		plain.When = AtOnce
		all = append(all, plain)
	}
	if m.Pause > time.Second {
		shorter := m
		shorter.Pause = time.Second
		all = append(all, shorter)
	}
	return all
}

// mostTries bounds how many games Shrink plays.
const mostTries = 150

// Shrink takes parts away as long as what is left fails.
func Shrink(g Game, fails func(Game) bool) Game {
	tries := 0
	for again := true; again; {
		again = false
		for smaller := range g.Smaller {
			if tries++; tries > mostTries {
				return g
			}
			if fails(smaller) {
				g, again = smaller, true
				break
			}
		}
	}
	return g
}
