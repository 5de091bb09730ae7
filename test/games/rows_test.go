package games

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
)

// row is a game in which the adversary makes an attack that worked against commit 82a21f5.
// Played against that commit, each broke the promise in its table, for the attack's own
// reason: beside, mask, refused log: nothing was written; junk services, a capital letter,
// failed operations: everything was held for an hour; another accessor, never quiet: nothing
// went on as long as the moves did; undone: all was left until the next sweep, 15 minutes
// later; large entries: each look read 6 MB of the log; the tool's write was answered with
// 409; doing nothing: it stayed open.
type row struct {
	attack, variant string
	broken          string // the promise
	game            play.Game
}

// app is a public service that is old and behind a load balancer.
func app(name string) play.Service { return play.Service{Name: name, Public: true, Balanced: true} }

// guarded is one that iapguard finds protected.
func guarded(name string) play.Service {
	return play.Service{Name: name, Mine: true, Balanced: true, Guarded: true}
}

var legacy = play.Service{Name: "legacy", Public: true, Exempt: true}

// game is one with these services, in which the adversary may do what its moves need.
func game(services []play.Service, moves ...play.Move) play.Game {
	made := play.Game{Services: services, Instances: 1, Moves: moves}
	for _, m := range moves {
		if !slices.Contains(made.Rights, m.Kind.Right()) {
			made.Rights = append(made.Rights, m.Kind.Right())
		}
	}
	return made
}

// on is a move about a service, so long after the one before.
func on(service string, pause time.Duration, what kind.Kind) play.Move {
	return play.Move{Pause: pause, Kind: what, Service: service}
}

// again repeats moves.
func again(times int, moves ...play.Move) []play.Move { return slices.Repeat(moves, times) }

// side makes a new service with what keeps IAP off at its side, before the first look at it.
func side(kinds ...kind.Kind) play.Game {
	made := game([]play.Service{{Name: "app0", Mine: true, Absent: true}, legacy}, on("app0", 30*time.Second, kind.Create),
		on("app0", 0, kind.Balance))
	for _, each := range kinds {
		made.Moves = append(made.Moves, on("app0", 0, each))
	}
	made.Moves = append(made.Moves, on("app0", 6*time.Minute, kind.Wait))
	return made
}

// sideLater makes it after the service was protected, and opens all of it.
func sideLater(kinds ...kind.Kind) play.Game {
	made := game([]play.Service{guarded("app0"), legacy}, on("app0", time.Minute, kind.Wait))
	for _, each := range append(kinds, kind.IAPOff, kind.OpenIngress, kind.Publish) {
		made.Moves = append(made.Moves, on("app0", 0, each))
	}
	return made
}

const second = time.Second

