package report

import (
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// Door is a door.Door in its published form.
type Door struct {
	Kind    door.Kind  `json:"kind"`
	Address string     `json:"address"`
	Via     string     `json:"via,omitempty"`
	Guard   door.Guard `json:"guard"`
	Why     string     `json:"why,omitempty"`
	// Names are the hosts that the certificates of a frontend which takes any host are for:
	// people know such a door by them.
	Names string `json:"names,omitempty"`
	// Count is how many more addresses the entry stands for, which it does not name; they
	// are alike but for the address. 0 = the entry is one door.
	Count int `json:"count,omitempty"`
	// Exempt says until when the policy lets the door stay open, and on whose word.
	Exempt string `json:"exempt,omitempty"`
	// Backend is the backend service behind a frontend.
	Backend string `json:"backend,omitempty"`
}

// Named is a door.Named in its published form.
type Named struct {
	Member      string `json:"member"`
	Conditional bool   `json:"conditional,omitempty"`
	Inherited   bool   `json:"inherited,omitempty"`
}

// Caller is a caller.Caller in its published form.
type Caller struct {
	Kind      caller.Kind `json:"kind"`
	Name      string      `json:"name"`
	Address   string      `json:"address"`
	Principal string      `json:"principal,omitempty"`
	Audience  string      `json:"audience,omitempty"`
	RemoteIP  string      `json:"remoteIp,omitempty"`
	Requests  int         `json:"requests,omitempty"`
	// Preflights is how many of the requests asked with OPTIONS.
	Preflights int        `json:"preflights,omitempty"`
	LastSeen   *time.Time `json:"lastSeen,omitempty"`
	// Unused means that it did not call before iapguard first saw the service, so it stops
	// nothing.
	Unused bool              `json:"unused,omitempty"`
	Impact caller.Impact     `json:"fate"`
	By     []caller.ChangeTo `json:"-"` // Why says what they do to it
	Why    string            `json:"why,omitempty"`
	Remedy string            `json:"cure,omitempty"`
}

// String names the caller and what it calls, on one line.
func (c Caller) String() string { return caller.Caller(c).String() }

// Unread is a posture.Unread in its published form.
type Unread struct {
	Resource   string `json:"resource"`
	Why        string `json:"why"`
	Permission string `json:"permission,omitempty"`
}

// Condition is a posture.Condition in its published form.
type Condition struct {
	Title       string `json:"title"`
	Expression  string `json:"expression"`
	Description string `json:"description,omitempty"`
}

// String names the condition on one line.
func (c Condition) String() string { return posture.Condition(c).String() }

// DoorsOf returns doors as reports publish them.
func DoorsOf(doors []door.Door) []Door {
	return convert(doors, func(d door.Door) Door { return Door(d) })
}

// NamedOf returns invokers as reports publish them.
func NamedOf(invokers []door.Named) []Named {
	return convert(invokers, func(i door.Named) Named { return Named(i) })
}

// CallersOf returns callers as reports publish them.
func CallersOf(callers []caller.Caller) []Caller {
	return convert(callers, func(c caller.Caller) Caller { return Caller(c) })
}

// JudgedCallers reads the callers of the report back.
func (r Report) JudgedCallers() []caller.Caller {
	return convert(r.Callers, func(c Caller) caller.Caller { return caller.Caller(c) })
}

// UnreadOf returns what could not be read as reports publish it.
func UnreadOf(unread []posture.Unread) []Unread {
	return convert(unread, func(u posture.Unread) Unread { return Unread(u) })
}

// ConditionOf returns a condition as reports publish it, nil for always.
func ConditionOf(c posture.Condition) *Condition {
	if c.Always() {
		return nil
	}
	published := Condition(c)
	return &published
}

// convert converts each value of a list.
func convert[From, To any](list []From, each func(From) To) []To {
	var converted []To
	for _, one := range list {
		converted = append(converted, each(one))
	}
	return converted
}
