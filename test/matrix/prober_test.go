package matrix

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/test/oracle/judge"
)

// The visitors: nobody, a stranger with an account, alice (the policy names her), and bob
// (IAP's own policy does).
const (
	nobody   = ""
	stranger = "user:mallory@gmail.example"
	alice    = "user:alice@example.com"
	bob      = "user:bob@example.com"
)

// prober knocks at every door of a world all the time.
type prober struct {
	w         *world
	addresses []judge.Address
	entitled  []string // who has to get in by some door
	stop      chan struct{}
	done      sync.WaitGroup

	out    map[visit]bool // who was kept out once
	shut   map[string]int // services that somebody entitled reached by no door, in how many rounds in a row
	rounds int
}

// visit is one visitor at one door.
type visit struct{ address, who string }

// shutFor is in how many rounds in a row somebody must be kept out of every door: one
// round may meet each door while the other is open.
const shutFor = 3

// Between two rounds the prober pauses for less while something was written just now: nothing but
// a write opens or shuts a door, at once or when its operation ends and IAM takes it over.
const (
	stirredFor   = 300 * time.Millisecond
	stirredPause = 3 * time.Millisecond
	restingPause = 50 * time.Millisecond
)

// stir has the prober knock at once, and often for a while.
func (w *world) stir() {
	w.stirred.Store(time.Now().UnixNano())
	select {
	case w.stirs <- struct{}{}:
	default: // it is about to
	}
}

// probe begins to knock at every door at which somebody gets in now.
func (w *world) probe() {
	entries, err := w.oracle.Knock(w.scenario.estate)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &prober{w: w, stop: make(chan struct{}), out: map[visit]bool{}, shut: map[string]int{},
		entitled: w.scenario.entitled}
	for _, entry := range entries {
		if entry.Path == "/" && !slices.Contains(p.addresses, entry.Address) {
			p.addresses = append(p.addresses, entry.Address)
		}
	}
	if len(p.addresses) == 0 {
		w.t.Fatal("nobody gets in anywhere before anything has begun")
	}
	w.prober = p
	p.done.Go(func() {
		for {
			p.round()
			pause, woken := restingPause, p.w.stirs
			if time.Since(time.Unix(0, p.w.stirred.Load())) < stirredFor+2*p.w.scenario.late {
				pause, woken = stirredPause, nil
			}
			select {
			case <-p.stop:
				return
			case <-woken:
			case <-time.After(pause):
			}
		}
	})
	w.t.Cleanup(p.end)
}

// end waits for the last round.
func (p *prober) end() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	p.done.Wait()
}

// round lets everybody knock everywhere once.
func (p *prober) round() {
	p.rounds++
	reached := map[string]bool{}
	for _, address := range p.addresses {
		for _, who := range append([]string{nobody, stranger}, p.entitled...) {
			service := p.enters(address, who)
			if service != "" {
				reached[who+" "+service] = true
			}
			at := visit{address.String(), who}
			switch {
			case service == "":
				p.out[at] = true
			case p.out[at] && !slices.Contains(p.entitled, who):
				p.w.complain("opened wider: %q gets in at %s again", who, address)
			}
		}
	}
	for _, s := range p.w.scenario.estate.Services {
		for _, who := range p.entitled {
			service := "projects/demo-project/locations/" + s.Region + "/services/" + s.Name
			key := who + " " + service
			if reached[key] || !p.w.scenario.visits(service) {
				p.shut[key] = 0
				continue
			}
			if p.shut[key]++; p.shut[key] == shutFor {
				p.w.complain("locked out: %s gets in to %s by no door", who, s.Name)
			}
		}
	}
}

// enters names the service that somebody's request comes to, "" = none.
func (p *prober) enters(to judge.Address, who string) string {
	request := httptest.NewRequest(http.MethodGet, "http://"+to.Host+to.Path, nil)
	request.Header.Set("X-Forwarded-Proto", to.Scheme)
	request.Header.Set("Accept", "text/html")
	if to.IP != "" {
		request.Header.Set("X-Local-Frontend", to.IP)
	}
	if who != nobody {
		request.Header.Set("X-Local-User", who)
		request.Header.Set("Authorization", "Bearer "+who)
	}
	recorder := httptest.NewRecorder()
	p.w.doors.ServeHTTP(recorder, request)
	return recorder.Header().Get(judge.Reached)
}
