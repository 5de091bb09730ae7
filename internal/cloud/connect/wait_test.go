package connect

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWaitingPausesByTheGivenClock(t *testing.T) {
	var pauses []time.Duration
	config := Config{Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	asked := 0
	err := config.Until(t.Context(), func(context.Context) (bool, error) { asked++; return asked == 12, nil })
	if err != nil || asked != 12 || len(pauses) != 11 {
		t.Fatalf("asked %d times with %d pauses, error %v; want 12 with 11", asked, len(pauses), err)
	}
	for i, bound := 0, 50*time.Millisecond; i < len(pauses); i, bound = i+1, min(2*bound, 5*time.Second) {
		if pauses[i] <= 0 || pauses[i] > bound {
			t.Errorf("pause %d is %v, want one up to %v", i+1, pauses[i], bound)
		}
	}
}

func TestWaitingEndsWithTheContextOrAnError(t *testing.T) {
	never := func(context.Context) (bool, error) { return false, nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Config{}).Until(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("by the machine's clock: %v, want that the context ended", err)
	}
	refused := errors.New("refused")
	fails := func(context.Context) (bool, error) { return false, refused }
	if err := (Config{}).Until(t.Context(), fails); !errors.Is(err, refused) {
		t.Errorf("error %v, want that of the call", err)
	}
}
