// Package console is the page of the local cloud: a drawing of each service, live; what
// happens, as it happens, from the log entry to the report; buttons that break something, each
// shown as the line that does the same in a shell; and visitors who knock at every door.
//
// The server renders everything, and html/template escapes what others wrote. The page's
// script puts what it is sent in its place, and builds no text of its own. Nothing is inline,
// so that the Content-Security-Policy can forbid that. A page of another site reaches nothing
// here: the local cloud checks Host and Origin, and whatever changes something has to come from
// this very origin.
package console

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iapguard/iapguard/internal/drawing"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// Options say what a console shows. The zero value is for a local cloud without the function.
type Options struct {
	// Guarded means that the function is attached.
	Guarded bool
	// Play plays the scenario, on a visitor's word; nil = it is played anyway.
	Play func(context.Context) error
	// Command carries out a command of iapguard's against the local cloud.
	Command func(ctx context.Context, args ...string) error
	// Env is the line that points a shell at the local cloud.
	Env string
	// Now is the clock of what is shown; nil = the machine's.
	Now func() time.Time
}

// Console is the page. It shows nothing before Watch.
type Console struct {
	options  Options
	timeline *timeline
	paused   atomic.Bool
	running  *playground.Playground
	looker   looker
	lookFor  chan struct{} // a look is wanted
	watchers atomic.Int32

	mu      sync.Mutex
	ready   bool
	view    view
	viewed  int           // counts the views
	changed chan struct{} // closed when there is something new

	paths http.Handler
}

// New returns a console, to be served and to be given the calls of a local cloud that is about
// to start.
func New(options Options) *Console {
	if options.Now == nil {
		options.Now = time.Now
	}
	c := &Console{options: options, lookFor: make(chan struct{}, 1), changed: make(chan struct{})}
	c.timeline = newTimeline(options.Now, c.notify)
	c.paused.Store(options.Play != nil)
	c.paths = c.routes()
	return c
}

// routes lead to the page and what is below it. A page of another origin changes nothing.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	for _, at := range []string{"GET /{$}", "GET /console", "GET /console/{$}"} {
		mux.HandleFunc(at, c.page)
	}
	mux.HandleFunc("GET /console/events", c.events)
	mux.HandleFunc("GET /console/drawing.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(drawing.CSS)) // a browser that has gone needs no style
	})
	mux.HandleFunc("GET /console/files/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, r.PathValue("name"))
	})
	mux.HandleFunc("POST /console/do", c.press)
	mux.HandleFunc("POST /console/knock", c.knock)
	return http.NewCrossOriginProtection().Handler(mux)
}

// Watch shows what happens in a local cloud from now on, until the context ends.
func (c *Console) Watch(ctx context.Context, running *playground.Playground) error {
	at, err := url.Parse(running.DataURL())
	if err != nil {
		return fmt.Errorf("reading the address of the data plane: %w", err)
	}
	c.running, c.looker = running, looker{running, at.Port()}
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	running.Cloud.Logs().Follow(ctx, c.entry)
	go c.look(ctx)
	return nil
}

// OnCall shows an API call.
func (c *Console) OnCall(entry apiserver.CallEntry) { c.timeline.call(entry) }

// OnReport shows a report of the function's.
func (c *Console) OnReport(received playground.Report) {
	var r report.Report
	if err := json.Unmarshal(received.Data, &r); err == nil { // the function writes no others
		c.timeline.report(r)
	}
	c.wantLook()
}

func (c *Console) entry(raw json.RawMessage) {
	c.timeline.log(raw)
	c.wantLook()
}

func (c *Console) wantLook() {
	select {
	case c.lookFor <- struct{}{}:
	default: // one is wanted already
	}
}

// notify wakes everybody who watches. It must not call the timeline, which may hold its lock.
func (c *Console) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// pause is how long changes are gathered before they are shown.
const pause = 150 * time.Millisecond

