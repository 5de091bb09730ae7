package memory

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// ServiceID names one Cloud Run service. A service that was deleted and made
// again has the same target and another UID.
type ServiceID struct {
	Target posture.Target
	UID    string // "" = not known; the record is then taken as it is
}

// Service is what is remembered of one Cloud Run service.
type Service struct {
	Header
	Name string `json:"name"` // projects/P/locations/L/services/S
	UID  string `json:"uid"`
	// FirstSeen is when this uid was first observed.
	FirstSeen time.Time `json:"firstSeen,omitzero"`
	// GuardedSince is when every door was first found guarded by IAP; zero = never.
	// A service made again inherits it.
	GuardedSince time.Time `json:"guardedSince,omitzero"`
	// DeletedAt is when the service was found deleted; zero = it was not.
	DeletedAt   time.Time    `json:"deletedAt,omitzero"`
	Predecessor *Predecessor `json:"predecessor,omitempty"`

	// Doors are those that were open when they were last seen.
	Doors []Door `json:"doors,omitempty"`
	// OthersOpenSince is the earliest OpenSince of the open doors that were dropped
	// for size. It counts for every open door that is not listed, so junk doors
	// cannot restart a clock.
	OthersOpenSince time.Time  `json:"othersOpenSince,omitzero"`
	Undone          []Undo     `json:"undone,omitempty"`
	Wrote           []Write    `json:"wrote,omitempty"`
	Bindings        []Binding  `json:"bindings,omitempty"`
	Run             *Run       `json:"run,omitempty"` // the open run; nil = there is none
	Approvals       []Approval `json:"approvals,omitempty"`
}

// Predecessor is the service of the same name and another uid that was there
// before.
type Predecessor struct {
	UID       string    `json:"uid"`
	WrittenAt time.Time `json:"writtenAt"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
}

// Door is an open door. Its key names kind, address and frontend.
type Door struct {
	Key       string    `json:"key"`
	OpenSince time.Time `json:"openSince"` // when it was first seen open
}

// Undo is one time that somebody undid a field of ours.
type Undo struct {
	Field string    `json:"field"` // resource and field
	By    string    `json:"by,omitempty"`
	Tool  string    `json:"tool,omitempty"` // what the writer claims to be: its user agent
	At    time.Time `json:"at"`
}

// Write is a write of ours. Of one operation, resource, field and value the last
// one is kept.
type Write struct {
	Run      string    `json:"run"`
	Op       string    `json:"op"`
	Resource string    `json:"resource"`
	Field    string    `json:"field,omitempty"`
	Value    string    `json:"value,omitempty"`   // what was written
	Version  string    `json:"version,omitempty"` // of the resource after the write; "" = the API does not return it
	At       time.Time `json:"at"`
}

// Binding is a member of an IAM policy and when we first saw it there, or wrote
// it. It stays when the member goes, so removing and adding a member does not
// restart a wait.
type Binding struct {
	Resource  string    `json:"resource"`
	Role      string    `json:"role"`
	Member    string    `json:"member"`
	Condition string    `json:"condition,omitempty"`
	FirstSeen time.Time `json:"firstSeen"`
}

// Run is a run that has begun and not ended. A message that is delivered again
// joins it.
type Run struct {
	ID      string    `json:"id"`
	PlanIDs []string  `json:"planIds,omitempty"`
	Since   time.Time `json:"since"`
}

// Approval is a person's consent to one plan. It serves once.
type Approval struct {
	PlanID  string    `json:"planId"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires"`
	UsedAt  time.Time `json:"usedAt,omitzero"`
}

// SeeGuarded notes that every door was found guarded. It reports whether that
// is news.
func (s *Service) SeeGuarded(at time.Time) bool {
	if !s.GuardedSince.IsZero() {
		return false
	}
	s.GuardedSince = at
	return true
}

// SeeDoors notes which doors were found open and which closed, by key. A door in
// neither list keeps its clock: it starts when the door is first seen open and
// stops only when it is seen closed. SeeDoors reports whether that is news.
func (s *Service) SeeDoors(at time.Time, open, closed []string) bool {
	before := len(s.Doors)
	s.Doors = slices.DeleteFunc(s.Doors, func(d Door) bool { return slices.Contains(closed, d.Key) })
	changed := len(s.Doors) != before
	unlisted := slices.DeleteFunc(slices.Clone(open), func(key string) bool {
		return slices.ContainsFunc(s.Doors, func(d Door) bool { return d.Key == key })
	})
	switch {
	case s.OthersOpenSince.IsZero():
		for _, key := range unlisted {
			s.Doors, changed = append(s.Doors, Door{key, at}), true
		}
	case len(unlisted) == 0:
		s.OthersOpenSince, changed = time.Time{}, true
	}
	return changed
}

