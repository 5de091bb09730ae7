// Package consent lists the kinds of moves that only games with consent have, where callers
// are checked and people send commands, and the rights that each needs.
package consent

import (
	"cmp"
	"maps"
	"slices"

	"github.com/iapguard/iapguard/test/games/kind"
)

// Rights that only games with consent have.
const (
	Thief  kind.Right = "thief of tokens"
	Pusher kind.Right = "holder of a pusher's token"
	Forger kind.Right = "forger" // who writes the memory and the log
	// KeyHolder knows the key of the memory's records, and may not write them.
	KeyHolder kind.Right = "holder of the memory's key"
)

// Rights are those that a game with consent draws.
var Rights = []kind.Right{kind.Publisher, Thief, Pusher, Forger, KeyHolder}

// People is the right of those who act in good faith.
const People kind.Right = "people"

// Moves that only games with consent have.
const (
	Hold         kind.Kind = "as an operator, hold"
	HoldAll      kind.Kind = "as an operator, hold the project beside"
	Resume       kind.Kind = "as an operator, resume"
	Undo         kind.Kind = "as an operator, undo the last run of"
	Approve      kind.Kind = "as an approver, approve what waits at"
	ApproverOpen kind.Kind = "as the other approver, let everybody invoke"

	SendOrders  kind.Kind = "publish the commands that people alone send about"
	SendAsOther kind.Kind = "publish commands under other people's ids about"

	Replay      kind.Kind = "replay the operator's last token, to hold"
	BadTokens   kind.Kind = "send commands with tokens that are no good about"
	ApproveOwn  kind.Kind = "with the token of the approver who opened it, command and approve at"
	FreshTokens kind.Kind = "with a fresh token of the operator, resume, close the breaker and approve at"

	PushersTokens kind.Kind = "use pushers' tokens where they do not belong, about"

	ForgeRun  kind.Kind = "forge a run, and have an operator undo it, of"
	ForgeBeat kind.Kind = "forge heartbeats beside"

	UseKey kind.Kind = "sign tokens and heartbeats with the memory's key, about"
)

// trait is what a kind of move needs, and how often it is drawn beside others.
type trait struct {
	right  kind.Right
	weight int
}

var traits = map[kind.Kind]trait{
	Hold:         {People, 4},
	HoldAll:      {People, 1},
	Resume:       {People, 3},
	Undo:         {People, 4},
	Approve:      {People, 6},
	ApproverOpen: {People, 3},

	SendOrders:  {kind.Publisher, 3},
	SendAsOther: {kind.Publisher, 3},

	Replay:      {Thief, 3},
	BadTokens:   {Thief, 2},
	ApproveOwn:  {Thief, 3},
	FreshTokens: {Thief, 1},

	PushersTokens: {Pusher, 4},

	ForgeRun:  {Forger, 4},
	ForgeBeat: {Forger, 2},

	UseKey: {KeyHolder, 4},
}

// Kinds are all of them, always in one order.
func Kinds() []kind.Kind { return slices.SortedFunc(maps.Keys(traits), cmp.Compare) }

// Has reports whether only games with consent have a kind of move.
func Has(k kind.Kind) bool { return traits[k].right != "" }

// Right is what such a kind of move needs.
func Right(k kind.Kind) kind.Right { return traits[k].right }

// Weight is how often such a kind is drawn, beside others.
func Weight(k kind.Kind) int { return traits[k].weight }
