package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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

func TestACallThatHangsHoldsNobodyBack(t *testing.T) {
	late := make(chan time.Time)
	j := Joined[int]{after: func(d time.Duration) <-chan time.Time {
		if d != joinedAtMost {
			t.Errorf("callers wait %s, want %s", d, joinedAtMost)
		}
		return late
	}}
	hung := make(chan struct{})
	first := j.join("k", func() (int, error) { <-hung; return 1, nil })
	second := j.join("k", func() (int, error) { return 2, nil })
	late <- time.Now()
	<-second.done
	if second.value != 2 {
		t.Errorf("who came during the call that hangs got %d, want an answer of its own", second.value)
	}
	third := j.join("k", func() (int, error) { return 3, nil })
	<-third.done
	close(hung)
	<-first.done
	if first.value != 1 || third.value != 3 {
		t.Errorf("the call that hung answered %d, and the third caller got %d; want 1 and 3", first.value, third.value)
	}
	if got, err := j.Get(t.Context(), "k", func(context.Context) (int, error) { return 4, nil }); got != 4 || err != nil {
		t.Errorf("afterwards: %d, %v", got, err)
	}
}
