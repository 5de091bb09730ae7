package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// counter answers with how often it was asked.
type counter struct{ asked int }

func (c *counter) ask(context.Context) (int, error) {
	c.asked++
	return c.asked, nil
}

func newCache(t *testing.T, options Options[int]) *Cache[int] {
	t.Helper()
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *Cache[int], key string, ask func(context.Context) (int, error)) int {
	t.Helper()
	value, err := c.Get(t.Context(), key, ask)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAnAnswerIsUsedUntilItExpires(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var source counter
	c := newCache(t, Options[int]{Size: 2, TTL: time.Minute, Now: func() time.Time { return now }})
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {time.Second, 2}} {
		now = now.Add(tc.after)
		if got := get(t, c, "k", source.ask); got != tc.want {
			t.Errorf("at %s: answer %d, want %d", now.Format(time.TimeOnly), got, tc.want)
		}
	}
}

func TestTheLeastRecentlyUsedAnswerGoesFirst(t *testing.T) {
	var source counter
	c := newCache(t, Options[int]{Size: 2})
	for _, key := range []string{"a", "b", "a", "c"} {
		get(t, c, key, source.ask)
	}
	for key, want := range map[string]int{"a": 1, "c": 3} {
		if got := get(t, c, key, source.ask); got != want {
			t.Errorf("%s: answer %d, want %d, which was kept", key, got, want)
		}
	}
	if got := get(t, c, "b", source.ask); got != 4 {
		t.Errorf("b: answer %d, want a new one", got)
	}
}

func TestOnlyWantedAnswersAreKept(t *testing.T) {
	var source counter
	c := newCache(t, Options[int]{Size: 2, Keep: func(v int) bool { return v > 1 }})
	failed := errors.New("no answer")
	fails := func(context.Context) (int, error) { return 9, failed }
	if _, err := c.Get(t.Context(), "k", fails); !errors.Is(err, failed) {
		t.Errorf("error %v, want that of the call", err)
	}
	for _, want := range []int{1, 2, 2} {
		if got := get(t, c, "k", source.ask); got != want {
			t.Errorf("answer %d, want %d", got, want)
		}
	}
	c.Put("other", 7)
	if got := get(t, c, "other", source.ask); got != 7 {
		t.Errorf("answer %d, want what was put", got)
	}
}

func TestConcurrentCallsShareOneRead(t *testing.T) {
	c := newCache(t, Options[int]{Size: 2})
	var asked int
	release := make(chan struct{})
	ask := func(context.Context) (int, error) {
		asked++
		<-release
		return 1, nil
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { get(t, c, "k", ask) })
	}
	time.Sleep(20 * time.Millisecond) // most of them have joined by then; others find the answer
	close(release)
	group.Wait()
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

// A caller finds nothing, and before it asks, another one's answer is kept.
func TestACallerAsksNotForWhatWasJustKept(t *testing.T) {
	var c *Cache[int]
	var at time.Time
	meanwhile := func() {}
	c = newCache(t, Options[int]{Size: 2, TTL: time.Minute, Now: func() time.Time {
		do := meanwhile
		meanwhile = func() {}
		do()
		return at
	}})
	at = time.Unix(0, 0)
	c.Put("k", 1)
	at = at.Add(time.Hour)
	meanwhile = func() { c.Put("k", 2) }
	var source counter
	if got := get(t, c, "k", source.ask); got != 2 || source.asked != 0 {
		t.Errorf("answer %d after %d reads, want what was kept just before", got, source.asked)
	}
}

func TestAReadThatForgetOvertookIsNotKept(t *testing.T) {
	c := newCache(t, Options[int]{Size: 2})
	begun, release, done := make(chan struct{}), make(chan struct{}), make(chan int)
	go func() {
		value, _ := c.Get(context.WithoutCancel(t.Context()), "k", func(context.Context) (int, error) {
			close(begun)
			<-release
			return 1, nil
		})
		done <- value
	}()
	<-begun
	c.Forget("k")
	if got := get(t, c, "k", func(context.Context) (int, error) { return 2, nil }); got != 2 {
		t.Errorf("after Forget the answer is %d, want that of a new call", got)
	}
	close(release)
	if got := <-done; got != 1 {
		t.Errorf("the overtaken call gives %d, want its own answer", got)
	}
	if got := get(t, c, "k", nil); got != 2 {
		t.Errorf("kept is %d, want 2", got)
	}
}

func TestACanceledReaderDoesNotFailTheOthers(t *testing.T) {
	c := newCache(t, Options[int]{Size: 2})
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	first := make(chan error)
	go func() {
		_, err := c.Get(ctx, "k", func(ctx context.Context) (int, error) {
			close(begun)
			<-ctx.Done()
			time.Sleep(20 * time.Millisecond) // so that the second caller joins
			return 0, ctx.Err()
		})
		first <- err
	}()
	<-begun
	second := make(chan int)
	go func() { second <- get(t, c, "k", func(context.Context) (int, error) { return 2, nil }) }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first caller gets %v, want that its context ended", err)
	}
	if got := <-second; got != 2 {
		t.Errorf("the second caller gets %d, want 2", got)
	}
}
