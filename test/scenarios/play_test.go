package scenarios

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/canary"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// patience bounds one story.
const patience = 2 * time.Minute

// play is one story being played: a local cloud, a function whose calls pass
// through here, and the events that were not delivered yet. Both use the clock that
// the story advances.
type play struct {
	t          *testing.T
	ctx        context.Context
	playground *playground.Playground
	function   string          // its base URL
	config     function.Config // what it was started with
	stop       func()          // ends it
	watched    string          // base URL of all APIs, past watch
	folder     string          // of the files policy.yaml and holds.yaml
	days       []string        // pairs of a day and how the story names it
	unlogged   string          // base URL of the data plane for who only watches
	clock      *cloudtest.Clock

	caller, agent string         // of the following calls
	leaves        bool           // nobody waits for the operation of the next call
	read          map[string]any // the policy that a tool read
	doors         []door
	entitled      []visitor // visitors that the policy names
	closes        bool      // the policy may shut them out, too: what it cannot guard, or with others behind IAP

	mu      sync.Mutex
	mail    []letter
	reports []report.Report
	written []string
	spent   spent
	given   map[message]int // how often the function was given each message
	alerted map[string]bool // entries that raised an alert which was looked at

	forgotten map[string]string // by path: the field that the function does not get to read
}

// letter is one message that waits for its delivery.
type letter struct {
	path   string
	body   []byte
	target string    // of work, "" of everything else
	at     time.Time // of what happened
	number int       // of the message: Pub/Sub here counts them
	of     string    // the subscription
}

// read fills in what the order of deliveries goes by.
func (l *letter) read() error {
	var push struct {
		Message struct {
			Data      []byte
			MessageID string `json:"messageId"`
		}
		Subscription string
	}
	if err := json.Unmarshal(l.body, &push); err != nil {
		return err
	}
	l.of = push.Subscription
	var sent struct {
		Target    string
		Timestamp time.Time
		Cause     struct{ At time.Time }
	}
	if err := json.Unmarshal(push.Message.Data, &sent); err != nil {
		return err
	}
	l.target, l.at = sent.Target, sent.Timestamp
	if l.at.IsZero() {
		l.at = sent.Cause.At
	}
	_, err := fmt.Sscanf(push.Message.MessageID, "%d", &l.number)
	return err
}

func start(t *testing.T, s script) *play {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &play{t: t, ctx: ctx, caller: playground.Developer, folder: t.TempDir(), clock: cloudtest.NewClock(t),
		given: map[message]int{}, alerted: map[string]bool{}}
	var err error
	options := playground.Options{Discovery: discovery.Judge(t), Clock: p.clock.Now,
		WithoutOrganization: s.alone, Beliefs: s.beliefs, Roles: rolesWithout(t, s.without)}
	for _, id := range s.beside {
		options.Projects = append(options.Projects, apiserver.NewProject(id))
	}
	if p.playground, err = playground.Start(ctx, options); err != nil {
		t.Fatal(err)
	}
	watched := httptest.NewServer(p.playground.Cloud.DataPlane().Unlogged())
	t.Cleanup(watched.Close)
	p.unlogged = watched.URL
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.playground.Close(closing); err != nil {
			t.Errorf("closing the playground: %v", err)
		}
	})
	for _, v := range visitors {
		if v.member != "" && bytes.Contains(s.policy, []byte(v.member)) {
			p.entitled = append(p.entitled, v)
		}
	}
	for _, shuts := range []string{"withoutLoadBalancer: close", "private: behind-iap", "do: close"} {
		p.closes = p.closes || bytes.Contains(s.policy, []byte(shuts))
	}
	if err := p.playground.OnReport(ctx, p.reported); err != nil {
		t.Fatal(err)
	}
	p.attach(s)
	return p
}

