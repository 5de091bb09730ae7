package loop

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/emulator"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/test/town"
	"github.com/iapguard/iapguard/test/town/guarded"
)

// start closes the loop around a function, as a log sink does it. Keys are
// those of the policy's rule.
func start(t *testing.T, keys ...string) *guarded.Town {
	t.Helper()
	return guarded.Start(t, guarded.Options{Policy: town.Policy(keys...)})
}

// ownWrites lists what the function wrote, in order.
func ownWrites(r *guarded.Town) []string {
	var writes []string
	for _, call := range r.Calls().Own().Writes() {
		writes = append(writes, fmt.Sprintf("%d %s %s", call.Status, call.Method, call.Resource))
	}
	return writes
}

// The emulator is started once, by the first test that wants it.
var pubsub struct {
	sync.Once
	*emulator.Emulator
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if pubsub.Emulator != nil {
		if err := pubsub.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// onBothBackends runs a test in a guarded town with Pub/Sub in process, and
// with Google's emulator where there is one.
func onBothBackends(t *testing.T, test func(t *testing.T, r *guarded.Town)) {
	t.Run("in process", func(t *testing.T) { test(t, start(t)) })
	t.Run("emulator", func(t *testing.T) {
		pubsub.Do(func() { pubsub.Emulator, pubsub.err = emulator.Use(os.Getenv("PUBSUB_EMULATOR_HOST")) })
		if pubsub.err != nil {
			t.Skipf("skipped: the Pub/Sub emulator cannot be used here: %v", pubsub.err)
		}
		test(t, guarded.Start(t, guarded.Options{Policy: town.Policy(), Stage: stage.Options{EmulatorHost: pubsub.Host}}))
	})
}
