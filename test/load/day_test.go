package load

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
)

// A day of 1,000,000 entries is read with FULL=1, a tenth of it otherwise.
func TestADayOfEventsLeadsToTheRightCausesInConstantMemory(t *testing.T) {
	entries := 100_000
	if os.Getenv("FULL") == "1" {
		entries = 1_000_000
	}
	// The bound is on what lives, not on how seldom garbage is collected.
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	reader, writer := io.Pipe()
	go Day(writer, entries)
	began, read, right, most := time.Now(), 0, 0, uint64(0)
	err := event.Read(reader, event.Self{}, func(_ int, result event.Result) error {
		if cause := result.Cause; cause != nil {
			if want := fmt.Sprintf("s%d", read); cause.Kind != event.RunServiceChanged || cause.Service != want {
				return fmt.Errorf("entry %d became %s of %s, want %s", read, cause.Kind, cause.Service, want)
			}
			right++
		} else if read%RelevantEvery == 0 {
			return fmt.Errorf("entry %d was ignored: %s", read, result.Why)
		}
		if read++; read%10_000 == 0 {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			most = max(most, memory.HeapAlloc)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{entries, (entries + RelevantEvery - 1) / RelevantEvery}, []int{read, right}); diff != "" {
		t.Errorf("entries read and causes (-want +got):\n%s", diff)
	}
	const bound = 64 << 20
	if most > bound {
		t.Errorf("%d bytes of heap at most, want no more than %d", most, bound)
	}
	t.Logf("%d entries, %d causes, %.0f a second, %d KiB of heap at most", read, right,
		float64(read)/time.Since(began).Seconds(), most>>10)
}
