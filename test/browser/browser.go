// Package browser shows pages in a real headless Chromium, for tests: what a person sees of a page,
// what it asks of the network, how it prints, and what keeps somebody from using it.
//
// A browser is a process of the test that started it, and ends with it. Where no Chromium is
// installed, a test that starts one is skipped, and says so.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// programs are what Chromium is called, the first that is there is used.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// patience is how long a browser may take for one thing before the test gives up.
const patience = 2 * time.Minute

// Browser is a Chromium without a window.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Start starts a browser that ends with the test. Without Chromium the test is skipped.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := os.Getenv("TEST_CHROMIUM")
	for _, each := range programs {
		if program == "" {
			program, _ = exec.LookPath(each) // "" = not found
		}
	}
	if program == "" {
		t.Skipf("skipped: none of %s is installed, and TEST_CHROMIUM names no other: apt-get install chromium",
			strings.Join(programs, ", "))
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-gpu", true),
		// Its sandbox needs rights that a container does not give. It shows pages of our own alone.
		chromedp.NoSandbox)
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	// Chromium sends events that this version of the client does not know; it says so at each of them.
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		end()
		t.Fatalf("starting %s: %v", program, err)
	}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it closes its tabs first; end ends the process in any case
		end()
	})
	return &Browser{t, ctx}
}

// View is how a tab shows pages.
type View struct {
	Width, Height int64 // in CSS pixels; 0 = 1280 × 900
	Dark          bool  // the system prefers dark colours
	NoScript      bool  // JavaScript is off
}

// Phone is a narrow phone: pages should need no scrolling to the side there
// (WCAG 2.2, 1.4.10).
var Phone = View{Width: 320, Height: 640}

// Tab shows one page.
type Tab struct {
	t      testing.TB
	ctx    context.Context
	view   View
	mu     sync.Mutex
	asked  []string // of the network
	errors []string // that the browser logged
}

// Tab opens a tab, which is closed with the test.
func (b *Browser) Tab(view View) *Tab {
	b.t.Helper()
	ctx, stop := chromedp.NewContext(b.ctx)
	b.t.Cleanup(stop)
	tab := &Tab{t: b.t, ctx: ctx, view: view}
	if err := chromedp.Listen(ctx, tab.note); err != nil { // this opens it
		b.t.Fatalf("opening a tab: %v", err)
	}
	if tab.view.Width == 0 {
		tab.view.Width, tab.view.Height = 1280, 900
	}
	scheme := "light"
	if view.Dark {
		scheme = "dark"
	}
	Call(tab, network.Enable, network.EnableParams{})
	Call(tab, log.Enable, cdp.Empty{})
	Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: view.NoScript})
	Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	tab.Do(chromedp.EmulateViewport(tab.view.Width, tab.view.Height))
	return tab
}

// note keeps what the page asks of the network and what the browser complains of.
func (t *Tab) note(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		t.asked = append(t.asked, event.Request.URL)
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError {
			t.errors = append(t.errors, event.Entry.Text+" "+event.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		t.errors = append(t.errors, event.ExceptionDetails.Text)
	}
}

// Do does things in the tab, one after the other.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	t.t.Helper()
	ctx, stop := context.WithTimeout(t.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.t.Fatalf("the browser: %v", err)
	}
}

// Call sends a command of the DevTools protocol.
func Call[P, R any](t *Tab, command cdp.Command[P, R], parameters P) R {
	t.t.Helper()
	ctx, stop := context.WithTimeout(t.ctx, patience)
	defer stop()
	result, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, parameters)
	})
	if err != nil {
		t.t.Fatalf("the browser: %s: %v", command.Method, err)
	}
	return result
}

// Open shows a page.
func (t *Tab) Open(url string) {
	t.t.Helper()
	t.Do(chromedp.Navigate(url))
}

// Requests are the URLs that pages in the tab asked for, the pages among them.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.asked)
}

// Errors are what the browser logged as errors: what failed to load, what a
// Content-Security-Policy refused, exceptions of scripts.
func (t *Tab) Errors() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.errors)
}

// Value is what a JavaScript expression gives in a page.
func Value[T any](t *Tab, expression string) T {
	t.t.Helper()
	ctx, stop := context.WithTimeout(t.ctx, patience)
	defer stop()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.t.Fatalf("the browser: evaluating %.60s: %v", expression, err)
	}
	return value
}

// Screenshot is the whole page as a PNG.
func (t *Tab) Screenshot() []byte {
	t.t.Helper()
	size := Call(t, page.GetLayoutMetrics, cdp.Empty{}).CSSContentSize
	t.Do(chromedp.EmulateViewport(t.view.Width, min(int64(size.Height)+1, tallest)))
	defer t.Do(chromedp.EmulateViewport(t.view.Width, t.view.Height))
	return Call(t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}).Data
}

// tallest bounds pictures: Chromium draws nothing below that.
const tallest = 16_000

// PDF is the page as the browser prints it, by the page's own rules.
func (t *Tab) PDF() []byte {
	t.t.Helper()
	own := true
	return Call(t, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &own}).Data
}

// Keep writes a file into the folder of TEST_PICTURES, for a person to look at; without it
// nothing is kept.
func (t *Tab) Keep(name string, content []byte) {
	t.t.Helper()
	folder := os.Getenv("TEST_PICTURES")
	if folder == "" {
		return
	}
	if err := os.WriteFile(fmt.Sprintf("%s/%s", folder, name), content, 0o600); err != nil {
		t.t.Errorf("keeping a picture: %v", err)
	}
}

// Picture is what shows of one element, as a PNG with three pixels for two of CSS.
func (t *Tab) Picture(selector string) []byte {
	t.t.Helper()
	at := Value[page.Viewport](t, fmt.Sprintf(`(() => { const at = document.querySelector(%q).getBoundingClientRect()
		return {x: at.x + scrollX, y: at.y + scrollY, width: at.width, height: at.height, scale: 1.5} })()`, selector))
	beyond := true
	return Call(t, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, Clip: &at, CaptureBeyondViewport: &beyond}).Data
}
