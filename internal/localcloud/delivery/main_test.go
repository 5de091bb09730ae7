package delivery_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/delivery/emulator"
)

// patience is how long a test waits for what must come; it passes as soon as
// it has come.
const patience = 30 * time.Second

// The emulator is started once, by the first test that wants it.
var running struct {
	sync.Once
	*emulator.Emulator
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if running.Emulator != nil {
		if err := running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// onBothBackends runs a test with messages kept in process, and again with
// Google's emulator where there is one.
func onBothBackends(t *testing.T, test func(*testing.T, *delivery.Broker)) {
	t.Run("in process", func(t *testing.T) {
		test(t, startBroker(t, ""))
	})
	t.Run("emulator", func(t *testing.T) {
		running.Do(func() {
			running.Emulator, running.err = emulator.Use(os.Getenv("PUBSUB_EMULATOR_HOST"))
		})
		if running.err != nil {
			t.Skip(running.err)
		}
		test(t, startBroker(t, running.Host))
	})
}

func startBroker(t *testing.T, emulatorHost string) *delivery.Broker {
	t.Helper()
	broker, err := delivery.Start(t.Context(), delivery.Options{Project: "demo-project", EmulatorHost: emulatorHost,
		Token: func(account, audience string) (string, error) { return account + "-for-" + audience, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := broker.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return broker
}

// named makes names that no other test uses: one emulator serves all.
func named(t *testing.T, collection, id string) string {
	unique := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return "projects/demo-project/" + collection + "/" + id + "-" + unique[:min(len(unique), 200)]
}

func createTopic(t *testing.T, broker *delivery.Broker, id string) string {
	t.Helper()
	name := named(t, "topics", id)
	if err := broker.CreateTopic(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

func push(t *testing.T, broker *delivery.Broker, subscription delivery.Subscription) delivery.Subscription {
	t.Helper()
	if subscription.Name == "" {
		subscription.Name = named(t, "subscriptions", "sub")
	}
	if err := broker.Push(t.Context(), subscription); err != nil {
		t.Fatal(err)
	}
	return subscription
}

func publish(t *testing.T, broker *delivery.Broker, message delivery.Message) string {
	t.Helper()
	id, err := broker.Publish(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func awaitIdle(t *testing.T, broker *delivery.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := broker.Idle(ctx); err != nil {
		t.Fatalf("%v; state %+v", err, broker.State())
	}
}