// OpenSince is since when a door that is open now was seen open, zero where this
// is not known.
func (s *Service) OpenSince(key string) time.Time {
	for _, door := range s.Doors {
		if door.Key == key {
			return door.OpenSince
		}
	}
	return s.OthersOpenSince
}

// AddUndo notes that a field was undone. It reports whether that is news: one
// write of somebody's undoes a field once.
func (s *Service) AddUndo(undo Undo) bool {
	undo.By, undo.Tool = clip(undo.By), clip(undo.Tool)
	if slices.ContainsFunc(s.Undone, func(u Undo) bool { return u.Field == undo.Field && u.At.Equal(undo.At) }) {
		return false
	}
	s.Undone = append(s.Undone, undo)
	return true
}

// Rounds are the times that a field was undone after since, oldest first.
func (s *Service) Rounds(field string, since time.Time) []Undo {
	rounds := slices.DeleteFunc(slices.Clone(s.Undone), func(u Undo) bool { return u.Field != field || !u.At.After(since) })
	slices.SortStableFunc(rounds, func(a, b Undo) int { return a.At.Compare(b.At) })
	return rounds
}

// AddWrite notes a write of ours.
func (s *Service) AddWrite(write Write) bool {
	write.Value = clip(write.Value)
	same := func(w Write) bool {
		return w.Op == write.Op && w.Resource == write.Resource && w.Field == write.Field && w.Value == write.Value
	}
	if slices.Contains(s.Wrote, write) {
		return false
	}
	s.Wrote = append(slices.DeleteFunc(s.Wrote, same), write)
	return true
}

// SeeBinding notes when a binding was first seen. A known one keeps its time.
func (s *Service) SeeBinding(seen Binding) bool {
	if !s.BindingSince(seen).IsZero() {
		return false
	}
	s.Bindings = append(s.Bindings, seen)
	return true
}

// BindingSince is when a binding was first seen, zero where it was not.
func (s *Service) BindingSince(of Binding) time.Time {
	for _, b := range s.Bindings {
		of.FirstSeen = b.FirstSeen
		if b == of {
			return b.FirstSeen
		}
	}
	return time.Time{}
}

// Redeem uses up the approval of a plan, and reports whether there was one.
func (s *Service) Redeem(planID string, at time.Time) bool {
	for i, a := range s.Approvals {
		if a.PlanID == planID && a.UsedAt.IsZero() && at.Before(a.Expires) {
			s.Approvals[i].UsedAt = at
			return true
		}
	}
	return false
}

// as is the record of the service that has this uid now. A service made again
// inherits that it was guarded, and nothing else.
func (s Service) as(id ServiceID) Service {
	if s.Name == "" {
		s.Name = id.Target.Name()
	}
	switch {
	case id.UID == "" || id.UID == s.UID:
		return s
	case s.UID == "" && s.Predecessor == nil:
		s.UID = id.UID
		return s
	}
	return Service{
		Header: Header{Sequence: s.Sequence, WrittenAt: s.WrittenAt}, Name: s.Name, UID: id.UID, GuardedSince: s.GuardedSince,
		Predecessor: &Predecessor{UID: s.UID, WrittenAt: s.WrittenAt, DeletedAt: s.DeletedAt},
	}
}

// shrink drops the oldest entries of the largest lists, of the approvals those
// first that are used or expired. Of the doors it drops those that opened last,
// whose clock goes on in OthersOpenSince.
func (s *Service) shrink(excess int) bool {
	spent := func(a Approval) int {
		if !a.UsedAt.IsZero() || s.WrittenAt.After(a.Expires) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(s.Approvals, func(a, b Approval) int { return spent(a) - spent(b) })
	doors := sizesOf(s.Doors)
	slices.Reverse(doors)
	_, dropped := shrink(excess, list{doors, s.dropDoors}, listOf(&s.Undone), listOf(&s.Wrote), listOf(&s.Bindings), listOf(&s.Approvals))
	return dropped
}

func (s *Service) dropDoors(n int) {
	kept := len(s.Doors) - n
	for _, door := range s.Doors[kept:] {
		if s.OthersOpenSince.IsZero() || door.OpenSince.Before(s.OthersOpenSince) {
			s.OthersOpenSince = door.OpenSince
		}
	}
	s.Doors = s.Doors[:kept]
}

func (s *Service) header() *Header { return &s.Header }
func (*Service) limit() int        { return maxRecord }
