package memory

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// ServiceID names one Cloud Run service. A recreated service has the same target
// and another UID.
type ServiceID struct {
	Target posture.Target
	UID    string // "" = unknown; the record is then used as it is
}

// Service is what is remembered of one Cloud Run service.
type Service struct {
	Header
	Name string `json:"name"` // projects/P/locations/L/services/S
	UID  string `json:"uid"`
	// FirstSeen is when this uid was first observed.
	FirstSeen time.Time `json:"firstSeen,omitzero"`
	// GuardedSince is when every door was first found guarded by IAP; zero = never.
	// A recreated service inherits it.
	GuardedSince time.Time `json:"guardedSince,omitzero"`
	// Indexed means that the index of guarded services has the service.
	Indexed bool `json:"indexed,omitempty"`
	// OpenIndexed is since when a door is open as the index of open services has it; zero = it has
	// the service not.
	OpenIndexed time.Time `json:"openIndexed,omitzero"`
	// BalancedSince is when a load balancer was first seen to lead to the service; zero =
	// never. A recreated service inherits it.
	BalancedSince time.Time `json:"balancedSince,omitzero"`
	// PrivateSince is when the service was first seen private, with every door shut; zero =
	// never.
	PrivateSince time.Time `json:"privateSince,omitzero"`
	// WantedSince is since when steps of ours have been wanted while a door is open;
	// zero = there are none. The waits for quiet end by it.
	WantedSince time.Time `json:"wantedSince,omitzero"`
	// ClosedSince is when we closed the service, which was open although it should be guarded;
	// zero = never, or it was protected since. A recreated service inherits it.
	ClosedSince time.Time `json:"closedSince,omitzero"`
	// ContestedSince is since when others undo fields of ours again and again; zero = nobody
	// does.
	ContestedSince time.Time `json:"contestedSince,omitzero"`
	// DeletedAt is when the service was found deleted; zero = it exists.
	DeletedAt   time.Time    `json:"deletedAt,omitzero"`
	Predecessor *Predecessor `json:"predecessor,omitempty"`

	// Doors are the doors that were open when they were last seen.
	Doors []Door `json:"doors,omitempty"`
	// OthersOpenSince is the earliest OpenSince of the doors that were dropped for
	// size. It counts for every open door that is not listed, so additional doors
	// cannot restart a clock.
	OthersOpenSince time.Time `json:"othersOpenSince,omitzero"`
	// AnyOpenSince is since when one door or another has been open without a break; zero = none is.
	AnyOpenSince time.Time `json:"anyOpenSince,omitzero"`
	Undone       []Undo    `json:"undone,omitempty"`
	Wrote        []Write   `json:"wrote,omitempty"`
	Bindings     []Binding `json:"bindings,omitempty"`
	Run          *Run      `json:"run,omitempty"` // the open run; nil = there is none
	Watch        *Watch    `json:"watch,omitempty"`
	// BreakGlass are the fields that were opened on purpose within a day.
	BreakGlass []BreakGlass `json:"breakGlass,omitempty"`
	Approvals  []Approval   `json:"approvals,omitempty"`
	// Offered is the plan that waits for an approval; "" = none does.
	Offered string `json:"offered,omitempty"`
	// OfferedAt is when that plan was last offered.
	OfferedAt time.Time `json:"offeredAt,omitzero"`
	// OfferedWhole is the plan of the whole recipe that a person asked for last; "" = nobody did,
	// or it was used.
	OfferedWhole string `json:"offeredWhole,omitempty"`
}

// Predecessor is the earlier service of the same name and another uid.
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

// Undo records that another writer undid a field of ours once.
type Undo struct {
	Field string    `json:"field"` // resource and field
	By    string    `json:"by,omitempty"`
	Tool  string    `json:"tool,omitempty"` // what the writer claims to be: its user agent
	At    time.Time `json:"at"`
	// OpenSince is since when a door had been open by that; zero = not known, or none was.
	OpenSince time.Time `json:"openSince,omitzero"`
}

// Write is a write of ours. For each operation, resource, field and value the last
// write is kept.
type Write struct {
	Run      string    `json:"run"`
	Op       string    `json:"op"`
	Resource string    `json:"resource"`
	Field    string    `json:"field,omitempty"`
	Value    string    `json:"value,omitempty"`   // what was written
	Version  string    `json:"version,omitempty"` // of the resource after the write; "" = the API does not return it
	At       time.Time `json:"at"`
}

// Is reports whether a write wrote this value.
func (w Write) Is(op, resource, field, value string) bool {
	return w.Op == op && w.Resource == resource && w.Field == field && w.Value == clip(value)
}

// Binding is a member of an IAM policy with the time at which it was first seen, or
// written by us. It stays when the member is removed, so removing and adding a
// member does not restart the wait for propagation.
type Binding struct {
	Resource  string    `json:"resource"`
	Role      string    `json:"role"`
	Member    string    `json:"member"`
	Condition string    `json:"condition,omitempty"`
	FirstSeen time.Time `json:"firstSeen"`
}

