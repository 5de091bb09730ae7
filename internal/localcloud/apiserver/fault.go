package apiserver

import (
	"strings"
	"sync"
	"time"
)

// The actions of faults: what goes wrong.
const (
	AnswerStatus    = "status"          // the call is answered with an error
	CutConnection   = "cut"             // the connection is closed without an answer
	AnswerSlowly    = "slow"            // the answer takes its time
	TruncateAnswer  = "truncate"        // the connection is closed in the middle of the answer
	FailOperation   = "fail-operation"  // the call is accepted, its operation ends with an error
	HangOperation   = "hang-operation"  // the call is accepted, its operation never ends
	PartialLists    = "partial-lists"   // lists lack a place and say so
	WriteFirst      = "write-first"     // somebody else writes to the resource right before
	LateIAM         = "late-iam"        // IAM policies take effect late
	LateSettings    = "late-settings"   // load balancers' settings and IAP take effect late
	StaleLists      = "stale-lists"     // lists show what was
	StaleInventory  = "stale-inventory" // Cloud Asset Inventory shows what was
	StuckGrant      = "stuck-grant"     // a service refuses IAP's agent although it may invoke
	untilRedeployed = "redeploy"        // what ends a stuck grant
	forever         = "forever"
	beforeEffect    = "before"
	afterEffect     = "after"
)

// Fault is one thing that goes wrong. Those about calls go wrong with every
// call that Method, Principal and Resource fit; the others hold as long as
// they are set.
type Fault struct {
	// Method is the id of an API's method, "compute.backendServices.patch",
	// or the beginning of several, "compute.*".
	Method string
	// Principal is who calls, "" for everybody; Resource is a part of the name
	// of what the call is about.
	Principal, Resource string
	// Times is how often it goes wrong, 0 = always. Every = 3 spares two calls
	// before each that goes wrong; 0 spares none.
	Times, Every int
	// Action is what goes wrong.
	Action string
	// After says that the call takes effect first.
	After bool
	// Status, Reason and Message are those of the answer or of the operation's
	// error; Google's own where they are not given.
	Status          int
	Reason, Message string
	// Delay is how slow or late things are.
	Delay time.Duration
	// Service is the full name of a Cloud Run service; Forever says that
	// deploying it again does not help.
	Service string
	Forever bool
	// Place is a location that lists lack: "europe-west1", "global".
	Place string
}

// FaultState is a fault and what came of it.
type FaultState struct {
	Fault
	// Seen is how many calls fitted, Fired with how many something went wrong.
	Seen, Fired int
}

// faults are the faults that are set.
type faults struct {
	mu  sync.Mutex
	all []*FaultState
}

// SetFaults replaces all faults. They are kept until the next call of it.
func (s *Server) SetFaults(all []Fault) {
	states := make([]*FaultState, len(all))
	for i, each := range all {
		states[i] = &FaultState{Fault: each}
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = states
}

// Faults are the faults that are set, in order.
func (s *Server) Faults() []FaultState {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	all := make([]FaultState, len(s.faults.all))
	for i, each := range s.faults.all {
		all[i] = *each
	}
	return all
}

// fire gives the faults that go wrong with a call, and counts them.
func (f *faults) fire(c *Call) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var fired []Fault
	for _, each := range f.all {
		if !each.fits(c) {
			continue
		}
		each.Seen++
		if each.Times > 0 && each.Fired == each.Times || each.Every > 1 && each.Seen%each.Every != 0 {
			continue
		}
		each.Fired++
		fired = append(fired, each.Fault)
	}
	return fired
}

func (f Fault) fits(c *Call) bool {
	return f.Method != "" && (f.Action != PartialLists || c.lists()) && methodFits(f.Method, c.Route.ID) && strings.Contains(c.Resource, f.Resource) &&
		(f.Principal == "" || f.Principal == string(c.Caller))
}

// methodFits compares a method's id with one, or with the beginning of several.
func methodFits(wanted, id string) bool {
	if prefix, several := strings.CutSuffix(wanted, "*"); several {
		return strings.HasPrefix(id, prefix)
	}
	return wanted == id
}

// delay is how late a fault makes things, or by how much they are late anyway.
func (f *faults) delay(action string, otherwise time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, each := range f.all {
		if each.Action == action {
			return each.Delay
		}
	}
	return otherwise
}
