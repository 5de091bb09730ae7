//go:build !deployed

package main

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/console"
)

// localPage is the page of a local cloud, whose buttons type commands as a person does.
type localPage struct {
	*console.Console
	running *playground.Playground
}

func newLocalPage(flags localFlags) *localPage {
	p := &localPage{}
	options := console.Options{Guarded: !flags.cloudOnly, Command: p.typed,
		Env: `eval "$(iapguard local env` + addrFlag(flags.addr) + `)"`}
	if flags.paused {
		options.Play = func(ctx context.Context) error { return p.running.Play(ctx) }
	}
	p.Console = console.New(options)
	return p
}

// watch shows what happens from now on.
func (p *localPage) watch(ctx context.Context, running *playground.Playground) error {
	p.running = running
	return p.Watch(ctx, running)
}

// until shows what happens until the context ends.
func (p *localPage) until(ctx context.Context, running *playground.Playground) error {
	if err := p.watch(ctx, running); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// typed carries out a command against the local cloud, as a shell does whose environment
// points there. The error is what the command says.
func (p *localPage) typed(ctx context.Context, args ...string) error {
	var out, said bytes.Buffer
	args = append(args, "--endpoint", p.running.URL(), "--context", playground.FunctionName)
	if status := run(ctx, args, &out, &said); status != exitDone {
		return errors.New(strings.TrimSpace(said.String()))
	}
	return nil
}