// Run is a run that has not ended. A redelivered message joins it.
type Run struct {
	ID      string    `json:"id"`
	PlanIDs []string  `json:"planIds,omitempty"`
	Since   time.Time `json:"since"`
}

// Approval is a person's consent to one plan. One run can use it.
type Approval struct {
	PlanID string `json:"planId"`
	// Steps are the plan's steps: a plan that has begun is known by what is left of it.
	Steps []PlannedStep `json:"steps,omitempty"`
	// OverLimit means that the plan may be carried out although a limit is used up.
	OverLimit bool      `json:"overLimit,omitempty"`
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Expires   time.Time `json:"expires"`
	UsedAt    time.Time `json:"usedAt,omitzero"`
	Run       string    `json:"run,omitempty"` // that used it
	// Whole means that the plan is of the whole recipe, and LetsIn who gets in newly by it.
	Whole  bool     `json:"whole,omitempty"`
	LetsIn []string `json:"letsIn,omitempty"`
}

// PlannedStep is a step of a plan.
type PlannedStep struct {
	Key     string `json:"key"`               // what it does
	Version string `json:"version,omitempty"` // of the resource, against which it was planned
}

// SeeGuarded notes that every door was found guarded. It reports whether the record
// changed.
func (s *Service) SeeGuarded(at time.Time) bool {
	if !s.GuardedSince.IsZero() {
		return false
	}
	s.GuardedSince = at
	return true
}

// SeeIndexed notes that the index of guarded services has the service, or lost it. It
// reports whether the record changed.
func (s *Service) SeeIndexed(indexed bool) bool {
	changed := s.Indexed != indexed
	s.Indexed = indexed
	return changed
}

// SeeBalanced notes that a load balancer leads to the service. It reports whether the
// record changed.
func (s *Service) SeeBalanced(at time.Time) bool {
	if !s.BalancedSince.IsZero() {
		return false
	}
	s.BalancedSince = at
	return true
}

// SeePrivate notes that the service is private. It reports whether the record changed.
func (s *Service) SeePrivate(at time.Time) bool {
	if !s.PrivateSince.IsZero() {
		return false
	}
	s.PrivateSince = at
	return true
}

// SeeFirst notes that the service was observed. It reports whether the record changed.
func (s *Service) SeeFirst(at time.Time) bool {
	if !s.FirstSeen.IsZero() {
		return false
	}
	s.FirstSeen = at
	return true
}

// SeeWanted notes since when steps have been wanted while a door is open; zero = there are
// none. It reports whether the record changed.
func (s *Service) SeeWanted(since time.Time) bool {
	changed := !s.WantedSince.Equal(since)
	s.WantedSince = since.UTC().Round(0)
	return changed
}

// SeeDoors notes the keys of the doors that were found open and of those found
// closed. A door's clock starts when the door is first seen open and stops only when
// it is seen closed, so a door in neither list keeps its clock. That of the service stops when all
// are. SeeDoors reports whether the record changed.
func (s *Service) SeeDoors(at time.Time, open, closed []string) bool {
	before, since := len(s.Doors), s.OpenLongest()
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
	if len(s.Doors) == 0 && s.OthersOpenSince.IsZero() {
		since = time.Time{}
	} else if since.IsZero() {
		since = at
	}
	changed = changed || !s.AnyOpenSince.Equal(since)
	s.AnyOpenSince = since
	return changed
}

// OpenSince is when a door that is open now was first seen open; zero = it was not.
func (s *Service) OpenSince(key string) time.Time {
	for _, door := range s.Doors {
		if door.Key == key {
			return door.OpenSince
		}
	}
	return s.OthersOpenSince
}

// AddUndo notes that a field was undone. It reports whether the record changed: for
// each field and time there is one round.
func (s *Service) AddUndo(undo Undo) bool {
	undo.By, undo.Tool = clip(undo.By), clip(undo.Tool)
	if slices.ContainsFunc(s.Undone, func(u Undo) bool { return u.Field == undo.Field && u.At.Equal(undo.At) }) {
		return false
	}
	s.Undone = append(s.Undone, undo)
	return true
}

// Rounds are the undoings of a field after since, the oldest first.
func (s *Service) Rounds(field string, since time.Time) []Undo {
	rounds := slices.DeleteFunc(slices.Clone(s.Undone),
		func(u Undo) bool { return u.Field != field || !u.At.After(since) })
	slices.SortStableFunc(rounds, func(a, b Undo) int { return a.At.Compare(b.At) })
	return rounds
}

// AddWrite notes a write of ours. It reports whether the record changed.
func (s *Service) AddWrite(write Write) bool {
	write.Value, write.At = clip(write.Value), write.At.UTC().Round(0) // as it is when it is read back
	same := func(w Write) bool { return w.Is(write.Op, write.Resource, write.Field, write.Value) }
	if slices.Contains(s.Wrote, write) {
		return false
	}
	s.Wrote = append(slices.DeleteFunc(s.Wrote, same), write)
	return true
}

