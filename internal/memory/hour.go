package memory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Hour holds which services took a slot of a limit in one hour, in one project
// or in the whole deployment. It holds sets, not counters: a service counts once
// however often its message is delivered.
type Hour struct {
	Header
	Begins time.Time `json:"begins"`
	// Slots are, by rule and service uid, the seconds of the hour at which the slot
	// was taken.
	Slots map[string]map[string]int `json:"slots,omitempty"`
	// Dropped counts, by rule, the slots that did not fit.
	Dropped map[string]int `json:"dropped,omitempty"`
}

// Take adds a service under a rule, and reports whether it was not there yet.
func (h *Hour) Take(rule, uid string, at time.Time) bool {
	if _, taken := h.Slots[rule][uid]; taken {
		return false
	}
	if h.Slots == nil {
		h.Slots = map[string]map[string]int{}
	}
	if h.Slots[rule] == nil {
		h.Slots[rule] = map[string]int{}
	}
	h.Slots[rule][uid] = int(at.Sub(h.Begins) / time.Second)
	return true
}

// Has reports whether a service holds a slot under a rule.
func (h *Hour) Has(rule, uid string) bool {
	_, taken := h.Slots[rule][uid]
	return taken
}

// Count is how many services took a slot under a rule, with those that did not
// fit; a service that was dropped and came again counts twice, on the strict side.
func (h *Hour) Count(rule string) int { return len(h.Slots[rule]) + h.Dropped[rule] }

// Times are when the slots of a rule were taken, oldest first. Those that were
// dropped count as taken at the hour's end.
func (h *Hour) Times(rule string) []time.Time {
	var times []time.Time
	for _, second := range h.Slots[rule] {
		times = append(times, h.Begins.Add(time.Duration(second)*time.Second))
	}
	for range h.Dropped[rule] {
		times = append(times, h.Begins.Add(time.Hour))
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// shrink drops the oldest slots of the rules that have most.
func (h *Hour) shrink(excess int) bool {
	var lists []list
	for _, rule := range slices.Sorted(maps.Keys(h.Slots)) {
		slots := h.Slots[rule]
		uids := slices.SortedFunc(maps.Keys(slots), func(a, b string) int {
			return cmp.Or(slots[a]-slots[b], strings.Compare(a, b))
		})
		lists = append(lists, list{sizesOf(uids), func(n int) { h.drop(rule, uids[:n]) }})
	}
	_, dropped := shrink(excess, lists...)
	return dropped
}

func (h *Hour) drop(rule string, uids []string) {
	for _, uid := range uids {
		delete(h.Slots[rule], uid)
	}
	if h.Dropped == nil {
		h.Dropped = map[string]int{}
	}
	h.Dropped[rule] += len(uids)
}

func (h *Hour) header() *Header { return &h.Header }
func (*Hour) limit() int        { return maxRecord }
