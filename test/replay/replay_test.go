package replay

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// tally counts what came of the exchanges.
type tally struct {
	exchanges, equal, differing, unserved, blanked, presuming int
	statusOnly                                                bool
	byRule                                                    map[string]int
	missing                                                   map[string]int // what is not served
	unexpected                                                map[string]int
}

func (y *tally) judge(p *player, name string, x exchange) {
	y.exchanges++
	stale := p.gone[p.ours(x.path)]
	presumes := p.presumes(x)
	status, answer := p.play(x)
	switch {
	case unserved(status, answer):
		y.unserved++
		y.missing[collection(x)]++
		return
	case presumes && status != x.status:
		y.presuming++
		return
	}
	found := []difference{}
	if status != x.status {
		path := "status"
		if stale || x.verb == http.MethodDelete && x.status != http.StatusNotFound {
			path = "status of what was deleted"
		}
		found = append(found, difference{path, x.status, fmt.Sprint(status, " ", shown(answer))})
	} else if x.blanked || y.statusOnly {
		y.blanked++ // nothing more to compare
	} else {
		found = p.compare("", x.answer, answer)
	}
	equal := true
	for _, d := range found {
		at := slices.IndexFunc(allowed, func(r rule) bool { return r.allows(x, d) })
		if at >= 0 {
			y.byRule[allowed[at].name]++
			continue
		}
		equal = false
		y.unexpected[name+" "+collection(x)+" "+x.verb+" "+d.String()]++
	}
	if equal {
		y.equal++
	} else {
		y.differing++
	}
}

// collection names what a request is about: host and literal segments.
func collection(x exchange) string {
	parts := strings.Split(strings.Trim(x.path, "/"), "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && len(parts)%2 == 1 {
		last = parts[len(parts)-2] + "/"
	}
	return strings.TrimSuffix(x.host, ".googleapis.com") + " " + last
}

func newTally() *tally {
	return &tally{byRule: map[string]int{}, missing: map[string]int{}, unexpected: map[string]int{}}
}

// report prints what came of the exchanges, and fails for what no rule allows.
func (y *tally) report(t *testing.T) {
	t.Helper()
	t.Logf("%d exchanges: %d equal, %d differ, %d not served, %d need what is not served, %d were recorded without a body",
		y.exchanges, y.equal, y.differing, y.unserved, y.presuming, y.blanked)
	for _, r := range allowed {
		if n := y.byRule[r.name]; n > 0 {
			t.Logf("allowed %4d × %s: %s", n, r.name, r.reason)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(y.missing)) {
		t.Logf("not served %d × %s", y.missing[what], what)
	}
	for _, what := range slices.Sorted(maps.Keys(y.unexpected)) {
		t.Errorf("%d × %s", y.unexpected[what], what)
	}
}

func TestRecordedExchangesAreAnsweredAsGoogleDid(t *testing.T) {
	logs := httpLogs(t, shared(t))
	y := newTally()
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		p := newPlayer(t)
		p.prepare(logs[name])
		for _, x := range logs[name] {
			y.judge(p, name, x)
		}
	}
	y.report(t)
	if y.equal < 690 {
		t.Errorf("%d exchanges are equal, there were 698 in November 2026", y.equal)
	}
}

// TestTheToursRequestsAreAnswered sends the requests of gcloud's tour. They
// were recorded against another imitation of Google, whose answers are not
// Google's: statuses are compared, and the answers held against Google's
// documents.
func TestTheToursRequestsAreAnswered(t *testing.T) {
	exchanges := tour(t, shared(t))
	y := newTally()
	y.statusOnly = true
	p := newPlayer(t)
	p.made(exchange{
		verb: "POST", host: "storage.googleapis.com", path: "/storage/v1/b", query: "project=demo-project",
		body: `{"name":"run-sources-demo-project-us-central1"}`,
	})
	for _, x := range exchanges {
		y.judge(p, "tour", x)
	}
	y.report(t)
}
