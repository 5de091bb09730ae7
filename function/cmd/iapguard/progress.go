package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/iapguard/iapguard/internal/safetext"
)

// progressAfter is how long a work takes before its progress is shown.
const progressAfter = time.Second

// progress shows on a terminal how far a long work is, how fast it goes and how long the
// rest takes. Elsewhere it shows nothing.
type progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil = it is not shown
	total int
	done  int
	shown *time.Timer
}

// newProgress begins to show a work of so many things, such as services looked at, after a while.
// More may be found meanwhile.
func newProgress(stderr io.Writer, what string, total int, after time.Duration) *progress {
	p := &progress{total: total}
	terminal := terminalBehind(stderr)
	if terminal == nil || total == 1 {
		return p
	}
	things, _, _ := strings.Cut(what, " ")
	p.shown = time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.total == 1 {
			return
		}
		p.bar = progressbar.NewOptions(max(1, p.total),
			progressbar.OptionSetWriter(terminal), progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(things),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))
		_ = p.bar.Set(p.done) // it only shows
	})
	return p
}

// grow adds to the things of the work.
func (p *progress) grow(more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total += more; p.bar != nil {
		p.bar.ChangeMax(p.total)
	}
}

// add notes that one more thing is done.
func (p *progress) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.bar != nil {
		_ = p.bar.Set(p.done) // it only shows
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.shown != nil {
		p.shown.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear() // it only shows
		p.bar = nil
	}
}

// clearLine takes away what stands on the line of a terminal's cursor.
const clearLine = "\r\x1b[2K"

// waitUntil waits until a time, or until the context ends, and shows what for: each second
// anew on a terminal, else in one line.
func waitUntil(ctx context.Context, stderr io.Writer, until time.Time, what string) error {
	show := func() string {
		left := max(0, time.Until(until).Round(time.Second))
		return fmt.Sprintf("waiting %s, until %s: %s", left, until.Local().Format(time.TimeOnly), what)
	}
	over := time.NewTimer(time.Until(until))
	defer over.Stop()
	terminal := terminalBehind(stderr)
	if terminal == nil {
		screen := newScreen(stderr)
		screen.print(line{text: show()})
		select {
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	each := time.NewTicker(time.Second)
	defer each.Stop()
	defer fmt.Fprint(terminal, clearLine)
	for {
		columns, _, err := term.GetSize(int(terminal.Fd()))
		if err != nil {
			columns = narrowestScreen
		}
		text := safetext.Escape(show(), math.MaxInt)
		fmt.Fprint(terminal, clearLine+runewidth.Truncate(text, columns-1, "…"))
		select {
		case <-each.C:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// showElapsed shows on a terminal for how long a step has been under way, once that is
// more than a second. hide takes it away.
func showElapsed(stderr io.Writer, what string) (hide func()) {
	terminal := terminalBehind(stderr)
	if terminal == nil {
		return func() {}
	}
	began, over, gone := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		each := time.NewTicker(time.Second)
		defer each.Stop()
		for shown := false; ; shown = true {
			select {
			case <-each.C:
				fmt.Fprint(terminal, clearLine+safetext.Escape(what, math.MaxInt)+tenths(time.Since(began)))
			case <-over:
				if shown {
					fmt.Fprint(terminal, clearLine)
				}
				return
			}
		}
	}()
	return func() {
		close(over)
		<-gone
	}
}
