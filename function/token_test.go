package function

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestATokenCountsForOneCommandOfTheWholeDeployment(t *testing.T) {
	setup := checkedConfig(t, cloudtest.Policy())
	setup.config.Store = memory.NewInProcess()
	one, other := startBench(t, setup), startBench(t, setup)
	const sweep = `{"command":"sweep","target":"projects/demo-project"}`
	token := one.token(t, operator, nil)
	if got := one.send(CommandsPath, token, sweep); got.Code != http.StatusOK {
		t.Fatalf("the first time: %d %s", got.Code, got.Body)
	}
	for name, instance := range map[string]*bench{"the same": one, "another": other} {
		if got := instance.send(CommandsPath, token, sweep); got.Code != http.StatusUnauthorized ||
			!strings.Contains(got.Body.String(), TokenUsed) {
			t.Errorf("a second time, at %s instance: %d %s", name, got.Code, got.Body)
		}
	}
	one.Later(time.Second)
	if got := other.send(CommandsPath, one.token(t, operator, nil), sweep); got.Code != http.StatusOK {
		t.Errorf("another token: %d %s", got.Code, got.Body)
	}
}

func TestWithTheMemoryDownATokenStopsWritesButLiftsNoStop(t *testing.T) {
	setup := checkedConfig(t, cloudtest.Policy("approvers: [\"serviceAccount:"+approver+"\"]"))
	store := &flaky{Store: memory.NewInProcess()}
	setup.config.Store = store
	b := startBench(t, setup)
	const hold = `{"command":"hold","target":"projects/demo-project","for":"1h","reason":"r"}`
	store.down.Store(true)
	for _, tc := range []struct {
		by, body string
		refused  bool
	}{
		{approver, `{"command":"approve","planId":"0123456789abcdef"}`, true},
		{operator, `{"command":"resume","target":"projects/demo-project"}`, true},
		{operator, `{"command":"undo","run":"r","yes":true}`, true},
		{operator, `{"command":"close-breaker","reason":"r"}`, true},
		{operator, hold, false}, // it is tried, and fails where it is kept
		{operator, `{"command":"sweep","target":"projects/demo-project"}`, false},
	} {
		code, answer := b.order(t, tc.by, tc.body)
		refused := code == http.StatusServiceUnavailable && strings.Contains(answer.Error, "no instance has taken")
		if refused != tc.refused || code == http.StatusUnauthorized {
			t.Errorf("%s: %d %+v, refused for its token: %t, want %t", tc.body, code, answer, refused, tc.refused)
		}
	}
	store.down.Store(false)
	if code, answer := b.order(t, operator, hold); code != http.StatusOK {
		t.Errorf("a hold once the memory is back: %d %+v", code, answer)
	}
	known, err := b.memory.Deployment(t.Context())
	if err != nil || len(known.Placed) != 1 || !known.Breaker.ClosedAt.IsZero() {
		t.Errorf("%d holds, breaker closed at %s, %v; want one hold and nothing else", len(known.Placed), known.Breaker.ClosedAt, err)
	}
}

// doorReader reads our own service's settings in the place of Cloud Run. Each reading ends as
// the test says.
type doorReader struct {
	began chan struct{}
	ends  chan error
	waits bool // for an end; else a reading fails for which the test has none
}

func (d *doorReader) read(ctx context.Context, _ posture.Target) (cloud.OwnDoor, error) {
	d.began <- struct{}{}
	if !d.waits && len(d.ends) == 0 {
		return cloud.OwnDoor{}, errors.New("no reading was expected")
	}
	select {
	case err := <-d.ends:
		return cloud.OwnDoor{URLs: []string{address}}, err
	case <-ctx.Done():
		return cloud.OwnDoor{}, ctx.Err()
	}
}

