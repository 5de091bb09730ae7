package play

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/oracle/estate"
)

// generator draws a game.
type generator struct{ *rand.Rand }

// chance reports true in so many of a hundred cases.
func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func of[T any](g generator, all ...T) T { return all[g.IntN(len(all))] }

// Crowd is how many services the games of a crowd have.
const Crowd = 13

// Generate draws the game number n of a seed.
func Generate(seed uint64, n int) Game {
	g := generator{rand.New(rand.NewPCG(seed, uint64(n)))}
	if n%100 == 99 {
		return g.crowd()
	}
	made := Game{Instances: 1 + g.IntN(2), Stuck: g.chance(10)}
	if g.chance(25) {
		made.Private = of(g, "behind-iap", "include")
	}
	if g.chance(20) {
		made.Delay = of(g, 10*time.Second, 2*time.Minute)
	}
	for i := range 1 + g.IntN(2) {
		made.Services = append(made.Services, g.service(i))
	}
	for _, right := range kind.Rights {
		if g.chance(45) {
			made.Rights = append(made.Rights, right)
		}
	}
	if made.Services[0].Absent { // somebody makes it
		made.Rights = append(made.Rights, kind.Deployer)
		made.Moves = append(made.Moves, Move{Pause: g.pause(),
			Kind: of(g, kind.Create, kind.Create, kind.CreateHidden), Service: made.Services[0].Name})
	}
	for range 1 + g.IntN(10) {
		made.Moves = append(made.Moves, g.move(made))
	}
	// What is drawn beside it leaves the rest of the game as it is.
	if further := (generator{rand.New(rand.NewPCG(seed, further|uint64(n)))}); further.chance(40) {
		further.consent(&made)
	}
	return made
}

// further keeps the draws of a game's consent apart from its others.
const further = 1 << 32

// consent has callers be checked in a game, and people and adversaries send commands.
func (g generator) consent(made *Game) {
	made.Consent, made.Approve = true, g.chance(50)
	if made.Approve && g.chance(30) {
		made.Slow = 25 * time.Second
	}
	writes := slices.Contains(made.Rights, kind.Rewriter)
	for _, right := range consent.Rights {
		with := g.chance(40) && !slices.Contains(made.Rights, right)
		writes = writes || with && right == consent.Forger
		if with && (right != consent.KeyHolder || !writes) { // with both, the memory is the adversary's
			made.Rights = append(made.Rights, right)
		}
	}
	all := append(slices.Clone(made.Rights), consent.People)
	first := 0
	if made.Services[0].Absent {
		first = 1 // it is made before
	}
	for range 2 + g.IntN(8) {
		m := Move{Pause: g.pause(), Service: of(g, made.Services...).Name}
		if g.chance(30) {
			m.When = of(g, BeforeWrite, AfterWrite)
		}
		m.Kind = g.kind(ofConsent, all)
		made.Moves = slices.Insert(made.Moves, first+g.IntN(len(made.Moves)+1-first), m)
	}
}

// crowd draws a game about how much is done in a policy's first hour.
func (g generator) crowd() Game {
	made := Game{Instances: 1}
	for i := range Crowd {
		made.Services = append(made.Services, Service{Name: fmt.Sprintf("app%d", i), Public: true, Balanced: true})
	}
	return made
}

func (g generator) service(i int) Service {
	s := Service{Name: fmt.Sprintf("app%d", i), Mine: i == 0, Balanced: g.chance(65)}
	if s.Mine && g.chance(20) {
		s.Absent = true
		return s
	}
	switch {
	case s.Balanced && g.chance(25):
		s.Guarded = true
	case g.chance(55):
		s.Public = true
	}
	s.Invoker = !s.Guarded && g.chance(50)
	s.Used = s.Invoker && g.chance(50)
	if s.Balanced && g.chance(30) {
		s.Accessor = of(g, Bob, Alice, "allUsers", "allAuthenticatedUsers")
	}
	if s.Guarded && s.Accessor != "" {
		s.Accessor = Bob
	}
	if g.chance(15) {
		s.Ingress = of(g, estate.Internal, estate.InternalLoadBalancing)
	}
	return s
}

func (g generator) move(game Game) Move {
	m := Move{Pause: g.pause(), Kind: kind.Wait, Service: of(g, game.Services...).Name}
	if g.chance(30) {
		m.When = of(g, BeforeWrite, AfterWrite)
	}
	if usual.total(game.Rights) == 0 || g.chance(5) {
		return m
	}
	m.Kind = g.kind(usual, game.Rights)
	if m.Kind.Own() {
		m.Service = game.Services[0].Name
	}
	if m.Kind.Member() {
		m.Who = of(g, Bob, Carol, "allUsers", "allAuthenticatedUsers", Alice,
			"user:Alice@Corp.example.com", "user:friend@gmail.com")
	}
	return m
}

// pack is kinds of moves with what each needs, and how often it is drawn beside the others.
type pack struct {
	kinds  []kind.Kind
	right  func(kind.Kind) kind.Right
	weight func(kind.Kind) int
}

// usual are those of every adversary, and ofConsent those of games with consent.
var (
	usual     = pack{kind.All(), kind.Kind.Right, kind.Kind.Weight}
	ofConsent = pack{consent.Kinds(), consent.Right, consent.Weight}
)

// total is the weight of the kinds that the rights make possible.
func (p pack) total(rights []kind.Right) int {
	sum := 0
	for _, each := range p.kinds {
		if slices.Contains(rights, p.right(each)) {
			sum += p.weight(each)
		}
	}
	return sum
}

// kind draws one of the kinds that the rights make possible.
func (g generator) kind(from pack, rights []kind.Right) kind.Kind {
	left := g.IntN(from.total(rights))
	for _, each := range from.kinds {
		if !slices.Contains(rights, from.right(each)) {
			continue
		}
		if left -= from.weight(each); left < 0 {
			return each
		}
	}
	return kind.Wait // unreachable: left is below the total
}

func (g generator) pause() time.Duration {
	return of(g, 0, 200*time.Millisecond, time.Second, 2*time.Second, 5*time.Second, 12*time.Second, 25*time.Second,
		35*time.Second, time.Minute, 2*time.Minute, 5*time.Minute, 11*time.Minute)
}
