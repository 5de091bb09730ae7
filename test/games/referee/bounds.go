package referee

import (
	"time"

	"github.com/iapguard/iapguard/test/games/play"
)

// The policy's times, which bounds depend on: they are the defaults.
const (
	settle      = 30 * time.Second
	propagation = 2 * time.Minute
	rollout     = min(10*time.Minute, 4*settle) // what all quiet waits of a run together are bounded by
	first       = rollout + propagation + 90*time.Second
	stuckAfter  = 30 * time.Minute // of games with Stuck
)

// exposure is a door that is open.
type exposure struct {
	game play.Game
	history
	facts
	began    time.Time // when iapguard began
	tampered bool
}

// isNew reports whether the service is young, and the first of its name.
func (e exposure) isNew() bool {
	return len(e.uids) == 1 && e.made.After(e.began) && e.open.Sub(e.made) < young
}

// Bound is how long a door may be open in one case.
type Bound struct {
	Name string
	// Meaning is what the row is about.
	Meaning string
	// Most is the bound, without the latency of events; 0 = the owner chose that it stays open.
	Most func(play.Game) time.Duration
	// lastOpened counts from the last move that opened a door, else from when it was open first.
	lastOpened bool
	of         func(exposure) bool
}

func exactly(d time.Duration) func(play.Game) time.Duration {
	return func(play.Game) time.Duration { return d }
}

// The rows of what cannot be guarded.
const (
	stuck     = "stuck"
	restarted = "stuck, and since when is not known"
	beside    = "stuck, with a second load balancer"
)

// The rows of what people chose.
const (
	held    = "held"
	approve = "approve"
)

// isStuck reports whether nothing guards the service but to close it.
func isStuck(e exposure) bool { return !e.balanced || e.rerouted || e.cached }

// publishedFor is how long after it became public a service counts as published.
const publishedFor = 10 * time.Minute