// behindCloudRun is a function whose readings of its own settings the test ends. They go by a
// clock that the test alone moves.
func behindCloudRun(t *testing.T) (*bench, *doorReader, *clockwork.FakeClock) {
	t.Helper()
	onCloudRun(t, "projects/123456789012/regions/us-central1")
	b := newBench(t, cloudtest.Policy(), "K_SERVICE=hello", "IAPGUARD_CALLERS_EVENTS="+pusher,
		"IAPGUARD_OPERATORS="+playground.OperatorAccount)
	reader, clock := &doorReader{began: make(chan struct{}, 100), ends: make(chan error, 100)}, clockwork.NewFakeClockAt(b.Now())
	b.admission.ownDoor, b.admission.clock = reader.read, clock
	return b, reader, clock
}

func TestAfterAReadingThatFailedNoneIsMadeForSeconds(t *testing.T) {
	b, cloudRun, clock := behindCloudRun(t)
	deliver := func() int { return b.send("/", stripped(b.token(t, pusher, nil)), `{"iapguard":"heartbeat"}`).Code }
	down := fault.New(fault.Unavailable, "Cloud Run is down")
	for _, tc := range []struct {
		name     string
		after    time.Duration
		ends     []error
		want     int
		readings int
	}{
		{"nothing is known", 0, []error{down}, http.StatusServiceUnavailable, 1},
		{"a second later", time.Second, nil, http.StatusServiceUnavailable, 0},
		{"at the end of the pause", ownDoorPause, []error{nil}, http.StatusNoContent, 1},
		{"while that is fresh", time.Minute, nil, http.StatusNoContent, 0},
		{"once it is not", ownDoorFor, []error{down}, http.StatusNoContent, 1},
		{"a second after that failed", time.Second, nil, http.StatusNoContent, 0},
		{"at the end of that pause", ownDoorPause, []error{down}, http.StatusNoContent, 1},
		{"for too long", ownDoorFor, []error{down}, http.StatusServiceUnavailable, 1},
	} {
		clock.Advance(tc.after)
		for _, end := range tc.ends {
			cloudRun.ends <- end
		}
		if got := deliver(); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
		if got := len(cloudRun.began); got != tc.readings {
			t.Fatalf("%s: %d readings, want %d", tc.name, got, tc.readings)
		}
		for range tc.readings {
			<-cloudRun.began
		}
	}
}

func TestWhoWaitsForAReadingHeedsItsOwnContext(t *testing.T) {
	b, cloudRun, clock := behindCloudRun(t)
	cloudRun.waits = true
	waits, leave := context.WithCancelCause(t.Context())
	type answer struct {
		door cloud.OwnDoor
		err  error
	}
	ask := func(ctx context.Context, atMost time.Duration) chan answer {
		answers := make(chan answer, 1)
		go func() {
			door, err := b.admission.believe(ctx, atMost)
			answers <- answer{door, err}
		}()
		return answers
	}
	first := ask(waits, ownDoorFor)
	<-cloudRun.began
	second := ask(t.Context(), ownDoorFor)
	gone := errors.New("the sender went away")
	leave(gone)
	if got := <-first; !errors.Is(got.err, gone) {
		t.Errorf("who left: %v, want %v", got.err, gone)
	}
	cloudRun.ends <- nil // the reading goes on without who began it
	if got := <-second; got.err != nil || len(got.door.URLs) != 1 {
		t.Errorf("who stayed: %+v", got)
	}
	for len(cloudRun.began) > 0 { // who asked after the first reading was over made one
		<-cloudRun.began
	}

	// While a command has the settings read anew, messages go by the last reading.
	clock.Advance(ownDoorForCommands)
	command := ask(t.Context(), ownDoorForCommands)
	<-cloudRun.began
	if got := <-ask(t.Context(), ownDoorFor); got.err != nil {
		t.Errorf("a message meanwhile: %v", got.err)
	}
	cloudRun.ends <- nil
	if got := <-command; got.err != nil {
		t.Errorf("the command: %v", got.err)
	}
}
