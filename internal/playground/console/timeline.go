package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// Bounds of the timeline. What is left off an episode is counted in it.
const (
	maxEpisodes = 30
	maxItems    = 40 // of one episode
)

// itemKind says whose doing an item is.
type itemKind string

// The kinds of items, in the order in which they follow each other.
const (
	pressed  itemKind = "you"      // a button of this page
	logged   itemKind = "log"      // a log entry that the function gets
	decided  itemKind = "decision" // what the function makes of it, and why
	called   itemKind = "call"     // a write of the function
	reported itemKind = "report"   // how the run ended
)

// tone is how good or bad something is.
type tone string

const (
	good tone = "good"
	bad  tone = "bad"
	wait tone = "wait" // something has to come first
	calm tone = ""
)

// item is one line of an episode.
type item struct {
	Kind   itemKind
	At     time.Time
	Text   string
	Detail string   // a second line, in smaller letters
	Code   string   // as it was typed, called or logged
	Points []string // reasons, one a line
	Block  []string // lines of a text to copy
	Tone   tone
	Count  int    // how many alike there are; 0 = this one
	key    string // items with the same key are one, the last of them; "" = none is the same
}

// episode is what followed from something that happened to a service: log entries, the
// decisions about them, the function's calls and the report that ends it.
type episode struct {
	ID      int
	Service string // full name; "" = of nothing that is known yet
	State   string // outcome of the latest report
	Tone    tone
	Items   []item
	LeftOff int // earlier items that are not kept

	ended   bool
	version int
}

// Name is the service's own name.
func (e episode) Name() string { return path.Base(e.Service) }

// timeline groups what happens into episodes, the latest last. It is safe for concurrent use.
type timeline struct {
	now func() time.Time

	mu       sync.Mutex
	episodes []*episode
	last     int // id of the latest episode
	version  int
	changed  func() // called after each change, with the lock held
	running  map[string]started
	early    []apiserver.CallEntry // writes whose run has not been reported as started yet
	claimed  map[string]int        // id of the episode of a cause, by its key
	leads    leads
}

// started is a run that writes.
type started struct {
	service   string
	resources []string // that its steps change
}

func newTimeline(now func() time.Time, changed func()) *timeline {
	return &timeline{now: now, changed: changed, running: map[string]started{}, claimed: map[string]int{},
		leads: leads{}}
}

// since returns the episodes that changed after a version, oldest first, the ids of all that are
// kept, and the version that this is.
func (t *timeline) since(version int) (changed []episode, kept []int, latest int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, each := range t.episodes {
		kept = append(kept, each.ID)
		if each.version > version {
			copied := *each
			copied.Items = slices.Clone(each.Items)
			changed = append(changed, copied)
		}
	}
	return changed, kept, t.version
}

// press begins an episode with a button of the page.
func (t *timeline) press(service, text, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(t.begin(service), item{Kind: pressed, Text: text, Code: line})
}

// log takes a log entry; who reads it as the function does sees in it what the function sees.
func (t *timeline) log(raw json.RawMessage) {
	self := event.Self{Principals: []string{playground.FunctionAccount}, UserAgent: function.Product}
	t.mu.Lock()
	defer t.mu.Unlock()
	service := t.leads.read(raw) // the first half of an operation's entries has the request
	// The entry is JSON of the local cloud's own.
	_ = event.Read(bytes.NewReader(raw), self, func(_ int, result event.Result) error {
		if cause := result.Cause; cause != nil {
			t.logged(*cause, service)
		}
		return nil
	})
}

// logged takes a cause, which leads to a service as far as that is known.
func (t *timeline) logged(cause event.Cause, service string) {
	if cause.Service != "" {
		service = "projects/" + playground.Project + "/locations/" + cause.Location + "/services/" + cause.Service
	}
	if service == playground.FunctionName {
		return // a push, or the deployment of the function itself
	}
	e := t.open(service, cause.Principal != "")
	t.claimed[cause.Key] = e.ID
	t.add(e, logItem(cause))
}

// call takes an API call: writes of the function are shown, but those of its memory.
func (t *timeline) call(entry apiserver.CallEntry) {
	if !entry.Write || entry.Principal != "serviceAccount:"+playground.FunctionAccount || entry.API == "storage" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// Calls are made between the reports of a run that say started and how it ended.
	service, best := "", -1
	for _, run := range t.running {
		if fits := run.fits(entry.Resource); fits > best || fits == best && run.service < service {
			service, best = run.service, fits
		}
	}
	if service != "" {
		t.add(t.open(service, false), callItem(entry))
		return
	}
	// A report is pushed, and the first writes may be faster.
	if t.early = append(t.early, entry); len(t.early) > maxItems {
		t.early = t.early[1:]
	}
}