// rows are the attacks.
func rows() []row {
	var all []row
	add := func(attack, variant, broken string, made play.Game) {
		all = append(all, row{attack, variant, broken, made})
	}
	private := play.Service{Name: "app0", Invoker: true}
	letEverybody := play.Move{Pause: 40 * second, Kind: kind.LetIn, Service: "app0", Who: "allUsers"}
	add("a load balancer before a private service", "", "P2, P11",
		game([]play.Service{private}, on("app0", 30*second, kind.Balance), on("app0", 0, kind.IAPOn), letEverybody))

	for _, beside := range []struct {
		variant string
		kinds   []kind.Kind
	}{
		{"push subscription", []kind.Kind{subscribe}}, {"yearly job", []kind.Kind{schedule}},
		{"CDN", []kind.Kind{kind.SideCDN}}, {"TCP", []kind.Kind{sideTCP}}, {"plain HTTP", []kind.Kind{kind.SidePlain}},
		{"no frontend", []kind.Kind{sideIdle}}, {"exempt neighbour", []kind.Kind{kind.SideShared}},
		{"HTTP/2 and classic", []kind.Kind{takeHTTP2, kind.SideClassic}},
		{"CDN, and a subscription", []kind.Kind{kind.SideCDN, subscribe}},
		{"CDN, and a yearly job", []kind.Kind{kind.SideCDN, schedule}},
		{"plain HTTP, and a subscription", []kind.Kind{kind.SidePlain, subscribe}},
		{"plain HTTP, and a crowd of subscriptions", []kind.Kind{kind.SidePlain, crowd}},
	} {
		add("something beside that keeps it open", beside.variant, "P4", side(beside.kinds...))
		add("something beside that keeps it open", beside.variant+", after protection", "P4", sideLater(beside.kinds...))
	}

	add("a URL mask that nothing reaches", "", "P4", side(kind.SideMask))
	add("a URL mask that nothing reaches", "after protection", "P4", sideLater(kind.SideMask))

	var junk []play.Service
	var deleted, made []play.Move
	for i := range 8 {
		name := fmt.Sprint("junk", i)
		junk = append(junk, play.Service{Name: name, Absent: true, Mine: true})
		made = append(made, on(name, 750*time.Millisecond, kind.CreateHidden))
		deleted = append(deleted, on(name, 100*time.Millisecond, kind.Delete))
	}
	opened := []play.Move{on("app0", second, kind.IAPOff), on("app0", 0, kind.Publish)}
	limited := game(append(junk, guarded("app0")), slices.Concat(made,
		[]play.Move{on("junk0", 10*second, kind.Wait)}, deleted, opened)...)
	limited.Limit = 8
	add("private junk services", "", "P4", limited)

	spelled := game([]play.Service{app("app0"), app("app1")}, on("app1", 5*time.Minute, kind.Touch))
	spelled.Named = "user:Alice@Corp.example.com"
	add("a capital letter in the policy", "", "P4", spelled)

	add("operations that fail", "", "P4", game([]play.Service{guarded("app0"), {Name: "app1", Public: true, Balanced: true,
		Mine: true}}, slices.Concat([]play.Move{on("app1", 0, failRollout), on("app1", 8*time.Minute, kind.Wait)}, opened)...))

	accessor := func(who string) play.Move {
		return play.Move{Pause: 110 * second, Kind: kind.LetIn, Service: "app0", Who: who}
	}
	add("another accessor every two minutes", "", "P4", game([]play.Service{app("app0")}, again(3, accessor(play.Bob),
		accessor(play.Carol), accessor("user:friend@gmail.com"))...))

	undo := []play.Move{{When: play.AfterWrite, Kind: kind.Wait, Service: "app0"}, on("app0", 10*time.Millisecond, kind.IAPOff)}
	add("undone three times in a second", "", "P4", game([]play.Service{guarded("app0")}, slices.Concat(
		[]play.Move{on("app0", time.Minute, kind.IAPOff)}, undo, undo, undo,
		[]play.Move{on("app0", 0, kind.OpenIngress), on("app0", 0, kind.Publish)})...))

	fresh := []play.Service{{Name: "app0", Mine: true, Absent: true, Balanced: true}}
	add("never quiet", "a label each second", "P4", game(fresh, append([]play.Move{on("app0", 30*second, kind.Create)},
		again(200, on("app0", second, kind.Touch))...)...))
	add("never quiet", "a roll-out that hangs", "P4",
		game(fresh, on("app0", 30*second, kind.Create), on("app0", 0, hangRollout)))
	invoker := play.Move{Pause: 3 * second, Kind: kind.AddInvoker, Service: "app0", Who: play.Carol}
	add("never quiet", "three writers", "P4", game(fresh, append([]play.Move{on("app0", 30*second, kind.Create)},
		again(22, on("app0", 3*second, kind.Touch), invoker, on("app0", 3*second, touchBackend))...)...))

	add("floods of the log", "large entries", "P5", game([]play.Service{{Name: "app0", Mine: true}, guarded("app1")},
		on("app0", 30*second, writeLarge), on("app1", 30*second, kind.IAPOff)))
	add("floods of the log", "answered with 429", "P4", game([]play.Service{guarded("app0")}, on("app0", 0, refuseLog),
		on("app0", 2*time.Minute, kind.IAPOff), on("app0", 0, kind.Publish)))

	add("a tool between its read and its write", "", "tools", game([]play.Service{{Name: "app0", Mine: true, Absent: true}},
		on("app0", 30*second, kind.CreateHidden), on("app0", second, toolReads), on("app0", 3*second, toolAllows)))

	nothing := game([]play.Service{{Name: "app0", Mine: true, Public: true}})
	nothing.Stuck = true
	add("doing nothing", "", "P4", nothing)
	return all
}

// TestAttacksThatWereSeenNoLongerWork plays each attack that worked against commit 82a21f5.
func TestAttacksThatWereSeenNoLongerWork(t *testing.T) {
	for _, each := range rows() {
		t.Run(each.attack+" "+each.variant, func(t *testing.T) {
			end := outplay(t, each.game, nil)
			if failing := end.failing(); len(failing) > 0 {
				t.Errorf("%s\n82a21f5 broke %s here", describe(each.game, end), each.broken)
			}
			if end.writes == 0 {
				t.Error("iapguard wrote nothing")
			}
		})
	}
}