// Bounds are P4's. The first row that fits an open door is its bound. Games have no faults
// of the memory, the log or quotas, and no floods beyond 50 re-protections an hour. That a
// contested door is open for at most a tenth of any hour is not judged.
var Bounds = []Bound{
	{Name: "exempt", Meaning: "the policy exempts the service: the owner's choice",
		Most: exactly(0), of: func(e exposure) bool { return e.exempt }},
	{Name: "limited", Meaning: "there are more services than the policy's limits let be shut in an hour: the owner's " +
		"choice",
		Most: exactly(0), of: func(e exposure) bool { return len(e.game.Services) > MostAtFirst }},
	{Name: held, Meaning: "a person holds the service, or the project: the owner's choice",
		Most: exactly(0), of: func(e exposure) bool { return e.held }},
	{Name: approve, Meaning: "the mode is approve: the owner's choice",
		Most: exactly(0), of: func(e exposure) bool { return e.game.Approve }},
	{Name: restarted, Meaning: "as stuck, and somebody changed or deleted the record that says since when: whenStuck " +
		"counts from the next look",
		Most: exactly(0), of: func(e exposure) bool { return isStuck(e) && e.tampered }},
	{Name: beside, Meaning: "as stuck, and a move put a second load balancer before it, by which it can be guarded: the " +
		"bound of an old service more",
		Most: func(g play.Game) time.Duration {
			if g.Stuck {
				return stuckAfter + first
			}
			return 0
		},
		of: func(e exposure) bool { return isStuck(e) && e.beside }},
	{Name: stuck, Meaning: "no load balancer of its own leads to the service, or a move made it lead elsewhere, or put " +
		"an obstacle before it: whenStuck closes it, or the owner chose that it stays open",
		Most: func(g play.Game) time.Duration {
			if g.Stuck {
				return stuckAfter + time.Minute
			}
			return 0
		},
		of: isStuck},
	{Name: "limited, and the memory was changed", Meaning: "iapguard says that the hourly limit holds it, and somebody changed or " +
		"deleted records: while the slots cannot be read, a process uses a tenth of the limit",
		Most: exactly(first + time.Hour), of: func(e exposure) bool { return e.limited && e.tampered }},
	{Name: "resumed, and the memory was changed", Meaning: "as resumed, and a minute more: a process that finds the " +
		"record of when the hold ends deleted looks a minute later",
		Most: exactly(first + 2*time.Minute), of: func(e exposure) bool { return e.resumed && e.tampered }},
	{Name: "resumed", Meaning: "a hold ended, or was lifted, while it was open: the bound of an old service, and a minute " +
		"until what waits for the end of a hold is looked at",
		Most: exactly(first + time.Minute), of: func(e exposure) bool { return e.resumed }},
	{Name: "plain", Meaning: "a second frontend that cannot be guarded leads to the service, and has no traffic: the bound " +
		"of an old service",
		Most: exactly(first), of: func(e exposure) bool { return e.plain }},
	{Name: "memory", Meaning: "the memory was changed or deleted by somebody: 60 s more than without",
		Most: exactly(first + time.Minute), of: func(e exposure) bool { return e.tampered }},
	{Name: "contested", Meaning: "from the third time on that it was opened after it was guarded, or that IAP was turned " +
		"off: 120 s at a time",
		Most: exactly(2 * time.Minute), lastOpened: true, of: func(e exposure) bool { return e.episodes >= 3 || e.undone >= 3 }},
	{Name: "touched", Meaning: "others keep changing it while it is open: min(10 min, 4 × settle) + 10 s, from the first " +
		"opening on",
		Most: exactly(rollout + 10*time.Second),
		of:   func(e exposure) bool { return e.moves > 1 && (e.closed || e.isNew() || e.private) }},
	{Name: "new", Meaning: "a new public service before a load balancer, until it was guarded once: 20 s from the last " +
		"write that opened a door",
		Most: exactly(20 * time.Second), lastOpened: true, of: func(e exposure) bool { return e.isNew() && !e.closed }},
	{Name: "drift", Meaning: "what was guarded is opened: settle + 5 s from the last write that opened a door",
		Most: exactly(settle + 5*time.Second), lastOpened: true, of: func(e exposure) bool { return e.closed }},
	{Name: "published", Meaning: "what was private is opened: settle + 5 s from when it was open first, since nobody relies " +
		"on it; within ten minutes from when everybody may invoke it",
		Most: exactly(settle + 5*time.Second),
		of:   func(e exposure) bool { return e.private && e.open.Sub(e.publicAt) < publishedFor }},
	{Name: "old", Meaning: "the first protection of an old service: min(10 min, 4 × settle) + propagation + 90 s, from " +
		"when it was first seen open, or behind a load balancer",
		Most: exactly(first), of: func(exposure) bool { return true }},
}

// Exclusion is a violation that is known, shown, and fails no test.
type Exclusion struct{ Promise, Row, Why string }

// Exclusions are all of them.
var Exclusions = []Exclusion{
	{"P7", "lifted", "who may write the memory can lift a hold that a command placed, by deleting or rolling back its record; " +
		"one in the holds file stands"},
	{"P2", "let in later", "private: include puts a private service behind IAP once its policy lets in nobody whom the rule " +
		"does not name; whom an IAP admin lets in after that gets in, as at every service behind IAP"},
	{"P2", "let in just now", "private: behind-iap lets IAP's agent invoke a private service while the policy names every " +
		"accessor: whom an IAP admin lets in gets in until the event of that, or the end of a hold, has the grant withdrawn"},
	{"P3", "not named", "private: behind-iap lets IAP's agent invoke a private service only while the policy names every " +
		"accessor: what somebody takes away from the agent is not restored while another one is there"},
	{"P3", "not let in", "private: behind-iap grants nobody access: who is named by the policy and was taken out of IAP's " +
		"policy stays out, also where everybody had been let in and iapguard removed that"},
}
