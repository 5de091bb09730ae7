package scale

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// heap is what is live after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}

// resident is the memory of a process ("self") that is in use, in MiB, 0 where the
// system does not say.
func resident(process string) float64 {
	text, err := os.ReadFile("/proc/" + process + "/statm")
	var size, pages int
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// patience is how long one figure is measured, however slow its work is.
const patience = 10 * time.Second

// times runs work up to n times and returns how long each took, sorted.
func times(n int, work func(i int)) []time.Duration {
	var all []time.Duration
	for first := time.Now(); len(all) < n && (len(all) < 3 || time.Since(first) < patience); {
		began := time.Now()
		work(len(all))
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all
}

func show(t *testing.T, what string, format string, values ...any) {
	t.Helper()
	t.Logf("%-46s %s", what, fmt.Sprintf(format, values...))
}

func showTimes(t *testing.T, what string, all []time.Duration) {
	t.Helper()
	sum := time.Duration(0)
	for _, each := range all {
		sum += each
	}
	show(t, what, "p50 %v, p99 %v, %d in %v", round(all[len(all)/2]), round(all[len(all)*99/100]), len(all), round(sum))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// timed shows how long work takes.
func timed(t *testing.T, what string, work func()) {
	t.Helper()
	began := time.Now()
	work()
	show(t, what, "%v", round(time.Since(began)))
}