// attach starts the function behind an HTTP server. Its API calls go through
// watch; its events, and the work that it sends itself, are kept until the
// story delivers them.
func (p *play) attach(s script) {
	p.t.Helper()
	watched := httptest.NewServer(http.HandlerFunc(p.watch))
	p.t.Cleanup(watched.Close)
	config, err := function.ReadConfig(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	p.watched = watched.URL
	config.Connect.Endpoint, config.Clock = watched.URL, p.clock
	config.WorkDeadline = time.Second // a story's clock stands still while a message is handled: nothing waits there
	config.Connect.DoorsAddress = strings.TrimPrefix(p.playground.DataURL(), "http://")
	config.ReportsTopic, config.WorkTopic, config.PubSubHost = playground.ReportsTopic, playground.WorkTopic,
		p.playground.Broker.Address()
	if config.Policy, err = p.keepFile("policy.yaml", s.policy); err != nil {
		p.t.Fatal(err)
	}
	if config.Holds, err = p.keepFile("holds.yaml", s.holds); err != nil {
		p.t.Fatal(err)
	}
	if config.MemoryKey, err = p.keepFile("memory.key", s.key); err != nil {
		p.t.Fatal(err)
	}
	if config.Writers, err = function.ParseWriters(s.writers); err != nil {
		p.t.Fatal(err)
	}
	push := []string{playground.PushAccount}
	config.Callers = function.Callers{
		Audiences: []string{playground.FunctionAudience}, Operators: []string{playground.OperatorAccount},
		Pushers: map[string][]string{function.EventsPath: push, function.WorkPath: push, function.CommandsPath: push},
	}
	config.Store = memory.NewInProcess() // outlives the function's process
	p.config = config
	if err := p.serve(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { p.stop() })
	if err := p.playground.Attach(p.ctx, http.HandlerFunc(p.keep)); err != nil {
		p.t.Fatal(err)
	}
}

// serve starts the function, and stop ends it again.
func (p *play) serve() error {
	protect, err := function.New(p.ctx, p.config, slog.New(slog.NewTextHandler(
		canary.Writer(p.t, "the function's log", p.t.Output()), nil)))
	if err != nil {
		return err
	}
	served := httptest.NewServer(protect)
	p.function = served.URL
	p.stop = func() {
		served.Close()
		if err := protect.Close(); err != nil {
			p.t.Errorf("closing the function: %v", err)
		}
	}
	return nil
}

// keep takes what Pub/Sub pushes and leaves it until it is delivered.
func (p *play) keep(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	one := letter{path: r.URL.Path, body: body}
	if err := one.read(); err != nil {
		p.t.Errorf("a message cannot be read: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail = append(p.mail, one)
	w.WriteHeader(http.StatusNoContent)
}

func (p *play) reported(received playground.Report) {
	canary.Check(p.t, "a report", received.Data)
	one, err := report.Read(received.Data)
	if err != nil {
		p.t.Errorf("report %s does not fit its schema: %v", received.Data, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, one)
}

// deliver posts to the function whatever there is, as long as something comes
// of it: what it sends back stays for later.
func (p *play) deliver() {
	p.t.Helper()
	var later []letter
	for {
		p.playground.Cloud.Settle()
		if err := p.playground.Broker.Idle(p.ctx); err != nil {
			p.t.Fatalf("waiting for Pub/Sub: %v", err)
		}
		p.mu.Lock()
		now := p.mail
		p.mail = nil
		p.mu.Unlock()
		if len(now) == 0 {
			break
		}
		// Pub/Sub pushes in any order; a story is played in one.
		slices.SortFunc(now, func(a, b letter) int {
			return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.target, b.target), a.at.Compare(b.at),
				cmp.Compare(a.number, b.number))
		})
		for _, one := range now {
			if !p.post(one) {
				later = append(later, one)
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail = append(later, p.mail...)
}

// post hands one message to the function, and reports whether it is done with.
func (p *play) post(one letter) bool {
	p.t.Helper()
	p.mu.Lock()
	p.given[message{one.of, one.number}]++
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.function+one.path, bytes.NewReader(canary.Message(one.body)))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	canary.Headers(request.Header)
	request.Header.Set("Authorization", "Bearer "+p.token(playground.PushAccount))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusNoContent:
		return true
	case http.StatusServiceUnavailable:
		return false
	}
	p.t.Fatalf("the function answered %s", response.Status)
	return false
}

// token is a new token of an account for the function.
func (p *play) token(account string) string {
	p.t.Helper()
	now := p.clock.Now()
	text, err := p.playground.Cloud.Tokens().Sign(map[string]any{
		"iss": "https://accounts.google.com", "aud": playground.FunctionAudience, "sub": "1", "email": account,
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text(),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// send has an account send a command directly, and returns what the function says.
func (p *play) send(account string, fields map[string]any) ([]string, error) {
	p.t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		p.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.function+function.CommandsPath, bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.token(account))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer function.Answer
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the function answered %s: %w", response.Status, err)
	}
	p.deliver()
	said := answer.Said
	if answer.Error != "" {
		said = append(said, fmt.Sprintf("%d: %s", response.StatusCode, answer.Error))
	}
	return said, nil
}

func (p *play) advance(d time.Duration) {
	p.clock.Later(d)
	p.deliver()
	p.command(map[string]string{"command": "due"}) // as Cloud Scheduler sends it every minute
}

// pass advances hour by hour.
func (p *play) pass(d time.Duration) {
	for ; d > 0; d -= time.Hour {
		p.advance(min(d, time.Hour))
	}
}

// command publishes a command, as a platform team does, and delivers it.
func (p *play) command(fields map[string]string) {
	p.t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.playground.Broker.Publish(p.ctx,
		delivery.Message{Topic: playground.CommandsTopic, Data: data}); err != nil {
		p.t.Fatal(err)
	}
	p.deliver()
}

// about lists the reports on a service, oldest first, and forgets them when
// asked to.
func (p *play) about(service string, forget bool) []report.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	isAbout := func(one report.Report) bool { return one.Target != nil && one.Target.Service == service }
	var found []report.Report
	for _, one := range p.reports {
		if isAbout(one) {
			found = append(found, one)
		}
	}
	if forget {
		p.reports = slices.DeleteFunc(p.reports, isAbout)
	}
	return found
}
