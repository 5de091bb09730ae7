package play

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
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
	return made
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
	total := 0
	for _, each := range kinds {
		if slices.Contains(game.Rights, each.Right()) {
			total += each.Weight()
		}
	}
	if total == 0 || g.chance(5) {
		return m
	}
	left := g.IntN(total)
	for _, each := range kinds {
		if !slices.Contains(game.Rights, each.Right()) {
			continue
		}
		if left -= each.Weight(); left < 0 {
			m.Kind = each
			break
		}
	}
	if m.Kind.Own() {
		m.Service = game.Services[0].Name
	}
	if m.Kind.Member() {
		m.Who = of(g, Bob, Carol, "allUsers", "allAuthenticatedUsers", Alice,
			"user:Alice@Corp.example.com", "user:friend@gmail.com")
	}
	return m
}

// kinds are those of the adversary.
var kinds = kind.All()

func (g generator) pause() time.Duration {
	return of(g, 0, 200*time.Millisecond, time.Second, 2*time.Second, 5*time.Second, 12*time.Second, 25*time.Second,
		35*time.Second, time.Minute, 2*time.Minute, 5*time.Minute, 11*time.Minute)
}