// addEarly adds the writes that came before the report that their run has started.
func (t *timeline) addEarly(e *episode, run started) {
	var others []apiserver.CallEntry
	for _, entry := range t.early {
		if run.fits(entry.Resource) > 0 {
			t.add(e, callItem(entry))
		} else {
			others = append(others, entry)
		}
	}
	t.early = others
}

// fits says how well a resource fits the steps of a run: calls name some resources by their
// ids, where steps have names.
func (s started) fits(resource string) int {
	best := 0
	for _, each := range s.resources {
		switch {
		case each == resource:
			return 2
		case path.Dir(each) == path.Dir(resource):
			best = 1
		}
	}
	return best
}

// report takes a report. It belongs to the service's latest episode, and so from now on does the
// log entry of its cause, which may not have named the service.
func (t *timeline) report(r report.Report) {
	service := r.Subject()
	if service == "" || service == playground.FunctionName {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e, claimed := t.open(service, false), t.find(t.claimed[r.Cause.Key])
	switch {
	case claimed == nil:
	case claimed.Service == "":
		t.move(claimed, e, r.Cause.Key)
	case claimed.Service == service && r.Outcome == report.Compliant:
		e = claimed // a cause that was dealt with before another began
	}
	if r.Outcome == report.Started {
		var resources []string
		for _, step := range r.Steps {
			resources = append(resources, step.Resource)
		}
		t.running[r.RunID] = started{service, resources}
	} else {
		delete(t.running, r.RunID)
	}
	one := reportItem(r)
	if r.Outcome == report.Compliant && e.State != "" && e.Tone == good {
		one.key = "compliant" // once more: it changes nothing
	} else {
		e.State, e.Tone = safe(string(r.Outcome)), one.Tone
	}
	e.ended = one.Kind == reported
	t.add(e, one)
	if r.Outcome == report.Started {
		t.addEarly(e, t.running[r.RunID])
	}
}

// move takes the log entry of a cause to the episode of the service that it concerns.
func (t *timeline) move(from, to *episode, key string) {
	for i, each := range from.Items {
		if each.key == key {
			from.Items = slices.Delete(from.Items, i, i+1)
			at := slices.IndexFunc(to.Items, func(later item) bool { return later.At.After(each.At) })
			if at < 0 {
				at = len(to.Items)
			}
			to.Items = slices.Insert(to.Items, at, each)
			break
		}
	}
	t.version++
	from.version, t.claimed[key] = t.version, to.ID
	if len(from.Items) == 0 {
		t.drop(from)
	}
}

// open returns the service's latest episode, a new one where there is none, or where something
// begins that is not part of one that has ended.
func (t *timeline) open(service string, begins bool) *episode {
	for _, each := range slices.Backward(t.episodes) {
		if each.Service == service {
			if each.ended && begins {
				break
			}
			return each
		}
	}
	return t.begin(service)
}

// begin begins an episode.
func (t *timeline) begin(service string) *episode {
	t.last++
	e := &episode{ID: t.last, Service: service}
	t.episodes = append(t.episodes, e)
	if len(t.episodes) > maxEpisodes {
		t.drop(t.episodes[0])
	}
	return e
}

func (t *timeline) find(id int) *episode {
	for _, each := range t.episodes {
		if each.ID == id {
			return each
		}
	}
	return nil
}

func (t *timeline) drop(e *episode) {
	t.episodes = slices.DeleteFunc(t.episodes, func(each *episode) bool { return each == e })
	for key, id := range t.claimed {
		if id == e.ID {
			delete(t.claimed, key)
		}
	}
}

// add puts an item at the end of an episode, or in the place of the one that it repeats.
func (t *timeline) add(e *episode, one item) {
	one = one.safe()
	one.At = cmp.Or(one.At, t.now())
	t.version++
	e.version = t.version
	defer t.changed()
	if at := slices.IndexFunc(e.Items, func(each item) bool { return one.key != "" && each.key == one.key }); at >= 0 {
		one.At = e.Items[at].At
		if one.Tone != calm { // a plan that is carried out part by part is one
			one.Count = max(1, e.Items[at].Count) + 1
		}
		e.Items[at] = one
		return
	}
	e.Items = append(e.Items, one)
	if len(e.Items) > maxItems {
		delete(t.claimed, e.Items[1].key)
		e.Items, e.LeftOff = slices.Delete(e.Items, 1, 2), e.LeftOff+1 // the first says how it began
	}
}

// resourceOf is a resource's last words, as people call it.
func resourceOf(name string) string {
	parts := strings.Split(name, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
