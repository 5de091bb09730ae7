// Package seed gives tests that draw their cases a seed by which a run can be had again.
package seed

import (
	"flag"
	"testing"
	"time"
)

// Flag adds the flag -seed to a test binary, and returns what gives a test its seed. Each
// test logs its own. 0 stands for the time.
func Flag(initial uint64, usage string) func(testing.TB) uint64 {
	chosen := flag.Uint64("seed", initial, usage+"; 0 = the time")
	return func(t testing.TB) uint64 {
		t.Helper()
		from := *chosen
		if from == 0 {
			from = uint64(time.Now().UnixNano())
		}
		t.Logf("-seed %d", from)
		return from
	}
}
