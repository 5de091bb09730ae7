package loop

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/emulator"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// start closes the loop around a function, as a log sink does it. Keys are
// those of the policy's rule.
func start(t *testing.T, keys ...string) *withfunction.Env {
	t.Helper()
	return withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(keys...)})
}

// The emulator is started once, by the first test that wants it. One test at a
// time uses it: all use the same topics.
var pubsub struct {
	sync.Once
	*emulator.Emulator
	err  error
	used sync.Mutex
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

// onBothBackends runs a test in a local cloud that the function guards, with
// Pub/Sub in process and with Google's emulator where there is one.
func onBothBackends(t *testing.T, test func(t *testing.T, r *withfunction.Env)) {
	t.Run("in process", func(t *testing.T) { test(t, start(t)) })
	t.Run("emulator", func(t *testing.T) {
		pubsub.Do(func() { pubsub.Emulator, pubsub.err = emulator.Use(os.Getenv("PUBSUB_EMULATOR_HOST")) })
		if pubsub.err != nil {
			t.Skipf("skipped: the Pub/Sub emulator cannot be used here: %v", pubsub.err)
		}
		pubsub.used.Lock()
		t.Cleanup(pubsub.used.Unlock) // registered first, so that it runs after the local cloud is closed
		test(t, withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(),
			Playground: playground.Options{EmulatorHost: pubsub.Host}}))
	})
}
