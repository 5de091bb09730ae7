package timeout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
)

const (
	limit = 5 * time.Second
	says  = "the store did not answer within 5s"
)

func TestContextEndsWhenTheClockReachesTheLimit(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ctx, cancel := With(t.Context(), clock, limit, "the store")
	defer cancel()
	clock.Advance(limit - 1)
	if err := ctx.Err(); err != nil {
		t.Fatalf("before the limit: %v", err)
	}
	clock.Advance(1)
	<-ctx.Done()
	if cause := context.Cause(ctx); cause.Error() != says || !errors.Is(cause, context.DeadlineExceeded) {
		t.Errorf("cause %v, want a deadline that says %q", cause, says)
	}
}

func TestEndedCallLeavesNoTimer(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ctx, cancel := With(t.Context(), clock, limit, "the store")
	cancel()
	clock.Advance(2 * limit)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		t.Errorf("cause %v, want canceled", cause)
	}
	if err := clock.BlockUntilContext(t.Context(), 0); err != nil {
		t.Errorf("a timer is left: %v", err)
	}
}

// A fake clock has the time of another year, so that a deadline on it is past for
// net/http or never comes.
func TestHTTPRequestWaitsForTheFakeClock(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	defer close(release)
	clock := clockwork.NewFakeClock()
	ctx, cancel := With(t.Context(), clock, limit, "the store")
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-arrived // a request that ended at once never arrives
		clock.Advance(limit)
	}()
	if _, err = http.DefaultClient.Do(request); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want a deadline", err)
	}
}

func TestExplainNamesTheTimeOutAndKeepsTheKind(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ctx, cancel := With(t.Context(), clock, limit, "the store")
	defer cancel()
	cut := fault.New(fault.Canceled, "reading: %w", context.Canceled)
	if got := Explain(ctx, cut); got != cut {
		t.Errorf("before the limit: %v, want it unchanged", got)
	}
	clock.Advance(limit)
	<-ctx.Done()
	for name, tc := range map[string]struct {
		err  error
		want string
		kind fault.Kind
	}{
		"cut off":      {cut, "reading: context canceled: " + says, fault.Canceled},
		"the last try": {fault.New(fault.Quota, "too many"), "too many: " + says, fault.Quota},
		"says it":      {fmt.Errorf("reading: %w", context.Cause(ctx)), "reading: " + says, fault.Unknown},
		"unclassified": {context.Canceled, "context canceled: " + says, fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(ctx, tc.err)
			if got.Error() != tc.want || fault.Of(got).Kind != tc.kind || !errors.Is(got, context.DeadlineExceeded) {
				t.Errorf("%q of kind %s, want %q of kind %s, a deadline", got, fault.Of(got).Kind, tc.want, tc.kind)
			}
		})
	}
	if Explain(ctx, nil) != nil {
		t.Error("success is explained")
	}
}
