package simulation

import (
	"slices"
	"sync"
	"testing"
)

// played is what came of a year of one way, its minutes sorted, with its bill.
type played struct {
	result
	bill
}

func play(t *testing.T, p *product, o *organization, v way) played {
	t.Helper()
	g := newGuard(o, p, v)
	r, err := g.play()
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]float64{r.alone.configured, r.alone.felt, r.many.configured, r.many.felt, r.locked} {
		slices.Sort(list)
	}
	return played{r, g.bill()}
}

// once keeps the product's decisions for all tests: they depend on nothing but the situation.
var once = sync.OnceValues(newProduct)

func theProduct(t *testing.T) *product {
	t.Helper()
	p, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The ways that the tests of a small organization play.
var (
	hourly  = way{name: "polled every hour", poll: hour}
	tenth   = way{name: "polled every 10 minutes", poll: 600}
	alone   = way{name: "events alone, no sweep", events: true, policies: plenty}
	usual   = way{name: "iapguard's defaults, no quota refuses a read", events: true, sweeps: true, policies: plenty}
	refused = way{name: "iapguard's defaults, quotas as published", events: true, sweeps: true}
	raised  = way{name: "iapguard's defaults, 6,000 reads of policies a minute", events: true, sweeps: true,
		policies: 6000}
)

// plenty is a quota that no sweep uses up.
const plenty = 60_000

// small is an organization that a test can afford, in which failures are common.
func small() *organization {
	w := stated().with("services", 1000).with("lost", 0.01).with("waves", 2)
	return newOrganization(w, 7)
}

// All deploys that opened a door are closed again, or open at the end of the year.
func TestEveryDeployIsClosedOrStillOpen(t *testing.T) {
	p, o := theProduct(t), small()
	deploys, opened := -1, -1
	for _, v := range []way{hourly, tenth, alone, usual, refused} {
		r := play(t, p, o, v)
		if r.closed+r.stillOpen != r.opened || r.opened == 0 {
			t.Errorf("%s: %d deploys opened a door, %d were closed and %d are open", v.name, r.opened, r.closed, r.stillOpen)
		}
		if deploys >= 0 && r.deploys != deploys {
			t.Errorf("%s: %d deploys, and %d in another way of the same year", v.name, r.deploys, deploys)
		}
		if deploys, opened = r.deploys, max(opened, r.opened); r.opened < opened*9/10 {
			t.Errorf("%s: %d deploys opened a door, and %d in another way of the same year", v.name, r.opened, opened)
		}
	}
}

func TestAPollersMedianIsHalfItsPeriod(t *testing.T) {
	p, o := theProduct(t), small()
	for _, v := range []way{hourly, tenth} {
		r := play(t, p, o, v)
		got, want := quantile(r.alone.configured, 0, 0.5), v.poll/60/2
		if got < 0.85*want || got > 1.3*want {
			t.Errorf("%s: a median of %.1f minutes, want about %.1f", v.name, got, want)
		}
	}
}

func TestWithoutRetriesDoorsStayOpenLonger(t *testing.T) {
	p, o := theProduct(t), small()
	o.world = o.world.with("failed writes", 0.2)
	with := play(t, p, o, usual)
	v := usual
	v.noRetries = true
	without := play(t, p, o, v)
	if a, b := quantile(with.alone.configured, 0, 0.95), quantile(without.alone.configured, 0, 0.95); b < 2*a {
		t.Errorf("95 of 100 are closed within %.2f minutes, and without retries within %.2f", a, b)
	}
}

func TestSweepsFindWhatEventsDoNotReport(t *testing.T) {
	p, o := theProduct(t), small()
	events, swept := play(t, p, o, alone), play(t, p, o, usual)
	if a, b := slices.Max(swept.alone.configured), slices.Max(events.alone.configured); a > 5*60 || b < 24*60 {
		t.Errorf("the longest is %.0f minutes with sweeps and %.0f without", a, b)
	}
	if swept.calls <= events.calls || swept.dollars <= events.dollars {
		t.Errorf("sweeps cost nothing: %+v and %+v", swept.bill, events.bill)
	}
}

// A drift of a protected service is closed as soon as test/seconds/table.md says, beside what
// the log, reads and writes take.
func TestWithoutDelaysOnlyThePolicysWaitsAreLeft(t *testing.T) {
	w := stated().with("services", 1500).with("lost", 0).with("waves", 0).with("failed writes", 0).with("new services", 0)
	w = w.with("down", 1e-9).with("call", 0.0001).with("policy write", 0.001).with("setting write", 0.001)
	w = w.with("log p50", 0.001).with("log p99", 0.0011)
	r := play(t, theProduct(t), newOrganization(w, 3), usual)
	if got := quantile(r.alone.configured, 0, 0.99) * 60; got < 9 || got > 12 {
		t.Errorf("99 of 100 are closed within %.1f s, and test/seconds says 11", got)
	}
}

func TestTheSameSeedGivesTheSameYear(t *testing.T) {
	one := document(t, tables(t, theProduct(t), small(), []way{tenth, usual}))
	if again := document(t, tables(t, theProduct(t), small(), []way{tenth, usual})); string(one) != string(again) {
		t.Errorf("the second time:\n%s\nand the first:\n%s", again, one)
	}
	other := small()
	other.seed++
	if string(document(t, tables(t, theProduct(t), other, []way{tenth, usual}))) == string(one) {
		t.Error("another seed gives the same")
	}
}

func TestEveryFigureHasASource(t *testing.T) {
	for _, each := range figures {
		if (each.source == "" || each.unit == "") && each.kind != assumed || each.kind == assumed && each.check == "" {
			t.Errorf("%s: a figure needs a unit and a source, or how to check it: %+v", each.name, each)
		}
	}
}

func TestQuantilesCountDoorsThatNobodyMet(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		floor  int
		share  float64
		want   float64
	}{
		{nil, 0, 0.5, 0}, {[]float64{1, 2, 3}, 0, 0.5, 2}, {[]float64{1, 2, 3, 4}, 0, 1, 4},
		{[]float64{5}, 4, 0.5, 0}, {[]float64{5}, 4, 1, 5}, {[]float64{5, 6}, 4, 0.75, 5},
	} {
		if got := quantile(tc.values, tc.floor, tc.share); got != tc.want {
			t.Errorf("%v of %v, at least %d: %v, want %v", tc.share, tc.values, tc.floor, got, tc.want)
		}
	}
}
