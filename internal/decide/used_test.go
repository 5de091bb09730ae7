package decide

import (
	"errors"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
)

// pushed is a service that a push subscription calls.
func pushed() *situation {
	s := deployed()
	s.facts.Callers.Found = pushing(s.facts.Posture)
	return s
}

func TestOnlyCallersThatCalledStopAStep(t *testing.T) {
	name := pushing(deployed().facts.Posture)[0].Name
	for _, tc := range []struct {
		name  string
		used  *Used
		stops bool
	}{
		{"it called", &Used{Names: map[string]bool{name: true}}, true},
		{"it did not call", &Used{Names: map[string]bool{name: false}}, false},
		{"nobody looked", &Used{Names: map[string]bool{}}, true},
		{"the log cannot be read", &Used{Unread: &fault.Error{Kind: fault.Denied, Permission: "p", Err: errors.New("denied")}}, true},
	} {
		s := pushed()
		s.facts.Used = tc.used
		got := s.decide()
		if stops := !got.Plan.Has(revokePublic); stops != tc.stops {
			t.Errorf("%s: the public stays %t, want %t", tc.name, stops, tc.stops)
		}
		if unread := len(got.Run.Unread) > 0; unread != (tc.used.Unread != nil) {
			t.Errorf("%s: unread %v", tc.name, got.Run.Unread)
		}
		if one := got.Run.Judged[0]; one.Unused == tc.stops || one.Impact != caller.Breaks {
			t.Errorf("%s: told as %+v", tc.name, one)
		}
	}
}

func TestCallersMustHaveCalledBeforeTheFirstLook(t *testing.T) {
	seen := noon.Add(-time.Hour)
	for _, tc := range []struct {
		name  string
		known *memory.Service
		want  time.Time
	}{
		{"seen an hour ago", &memory.Service{FirstSeen: seen}, seen},
		{"seen now", nil, noon},
		{"seen tomorrow, says the memory", &memory.Service{FirstSeen: noon.Add(24 * time.Hour)}, noon},
	} {
		s := pushed()
		s.facts.Memory = tc.known
		if got := s.decide().Needs.Used; got == nil || !got.Before.Equal(tc.want) || len(got.Callers) != 1 {
			t.Errorf("%s: needs %+v", tc.name, got)
		}
	}
}

func TestOnlyWhatStopsAStepIsLookedFor(t *testing.T) {
	for name, change := range map[string]func(*situation){
		"callers may break": func(s *situation) { s.rules.settings.Callers = policy.BreakProceed },
		"visitors are known by their requests": func(s *situation) {
			s.rules.settings.Callers = policy.BreakStopOnRequests
			s.facts.Callers.Found[0].Kind, s.facts.Callers.Found[0].RemoteIP = caller.Visitor, "198.51.100.7"
		},
		"it breaks by nothing": func(s *situation) { s.protected() },
	} {
		s := pushed()
		change(s)
		if got := s.decide().Needs.Used; got != nil {
			t.Errorf("%s: needs %+v", name, got)
		}
	}
}
