package games

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
	"github.com/iapguard/iapguard/test/seed"
)

var (
	games   = flag.Int("games", 30, "how many games are played")
	one     = flag.Int("game", -1, "play this game of the seed alone, and show how it went")
	seedOf  = seed.Flag(7, "seed of the games")
	stories = flag.Int64("stories", 3, "how many failing games are described")
	stop    = flag.Bool("stop", false, "play no further games after one that fails")
	verbose = flag.Bool("log", false, "with -game: show the log of iapguard too")
	shrink  = flag.String("shrink", "", "with -game: make the game smaller as long as it breaks this promise, such as P2")
)

// result is how a game ended.
type result struct {
	found  []referee.Violation
	trace  []string
	writes int
}

// begins is when all games begin.
var begins = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// outplay plays a game to its end.
func outplay(t *testing.T, game play.Game, log io.Writer) (end result) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(begins))
		w := newWorld(t, game, log)
		defer func() {
			if err := w.close(); err != nil {
				t.Error(err)
			}
		}()
		w.referee.Start(time.Now())
		w.command("sweep")
		w.scheduled()
		for _, move := range game.Moves {
			w.move(move)
		}
		w.rest()
		end = result{w.referee.Found(), w.referee.Trace, w.referee.Writes()}
	})
	return end
}

// How long a game goes on after the last move: until who is kept out was so for too long,
// what is stuck was closed, and a look that begins late has ended. Where the memory was changed,
// whenStuck counts anew from the next look, which may be the one that would have closed.
const (
	calm      = 15 * time.Minute
	calmStuck = 35 * time.Minute
	calmAnew  = 2*calmStuck + 5*time.Minute
	lookTime  = 8 * time.Minute
)

// rest lets everything end that has begun, and then looks twice: the second look writes
// nothing. Where records were deleted, a look that finds one of the limits gone is held by a tenth
// of the limit: there are two, of the project and of the deployment.
func (w *world) rest() {
	switch {
	case w.game.Stuck && slices.Contains(w.game.Rights, kind.Rewriter):
		time.Sleep(calmAnew)
	case w.game.Stuck:
		time.Sleep(calmStuck)
	default:
		time.Sleep(calm)
	}
	looks := 1
	if slices.Contains(w.game.Rights, kind.Rewriter) {
		looks += 2
	}
	for range looks {
		w.command("sweep")
		time.Sleep(lookTime)
	}
	w.moving.Lock()
	before := w.referee.Writes()
	w.moving.Unlock()
	w.command("sweep")
	time.Sleep(lookTime)
	w.moving.Lock()
	defer w.moving.Unlock()
	w.referee.Rested(before)
}

// failing are the violations of a result that fail the test: those that no row of the bounds
// excuses.
func (r result) failing() []referee.Violation {
	return slices.DeleteFunc(slices.Clone(r.found), excluded)
}

// excluded reports whether a violation fails no test.
func excluded(v referee.Violation) bool {
	return slices.ContainsFunc(referee.Exclusions,
		func(each referee.Exclusion) bool { return v.Promise == each.Promise && v.Row == each.Row })
}

// tally counts over all games.
type tally struct {
	mu       sync.Mutex
	promises map[string]int
	rows     map[string]int
	examples map[string]int // a game for each row
	writes   int
	kinds    map[kind.Kind]int
	failed   atomic.Int64
}

func (c *tally) count(i int, game play.Game, end result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes += end.writes
	for _, m := range game.Moves {
		c.kinds[m.Kind]++
	}
	promises, rows := map[string]bool{}, map[string]bool{}
	for _, v := range end.found {
		promises[v.Promise] = promises[v.Promise] || !excluded(v)
		rows[v.Row] = true
	}
	for promise, broken := range promises {
		if broken {
			c.promises[promise]++
		}
	}
	for row := range rows {
		c.rows[row]++
		c.examples[row] = i
	}
}

// story describes a failing game as small as it can be.
func story(t *testing.T, game play.Game, broken func(referee.Violation) bool) string {
	small := play.Shrink(game, func(smaller play.Game) bool {
		return slices.ContainsFunc(outplay(t, smaller, nil).found, broken)
	})
	return describe(small, outplay(t, small, nil))
}

// describe describes a game and how it went.
func describe(game play.Game, end result) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s%s\n", game, strings.Join(end.trace, "\n"))
	for _, v := range end.found {
		fmt.Fprintf(&text, "%s\n", v)
	}
	return text.String()
}

func TestGamesKeepThePromises(t *testing.T) {
	from := seedOf(t)
	if *one >= 0 {
		var log io.Writer
		if *verbose {
			log = &bytes.Buffer{}
		}
		game := play.Generate(from, *one)
		if *shrink != "" {
			t.Log(story(t, game, func(v referee.Violation) bool { return v.Promise == *shrink || v.Row == *shrink }))
			return
		}
		end := outplay(t, game, log)
		t.Logf("%s\n%v", describe(game, end), log)
		if len(end.failing()) > 0 {
			t.Error("a promise is broken")
		}
		return
	}
	counts := &tally{promises: map[string]int{}, rows: map[string]int{}, examples: map[string]int{},
		kinds: map[kind.Kind]int{}}
	began := time.Now()
	var next atomic.Int64
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < *games && !(*stop && counts.failed.Load() > 0); i = int(next.Add(1)) - 1 {
				playOne(t, counts, from, i)
			}
			return nil
		})
	}
	_ = group.Wait() // no game fails
	each := (time.Since(began) / time.Duration(*games)).Round(time.Millisecond)
	t.Logf("%d games, %d writes of iapguard, %s for each\nmoves %v", *games, counts.writes, each, counts.kinds)
	t.Logf("broken promises, in how many games: %v; %d games fail", counts.promises, counts.failed.Load())
	for _, bound := range referee.Bounds {
		line := fmt.Sprintf("P4 %s: exceeded in %d games", bound.Name, counts.rows[bound.Name])
		if i, exceeded := counts.examples[bound.Name]; exceeded {
			line += fmt.Sprintf(", such as %d", i)
		}
		t.Log(line)
	}
	for _, each := range referee.Exclusions {
		t.Logf("%s %s: in %d games, excluded: %s", each.Promise, each.Row, counts.rows[each.Row], each.Why)
	}
}

func playOne(t *testing.T, counts *tally, from uint64, i int) {
	game := play.Generate(from, i)
	end := outplay(t, game, nil)
	counts.count(i, game, end)
	failing := end.failing()
	switch {
	case len(failing) == 0:
	case counts.failed.Add(1) <= *stories:
		t.Errorf("game %d of seed %d:\n%s", i, from, story(t, game, func(v referee.Violation) bool {
			return v.Promise == failing[0].Promise && v.Row == failing[0].Row
		}))
	default:
		t.Errorf("game %d of seed %d: %.600s", i, from, failing[0])
	}
}
