package games

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
)

// TestFoundGamesKeepThePromises plays games that random play found, each against a commit
// that lost it, and games that few estates lead to.
func TestFoundGamesKeepThePromises(t *testing.T) {
	for _, each := range []struct {
		name string
		game play.Game
	}{
		{"IAP goes on while a removed accessor still passes", play.Game{
			Services: []play.Service{{Name: "app0", Balanced: true, Mine: true}}, Private: "include", Delay: 2 * time.Minute,
			Instances: 1, Rights: []kind.Right{kind.IAPAdmin}, Moves: []play.Move{
				{Pause: 26 * time.Second, Kind: kind.LetIn, Service: "app0", Who: "allAuthenticatedUsers"},
				on("app0", 121*time.Second, kind.Unpublish), on("app0", 4*time.Minute, kind.Wait),
			}}},
		{"somebody lends private services to a backend service", game(
			[]play.Service{guarded("app0"), {Name: "app1", Invoker: true}},
			on("app0", time.Minute, sidePrivate), on("app0", 6*time.Minute, kind.Wait))},
		{"what was private is published, and opened further", game(
			[]play.Service{{Name: "app0", Balanced: true, Mine: true}},
			on("app0", 146*time.Second, kind.Publish), on("app0", 25*time.Second, kind.OpenIngress))},
	} {
		t.Run(each.name, func(t *testing.T) {
			if end := outplay(t, each.game, nil); len(end.failing()) > 0 {
				t.Error(describe(each.game, end))
			}
		})
	}
}