// look keeps the view as it is while somebody watches.
func (c *Console) look(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.lookFor:
		}
		if c.watchers.Load() > 0 {
			c.lookNow(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (c *Console) lookNow(ctx context.Context) {
	seen := c.looker.look(ctx)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	c.view = seen
	c.viewed++
	c.mu.Unlock()
	c.notify()
}

// current is the view, how many there were, and what is closed when there is something new.
func (c *Console) current() (view, int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view, c.viewed, c.changed
}

//go:embed page.html
var pageText string

//go:embed console.css console.js icon.svg
var files embed.FS

var pages = template.Must(template.New("").
	Funcs(template.FuncMap{"clock": clock, "words": strings.Fields}).Parse(pageText))

func clock(at time.Time) string { return at.Local().Format("15:04:05.0") }

// contentPolicy lets the page load what this server has, and nothing that is inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP answers / and /console, and what is below it.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if !ready {
		http.Error(w, "The local cloud is starting: load the page again.", http.StatusServiceUnavailable)
		return
	}
	c.paths.ServeHTTP(w, r)
}

// shown is what the page's templates take.
type shown struct {
	view
	Guarded, Paused bool
	Env             string
	Symbols         template.HTML
	Actions         []action // of the project
	Cards           []card
}

// card is a service with its buttons.
type card struct {
	service
	Guarded bool
	Actions []action
}

func (c *Console) shown(v view) shown {
	s := shown{view: v, Env: c.options.Env, Guarded: c.options.Guarded, Paused: c.paused.Load(),
		Symbols: drawing.Symbols, Actions: c.projectActions(v)}
	for _, each := range v.Services {
		s.Cards = append(s.Cards, card{each, c.options.Guarded, c.serviceActions(each)})
	}
	return s
}

func render(name string, data any) string {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		return template.HTMLEscapeString(err.Error())
	}
	return b.String()
}

func (c *Console) page(w http.ResponseWriter, r *http.Request) {
	c.lookNow(r.Context())
	v, _, _ := c.current()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(render("page", c.shown(v)))) // a browser that has gone needs no page
}

// maxBody bounds what a button sends.
const maxBody = 1 << 14

// wish is what a button sends.
type wish struct{ Action, Service, Address, Who string }

// read reads a wish. It is JSON, which no form of another page can send.
func read(w http.ResponseWriter, r *http.Request) (sent wish, ok bool) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "send JSON, with its Content-Type", http.StatusUnsupportedMediaType)
		return sent, false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&sent); err != nil {
		http.Error(w, "reading what is wanted: "+err.Error(), http.StatusBadRequest)
		return sent, false
	}
	return sent, true
}

// press does what a button says.
func (c *Console) press(w http.ResponseWriter, r *http.Request) {
	sent, ok := read(w, r)
	if !ok {
		return
	}
	found, ok := c.find(c.looker.look(r.Context()), sent.Action, sent.Service)
	switch {
	case !ok:
		http.Error(w, "there is no such button now: load the page again", http.StatusNotFound)
		return
	case found.Off != "":
		http.Error(w, "not now: "+found.Off, http.StatusConflict)
		return
	}
	c.timeline.press(found.Service, "You: "+found.Label, found.Lines[0])
	// The visitor may leave while it is done.
	ctx := context.WithoutCancel(r.Context())
	err := found.do(ctx)
	c.wantLook()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// knocked is a visitor's request with its answer.
type knocked struct {
	answer
	Line string
}

// knock sends a visitor to a door, who is logged as any other.
func (c *Console) knock(w http.ResponseWriter, r *http.Request) {
	sent, ok := read(w, r)
	if !ok {
		return
	}
	seen, _, _ := c.current()
	for _, each := range seen.Services {
		at := slices.IndexFunc(each.Doors, func(k knockable) bool { return k.Address == sent.Address })
		if each.Name != sent.Service || at < 0 || !slices.Contains(visitors, sent.Who) {
			continue
		}
		door := each.Doors[at]
		asked := request{http.MethodGet, c.running.DataURL() + door.path, [][2]string{{"Host", door.host}}, ""}
		if sent.Who != "" {
			asked.header = append(asked.header, [2]string{"X-Local-User", sent.Who})
		}
		got, err := asked.send(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(render("knocked", knocked{got.answer(sent.Who), asked.curl()}))) // the visitor has gone
		return
	}
	http.Error(w, "there is no such door: load the page again", http.StatusNotFound)
}
