package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// stepped answers each call with its number, one call at a time, and only when it may.
type stepped struct {
	began  chan int
	answer chan struct{}
	asked  atomic.Int64
}

func newStepped() *stepped { return &stepped{began: make(chan int, 100), answer: make(chan struct{})} }

func (s *stepped) ask(context.Context) (int, error) {
	n := int(s.asked.Add(1))
	s.began <- n
	<-s.answer
	return n, nil
}

func TestWhoComesDuringACallSharesTheNextOne(t *testing.T) {
	var j Joined[int]
	s := newStepped()
	first := make(chan int, 1)
	go func() { value, _ := j.Get(t.Context(), "k", s.ask); first <- value }()
	<-s.began
	var group sync.WaitGroup
	var later [20]int
	for i := range later {
		call := j.join("k", func() (int, error) { return s.ask(t.Context()) })
		group.Go(func() { <-call.done; later[i] = call.value })
	}
	s.answer <- struct{}{}
	if got := <-first; got != 1 {
		t.Errorf("the first caller got the answer of call %d", got)
	}
	<-s.began
	s.answer <- struct{}{}
	group.Wait()
	for i, got := range later {
		if got != 2 {
			t.Errorf("caller %d, who came during the first call, got the answer of call %d, want the second", i, got)
		}
	}
	if asked := s.asked.Load(); asked != 2 {
		t.Errorf("%d calls, want 2", asked)
	}
}

func TestAJoinedAnswerIsNotKept(t *testing.T) {
	var j Joined[int]
	var source counter
	for want := 1; want <= 3; want++ {
		if got, err := j.Get(t.Context(), "k", source.ask); got != want || err != nil {
			t.Errorf("call %d: answer %d, %v", want, got, err)
		}
	}
	if len(j.turns) != 0 {
		t.Errorf("%d keys are kept", len(j.turns))
	}
}

func TestACallerThatGivesUpFailsNoOther(t *testing.T) {
	var j Joined[int]
	s := newStepped()
	ctx, giveUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := j.Get(ctx, "k", func(ctx context.Context) (int, error) {
			n, _ := s.ask(ctx)
			return n, ctx.Err()
		})
		gone <- err
	}()
	<-s.began
	other := j.join("k", func() (int, error) { return s.ask(t.Context()) })
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	s.answer <- struct{}{}
	<-s.began
	s.answer <- struct{}{}
	<-other.done
	if other.value != 2 || other.err != nil {
		t.Errorf("the other got %d, %v", other.value, other.err)
	}
}

func TestJoinedCallsForOtherKeysDoNotWait(t *testing.T) {
	var j Joined[int]
	s := newStepped()
	done := make(chan struct{})
	go func() { _, _ = j.Get(t.Context(), "slow", s.ask); close(done) }()
	<-s.began
	if got, err := j.Get(t.Context(), "quick", func(context.Context) (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("answer %d, %v", got, err)
	}
	s.answer <- struct{}{}
	<-done
}
