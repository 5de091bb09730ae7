// Package kind lists the kinds of moves of the adversaries of games, and the rights that
// each needs.
package kind

import (
	"cmp"
	"maps"
	"slices"
)

// Right is what an adversary may do.
type Right string

// The rights. Each is held by an account of its own.
const (
	Deployer  Right = "deployer"            // of the services that are Mine
	Balancer  Right = "load-balancer admin" // in the whole project
	IAPAdmin  Right = "IAP admin"           // in the whole project
	LogWriter Right = "log writer"
	Publisher Right = "publisher" // of messages to the topics of events and of commands
	Rewriter  Right = "memory writer"
)

// Rights are all of them.
var Rights = []Right{Deployer, Balancer, IAPAdmin, LogWriter, Publisher, Rewriter}

// Kind is what a move does.
type Kind string

// The moves.
const (
	Wait Kind = "wait beside"

	Publish      Kind = "let everybody invoke"
	Unpublish    Kind = "take the public from"
	Overwrite    Kind = "write the invoker policy anew for allUsers at"
	DropAgent    Kind = "take IAP's agent from"
	AddInvoker   Kind = "add an invoker to"
	OpenIngress  Kind = "open the ingress of"
	CheckOff     Kind = "turn the invoker check off at"
	CheckOn      Kind = "turn the invoker check on at"
	Touch        Kind = "change a label of"
	Delete       Kind = "delete"
	Create       Kind = "create and publish"
	CreateHidden Kind = "create privately"

	IAPOff         Kind = "turn IAP off before"
	IAPOn          Kind = "turn IAP on before"
	CDN            Kind = "turn Cloud CDN on before"
	Balance        Kind = "put a load balancer before"
	SideBalance    Kind = "put a second load balancer without IAP before"
	SidePlain      Kind = "put a second load balancer with plain HTTP before"
	SideUnreached  Kind = "put a backend service without a frontend before"
	SideMask       Kind = "put a URL mask without a frontend beside"
	SideGone       Kind = "take away the second load balancer before"
	Reroute        Kind = "lead the load balancer elsewhere than to"
	RerouteBack    Kind = "lead the load balancer again to"
	DeleteFrontend Kind = "delete the frontend before"

	LetIn         Kind = "add an accessor before"
	KeepOut       Kind = "remove an accessor before"
	NobodyGetsIn  Kind = "empty IAP's policy before"
	ForgeRefusal  Kind = "forge refused requests to"
	ForgeTraffic  Kind = "forge requests from outside to"
	ForgeEvent    Kind = "forge an event about"
	ForgeCommand  Kind = "send the command apply for"
	GarbageRecord Kind = "write garbage into the record of"
	ForgeGuarded  Kind = "forge that it was guarded once of"
	ForgeUndone   Kind = "forge that it was undone often of"
	ForgeOpen     Kind = "forge that it is open since long of"
	RollBack      Kind = "roll back the records of"
	LoseMemory    Kind = "delete the records of"
)

// Moves that are never drawn: games of attacks that were seen have them.
const (
	SideCDN     Kind = "put a second load balancer with Cloud CDN before"
	SideClassic Kind = "put a classic second load balancer before"
	SideShared  Kind = "put a second load balancer before an exempt neighbour and"
)

// trait is what a kind of move needs and does.
type trait struct {
	right  Right
	own    bool // it needs rights on the service itself
	member bool
	weight int
}

var traits = map[Kind]trait{
	Publish:      {Deployer, true, false, 5},
	Unpublish:    {Deployer, true, false, 2},
	Overwrite:    {Deployer, true, false, 3},
	DropAgent:    {Deployer, true, false, 2},
	AddInvoker:   {Deployer, true, true, 2},
	OpenIngress:  {Deployer, true, false, 4},
	CheckOff:     {Deployer, true, false, 2},
	CheckOn:      {Deployer, true, false, 1},
	Touch:        {Deployer, true, false, 4},
	Delete:       {Deployer, true, false, 1},
	Create:       {Deployer, true, false, 2},
	CreateHidden: {Deployer, true, false, 1},

	IAPOff:         {Balancer, false, false, 4},
	IAPOn:          {Balancer, false, false, 2},
	CDN:            {Balancer, false, false, 1},
	Balance:        {Balancer, false, false, 4},
	SideBalance:    {Balancer, false, false, 2},
	SidePlain:      {Balancer, false, false, 1},
	SideUnreached:  {Balancer, false, false, 2},
	SideMask:       {Balancer, false, false, 1},
	SideGone:       {Balancer, false, false, 1},
	Reroute:        {Balancer, false, false, 1},
	RerouteBack:    {Balancer, false, false, 1},
	DeleteFrontend: {Balancer, false, false, 1},

	LetIn:        {IAPAdmin, false, true, 5},
	KeepOut:      {IAPAdmin, false, true, 2},
	NobodyGetsIn: {IAPAdmin, false, false, 1},

	ForgeRefusal: {LogWriter, false, false, 2},
	ForgeTraffic: {LogWriter, false, false, 2},

	ForgeEvent:   {Publisher, false, false, 2},
	ForgeCommand: {Publisher, false, false, 2},

	GarbageRecord: {Rewriter, false, false, 1},
	ForgeGuarded:  {Rewriter, false, false, 3},
	ForgeUndone:   {Rewriter, false, false, 2},
	ForgeOpen:     {Rewriter, false, false, 2},
	RollBack:      {Rewriter, false, false, 2},
	LoseMemory:    {Rewriter, false, false, 2},

	SideCDN:     {Balancer, false, false, 0},
	SideClassic: {Balancer, false, false, 0},
	SideShared:  {Balancer, false, false, 0},
}

// Right is what a kind of move needs.
func (k Kind) Right() Right { return traits[k].right }

// Opens reports whether a kind of move may open a door.
func (k Kind) Opens() bool {
	switch k {
	case Publish, Overwrite, OpenIngress, CheckOff, Create, IAPOff, Balance, SideBalance, SidePlain, LetIn, RerouteBack,
		SideCDN, SideClassic, SideShared:
		return true
	}
	return false
}

// Cuts reports whether a kind of move may cut the way of those who are entitled in such a
// way that only another move repairs it: it takes the load balancer away, or makes it lead
// elsewhere.
func (k Kind) Cuts() bool {
	switch k {
	case Reroute, DeleteFrontend, Delete, CDN, SideBalance, SidePlain, SideGone:
		return true
	}
	return false
}

// All are the kinds of moves of adversaries, always in one order.
func All() []Kind { return slices.SortedFunc(maps.Keys(traits), cmp.Compare) }

// Weight is how often a kind is drawn, beside others; 0 = never.
func (k Kind) Weight() int { return traits[k].weight }

// Own reports whether a kind of move needs rights on the service itself, and Member
// whether it is about a member.
func (k Kind) Own() bool    { return traits[k].own }
func (k Kind) Member() bool { return traits[k].member }
