package matrix

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/test/binary"
)

var (
	full = flag.Bool("full", false, "every cell of a matrix, not those that fit into every run of the tests")
	only = flag.String("cell", "", "only cells with names that this regular expression matches")
	busy = flag.Int("busy", 0, "how many cells that keep a processor busy run side by side; 0 = one for each "+
		"processor, and ten with -full, since more cells wait then")
)

// slots bounds the cells that keep a processor busy, and idle those that wait for minutes: each begins
// and ends with work.
var slots, idle chan struct{}

func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := regexp.Compile(*only); err != nil {
		fmt.Fprintf(os.Stderr, "-cell: %v\n", err)
		os.Exit(2)
	}
	if *busy < 1 {
		*busy = runtime.NumCPU()
		if *full {
			*busy *= 10
		}
	}
	slots, idle = make(chan struct{}, *busy), make(chan struct{}, 12*runtime.NumCPU())
	// Cells of different matrices wait side by side.
	if flag.Lookup("test.parallel").Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		if err := flag.Set("test.parallel", "64"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	binary.Main(m)
}

// asked reports whether a cell is to run.
func asked(cell string) bool {
	wanted, err := regexp.MatchString(*only, cell)
	return err == nil && wanted
}

// taken keeps a processor for a cell until the cell ends.
func taken(t *testing.T) { takenOf(t, slots) }

// takenOf keeps a place of some for a cell until the cell ends.
func takenOf(t *testing.T, places chan struct{}) {
	places <- struct{}{}
	t.Cleanup(func() { <-places })
}

// played are the scenarios of a matrix: all, or the few that are enough without -full.
func played(few []string) []scenario {
	if *full {
		return scenarios
	}
	return slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return !slices.Contains(few, s.name) })
}