// clocksApart is how far two right clocks lie apart at most.
const clocksApart = time.Minute

// SeeBinding notes when a binding was first seen. A known binding keeps its time, unless a clock
// that was ahead gave it. SeeBinding reports whether the record changed.
func (s *Service) SeeBinding(seen Binding) bool {
	known := s.BindingSince(seen)
	if !known.IsZero() && known.Sub(seen.FirstSeen) <= clocksApart {
		return false
	}
	s.Bindings = append(slices.DeleteFunc(s.Bindings, func(b Binding) bool {
		b.FirstSeen = seen.FirstSeen
		return b == seen
	}), seen)
	return true
}

// BindingSince is when a binding was first seen, whatever of.FirstSeen says; zero =
// it was not.
func (s *Service) BindingSince(of Binding) time.Time {
	for _, b := range s.Bindings {
		of.FirstSeen = b.FirstSeen
		if b == of {
			return b.FirstSeen
		}
	}
	return time.Time{}
}

// Redeem has a run use the approval of a plan. It reports whether there was an unused one
// that has not expired.
func (s *Service) Redeem(planID, run string, at time.Time) bool {
	for i, a := range s.Approvals {
		if a.PlanID == planID && a.UsedAt.IsZero() && at.Before(a.Expires) {
			s.Approvals[i].UsedAt, s.Approvals[i].Run = at, run
			if s.OfferedWhole == planID {
				s.OfferedWhole = ""
			}
			return true
		}
	}
	return false
}

// Approve adds the approval of a plan. It reports whether the record changed: the plan is the
// one that waits now, and no approval of it waits for a run.
func (s *Service) Approve(approval Approval) bool {
	waits := s.Offered
	if approval.Whole {
		waits = s.OfferedWhole
	}
	if waits != approval.PlanID || slices.ContainsFunc(s.Approvals, func(a Approval) bool {
		return a.PlanID == approval.PlanID && a.UsedAt.IsZero() && approval.At.Before(a.Expires)
	}) {
		return false
	}
	approval.By = clip(approval.By)
	s.Approvals = append(s.Approvals, approval)
	return true
}

// ApprovedWhole reports whether the whole recipe of a plan is approved, and no run used that, or
// the open one did.
func (s *Service) ApprovedWhole(planID string, now time.Time) bool {
	return slices.ContainsFunc(s.Approvals, func(a Approval) bool {
		return a.Whole && a.PlanID == planID && now.Before(a.Expires) && (a.UsedAt.IsZero() || s.Run != nil && s.Run.ID == a.Run)
	})
}

// RunsWhole is the plan of the whole recipe that the open run carries out, "" = it carries out
// none.
func (s *Service) RunsWhole() string {
	for _, a := range s.Approvals {
		if s.Run != nil && a.Whole && a.Run == s.Run.ID {
			return a.PlanID
		}
	}
	return ""
}

// OfferWhole notes that the plan of the whole recipe waits for a person. It reports whether the
// record changed.
func (s *Service) OfferWhole(planID string) bool {
	changed := s.OfferedWhole != planID
	s.OfferedWhole = planID
	return changed
}

// Offer notes which plan waits for a person, "" = none does. It reports whether the record
// changed.
func (s *Service) Offer(planID string, at time.Time) bool {
	if s.Offered == planID && s.OfferedAt.Equal(at) {
		return false
	}
	s.Offered, s.OfferedAt = planID, at
	return true
}

// as is the record of the service with the given uid. A recreated service inherits
// that it was guarded, balanced and closed, and nothing else. An observer that still sees the predecessor
// does not bring its record back.
func (s Service) as(id ServiceID) Service {
	if s.Name == "" {
		s.Name = id.Target.Name()
	}
	switch {
	case id.UID == "" || id.UID == s.UID || s.Predecessor != nil && id.UID == s.Predecessor.UID:
		return s
	case s.UID == "" && s.Predecessor == nil:
		s.UID = id.UID
		return s
	}
	return Service{
		Header: Header{Sequence: s.Sequence, WrittenAt: s.WrittenAt}, Name: s.Name, UID: id.UID, GuardedSince: s.GuardedSince,
		BalancedSince: s.BalancedSince, ClosedSince: s.ClosedSince, OpenIndexed: s.OpenIndexed,
		Predecessor: &Predecessor{UID: s.UID, WrittenAt: s.WrittenAt, DeletedAt: s.DeletedAt},
	}
}

// shrink drops the oldest entries of the largest lists; used and expired approvals go
// before the others. Of the doors it drops those that opened last, and their clock
// continues in OthersOpenSince.
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
	lists := []list{
		{doors, s.dropDoors}, listOf(&s.Undone), listOf(&s.Wrote), listOf(&s.Bindings), listOf(&s.Approvals),
		listOf(&s.BreakGlass),
	}
	if s.Run != nil {
		lists = append(lists, listOf(&s.Run.PlanIDs))
	}
	if s.Watch != nil {
		lists = append(lists, listOf(&s.Watch.Ways))
	}
	_, dropped := shrink(excess, lists...)
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
