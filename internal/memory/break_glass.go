package memory

import (
	"slices"
	"time"
)

// BreakGlass is a field that an account opened on purpose, as its rule allows. It is left as it
// is until a time.
type BreakGlass struct {
	Field string    `json:"field"` // as in Undo
	By    string    `json:"by"`
	At    time.Time `json:"at"`    // when they wrote it, by the audit log
	Until time.Time `json:"until"` // when it is closed again, or a person ended it
}

// glassKept is for how long an entry is kept: the audit log shows the write for as long.
const glassKept = 24 * time.Hour

// SeeBreakGlass notes that a field was opened on purpose. A known entry stays as it is, so one
// that a person ended does not begin again. It reports whether the record changed.
func (s *Service) SeeBreakGlass(seen BreakGlass, now time.Time) bool {
	seen.By, seen.At, seen.Until = clip(seen.By), seen.At.UTC().Round(0), seen.Until.UTC().Round(0)
	if slices.ContainsFunc(s.BreakGlass, func(b BreakGlass) bool { return b.Field == seen.Field && b.At.Equal(seen.At) }) {
		return false
	}
	s.BreakGlass = append(slices.DeleteFunc(s.BreakGlass,
		func(b BreakGlass) bool { return now.Sub(b.At) > glassKept }), seen)
	return true
}

// EndBreakGlass ends what was opened on purpose: it is closed again at once. It reports whether
// anything was.
func (s *Service) EndBreakGlass(now time.Time) bool {
	ended := false
	for i, each := range s.BreakGlass {
		if each.Until.After(now) {
			s.BreakGlass[i].Until, ended = now.UTC().Round(0), true
		}
	}
	return ended
}
