package process

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// keeps reports whether a call writes a record of this kind to the memory.
func keeps(kind string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		named := strings.HasPrefix(r.URL.Query().Get("name"), kind+"/") || strings.Contains(bodyOf(r), `"name":"`+kind+`/`)
		return strings.HasPrefix(r.URL.Path, "/upload/storage/") && named
	}
}

// kills are where one of two instances is killed.
func kills(kind string) []point {
	return []point{
		{name: "right before the first write", call: changes, kill: true},
		{name: "right after the first write", call: changes, answer: true, kill: true},
		{name: "right after the memory knows", call: keeps(kind), answer: true, kill: true, remembers: true},
	}
}

// pair is two instances with one bucket. The first one is killed at a point.
type pair struct {
	*fixture
	stopped *stopped
	second  *instance
}

// openPair starts both, after the services have become old enough to count.
func openPair(t *testing.T, at point, policy string, services []playground.LoadBalanced) pair {
	t.Helper()
	var ago atomic.Int64
	ago.Store(int64(time.Hour))
	clock := func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }
	o := openWith(t, playground.Options{Clock: clock})
	o.Build(services...)
	ago.Store(0)
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	memory := "IAPGUARD_MEMORY=" + playground.MemoryBucket
	s := &stopped{o: o, at: at}
	s.first = runUnder(t, o.Env, policy, s.apis(), memory)
	second := runUnder(t, o.Env, policy, o.URL(), memory)
	o.to(s.first, second)
	return pair{o, s, second}
}

// count counts the services whose latest report has an outcome.
func (o *fixture) count(services []playground.LoadBalanced) map[report.Outcome]int {
	last, _ := o.latest()
	outcomes := map[report.Outcome]int{}
	for _, service := range services {
		outcomes[last[service.Name()].Outcome]++
	}
	return outcomes
}

func TestTwoProcessesShareTheSlotsOfALimit(t *testing.T) {
	for _, at := range kills("hour")[1:] { // one without a write
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			services := manyServices(6)
			o := openPair(t, at, cloudtest.Policy("limits: {perProject: 3, overall: 1000}"), services)
			if at.remembers { // the other one might take all slots
				o.to(o.stopped.first)
			}
			o.push(16)
			o.deployed("first", services)
			<-o.stopped.first.ended
			o.to(o.second)
			o.settled()
			if !o.stopped.reached() {
				t.Fatal("the first instance was never killed")
			}
			for range 2 { // what was held asks again
				o.deployed("again", services)
				o.settled()
			}
			closed := map[string]bool{}
			for _, one := range o.writes().Taken().Of("backendServices.patch") {
				closed[one.Resource] = true
			}
			guarded := o.count(services)
			if done := guarded[report.Protected] + guarded[report.Compliant]; done != 3 || guarded[report.Held] != 3 ||
				len(closed) != 3 {
				t.Errorf("outcomes %v, IAP on at %v: want 3 services guarded and 3 held", guarded, closed)
			}
		})
	}
}

func TestTwoProcessesCountTheSameRoundsOfAContest(t *testing.T) {
	for _, at := range kills("service") {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			services := manyServices(1)
			shop := services[0].Name()
			// The walk of the first protection passes every point, so it counts from the first round on.
			var round atomic.Int64
			reached := at.call
			at.call = func(r *http.Request) bool { return round.Load() > 0 && reached(r) }
			o := openPair(t, at, cloudtest.Policy(), services)
			o.push(1)
			o.deployed("first", services)
			o.settled()
			o.safe(services)
			terraform := playground.Client{URL: o.URL(), Caller: playground.Developer, UserAgent: "Terraform/1.13"}
			undo := func(id string) {
				o.CallAs(terraform, http.MethodPatch, "/v2/"+shop+"?updateMask=ingress",
					map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
				o.deployed(id, services)
			}
			for range 2 {
				undo(fmt.Sprintf("round-%d", round.Add(1)))
				o.settled()
				o.safe(services)
			}
			for n := range 2 { // each of the instances would have to be asked
				o.deployed(fmt.Sprintf("quiet-%d", n), services)
				o.settled()
			}
			if !o.stopped.reached() {
				t.Fatal("the first instance was never killed")
			}
			if last, outcomes := o.latest(); outcomes[report.Contested] > 0 {
				t.Fatalf("contested after two rounds: %+v", last[shop].Contest)
			}
			if at.answer && !at.remembers {
				return // the memory knows of no write, so that this round counts less, not more
			}
			undo("round-3")
			await(t, "the third round is contested", func() bool {
				last, _ := o.latest()
				return last[shop].Contest != nil && last[shop].Outcome == report.Contested
			})
		})
	}
}
