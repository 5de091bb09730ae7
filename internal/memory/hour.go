package memory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Hour holds the services that took a slot of a limit in one hour, in one project or
// in the whole deployment. It holds sets and not counters, so a service counts once
// however often its message is delivered.
type Hour struct {
	Header
	Begins time.Time `json:"begins"`
	// Slots holds, by rule and service uid, the second of the hour in which the service
	// took its slot.
	Slots map[string]map[string]int `json:"slots,omitempty"`
	// Names are the services by uid, as PROJECT/SERVICE. A service may lack its name.
	Names map[string]string `json:"names,omitempty"`
	// Dropped counts, by rule, the slots that did not fit.
	Dropped map[string]int `json:"dropped,omitempty"`
}

// Take adds a service under a rule. It reports whether the record changed.
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

// name notes the name of a service that took a slot.
func (h *Hour) name(taker Taker) {
	if h.Names == nil {
		h.Names = map[string]string{}
	}
	h.Names[taker.UID] = clip(taker.Name)
}

// takers are the names of the services that took a slot under a rule after a time.
func (h *Hour) takers(rule string, after time.Time) []string {
	var names []string
	for uid := range h.Slots[rule] {
		if name := h.Names[uid]; name != "" && h.since(rule, uid, after) {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether a service holds a slot under a rule.
func (h *Hour) Has(rule, uid string) bool {
	_, taken := h.Slots[rule][uid]
	return taken
}

// Release gives the slot of a service back. It reports whether the record changed.
func (h *Hour) Release(rule, uid string) bool {
	_, taken := h.Slots[rule][uid]
	delete(h.Slots[rule], uid)
	delete(h.Names, uid)
	return taken
}

// since reports whether a service took a slot under a rule after a time.
func (h *Hour) since(rule, uid string, after time.Time) bool {
	second, taken := h.Slots[rule][uid]
	return taken && h.Begins.Add(time.Duration(second)*time.Second).After(after)
}

// Count is the number of services that took a slot under a rule, including slots
// that were dropped. A service whose slot was dropped counts twice if it takes another
// one, which errs on the strict side.
func (h *Hour) Count(rule string) int { return len(h.Slots[rule]) + h.Dropped[rule] }

// Times are when the slots of a rule were taken, the oldest first. Dropped slots
// count as taken at the end of the hour.
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

// shrink drops all names, and then the oldest slots of the rules with the most slots.
func (h *Hour) shrink(excess int) bool {
	if len(h.Names) > 0 {
		h.Names = nil
		return true
	}
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
