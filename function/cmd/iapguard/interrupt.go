package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

var errInterrupted = errors.New("interrupted")

// lastWords are what a command has to say when the second Ctrl-C ends it at once.
type lastWords struct {
	mu  sync.Mutex
	say func() // nil = nothing
}

type lastWordsKey struct{}

// interruptible gives a context that ends with the first signal to end. With a second
// Ctrl-C the command says its last words, and end is called. Cloud Run's SIGTERM is not such
// a signal: it always leaves ten seconds.
func interruptible(parent context.Context, end func()) (ctx context.Context, stop func()) {
	words := &lastWords{}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, lastWordsKey{}, words))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for received := range signals {
			if ctx.Err() != nil && received == os.Interrupt {
				words.speak()
				end()
			}
			cancel(errInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

func (w *lastWords) speak() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.say != nil {
		w.say()
	}
}

// atOnce has a command say something when a second Ctrl-C ends it, until done is called.
func atOnce(ctx context.Context, say func()) (done func()) {
	words, ok := ctx.Value(lastWordsKey{}).(*lastWords)
	if !ok {
		return func() {}
	}
	set := func(say func()) {
		words.mu.Lock()
		defer words.mu.Unlock()
		words.say = say
	}
	set(say)
	return func() { set(nil) }
}
