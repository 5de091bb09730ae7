package matrix

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// race is how much happens side by side.
type race struct {
	name      string
	environ   []string // of every instance
	processes int
	services  int
	people    int // of each service
	changes   int // that each person and each tool makes
	recreated int // times that one more service is deleted and made again
}

func races() []race {
	queued := []string{"IAPGUARD_WORK_TOPIC=" + playground.WorkTopic}
	few := []race{
		{name: "inline", processes: 3, services: 2, people: 2, changes: 4, recreated: 2},
		{name: "work topic", environ: queued, processes: 3, services: 2, people: 2, changes: 4, recreated: 2},
	}
	if !*full {
		return few
	}
	var all []race
	for round := range 10 {
		for _, each := range few {
			each.name = fmt.Sprintf("%s %d", each.name, round)
			each.processes, each.services, each.people, each.changes, each.recreated = 4, 4, 3, 10, 5
			all = append(all, each)
		}
	}
	return all
}

// spare is the service that is deleted and made again. Nothing else is changed of it.
const spare = "spare"

// racing is a scenario of several services, each before a load balancer of its own.
func (r race) scenario() scenario {
	s := scenario{name: "race", policy: rule(), environ: r.environ, outcome: "protected", entitled: []string{alice, bob},
		behind: []string{spare}}
	var services []playground.LoadBalanced
	for i := range r.services {
		one := playground.LoadBalanced{Service: fmt.Sprintf("shop-%d", i), Region: "us-central1",
			Host: fmt.Sprintf("shop-%d.example.com", i)}
		e := before(one)
		s.estate.Services = append(s.estate.Services, e.Services...)
		s.estate.Backends = append(s.estate.Backends, e.Backends...)
		s.estate.Balancers = append(s.estate.Balancers, e.Balancers...)
		services = append(services, one)
	}
	s.build = func(w *world) {
		for _, each := range services {
			builds(each)(w)
		}
	}
	s.event = changes(services...)
	return s
}

func TestRace(t *testing.T) {
	t.Parallel()
	total := newSummary(t, "race")
	for _, r := range races() {
		if !asked("race/" + r.name) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			taken(t)
			w := open(t, r.scenario())
			w.race(r)
			total.count("own writes", w.writtenOnce(r))
			total.add(t, w, true)
		})
	}
	if !asked("race/redeploys") {
		return
	}
	t.Run("redeploys", func(t *testing.T) {
		t.Parallel()
		taken(t)
		s := scenarios[len(scenarios)-1]
		// Anybody can be refused, so the reason why further ones are passed over is for DEBUG.
		s.environ = append(s.environ, "LOG_LEVEL=DEBUG")
		w := open(t, s)
		w.redeploys(3)
		total.add(t, w, true)
	})
}

// race has several instances guard while people and tools change what they guard.
func (w *world) race(r race) {
	w.t.Helper()
	stop := w.inTurn(r.processes)
	w.scenario.event(w)
	var busy sync.WaitGroup
	for _, service := range w.scenario.estate.Services {
		name := "projects/" + playground.Project + "/locations/" + service.Region + "/services/" + service.Name
		for person := range r.people {
			busy.Go(func() { w.person(name, person, r.changes) })
		}
		busy.Go(func() { w.tool(name, r.changes) })
	}
	busy.Go(func() { w.recreates(r.recreated) })
	busy.Wait()
	w.settle()
	stop()
	for _, service := range w.scenario.estate.Services {
		w.standing("projects/"+playground.Project+"/locations/"+service.Region+"/services/"+service.Name, r)
	}
	w.strangersStayOut()
	w.answered()
	w.prober.end()
}

// inTurn starts instances, and hands messages to one after the other. The function that is
// returned stops that, and leaves them all running.
func (w *world) inTurn(n int) (stop func()) {
	var instances []*instance
	for range n {
		instances = append(instances, w.start())
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			w.current.Store(instances[i%n])
			time.Sleep(2 * time.Millisecond)
		}
	})
	return func() { cancel(); done.Wait() }
}

// retried makes a change again as long as somebody else was faster, as people and tools do.
func (w *world) retried(change func(playground.Client) error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(3 * time.Millisecond) {
		err := change(w.Owner())
		if err == nil {
			return
		}
		if text := err.Error(); !strings.Contains(text, "409") && !strings.Contains(text, "ABORTED") &&
			!strings.Contains(text, "412") {
			w.complain("somebody cannot change something: %v", err)
			return
		}
	}
	w.complain("a change is refused all the time")
}

// person changes labels of a service, each time with what she read before.
func (w *world) person(service string, who, changes int) {
	for i := range changes {
		w.retried(func(client playground.Client) error {
			read, err := client.Call(w.t.Context(), http.MethodGet, "/v2/"+service, nil)
			if err != nil {
				return err
			}
			labels, _ := read["labels"].(map[string]any)
			if labels == nil {
				labels = map[string]any{}
			}
			labels[fmt.Sprintf("person-%d-%d", who, i)] = "kept"
			_, err = client.Call(w.t.Context(), http.MethodPatch, "/v2/"+service+"?updateMask=labels",
				map[string]any{"labels": labels, "etag": read["etag"]})
			return err
		})
	}
}

// tool adds members to a service's policy, as Terraform's iam_member does: it reads the
// policy and writes it whole, at the version that it read.
func (w *world) tool(service string, changes int) {
	for i := range changes {
		w.retried(func(client playground.Client) error {
			policy, err := client.Call(w.t.Context(), http.MethodGet,
				"/v2/"+service+":getIamPolicy?options.requestedPolicyVersion=3", nil)
			if err != nil {
				return err
			}
			bindings, _ := policy["bindings"].([]any)
			policy["bindings"] = append(bindings, map[string]any{"role": "roles/run.viewer",
				"members": []any{fmt.Sprintf("user:tool-%d@example.com", i)}})
			_, err = client.Call(w.t.Context(), http.MethodPost, "/v2/"+service+":setIamPolicy",
				map[string]any{"policy": policy})
			return err
		})
	}
}

// recreates deletes a public service and makes it again, so often, while it is guarded.
func (w *world) recreates(times int) {
	one := playground.LoadBalanced{Service: spare, Region: "us-central1"}
	for i := range times {
		if i > 0 {
			w.retried(func(client playground.Client) error {
				_, err := client.Call(w.t.Context(), http.MethodDelete, "/v2/"+one.Name(), nil)
				return err
			})
		}
		w.retried(func(client playground.Client) error {
			return one.Deploy(w.t.Context(), client)
		})
		w.eventOf(one.Name())
	}
	// Its event comes when the service has gone.
	w.eventOf(playground.LoadBalanced{Service: "ghost", Region: "us-central1"}.Name())
}

// eventOf publishes that a service was changed, from any goroutine.
func (w *world) eventOf(service string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed(service)
}

// standing counts what people and tools changed of a service, and whether it is still there.
func (w *world) standing(service string, r race) {
	w.t.Helper()
	read := w.CallAs(w.Owner(), http.MethodGet, "/v2/"+service, nil)
	policy := fmt.Sprint(w.CallAs(w.Owner(), http.MethodGet, "/v2/"+service+":getIamPolicy", nil)["bindings"])
	labels := fmt.Sprint(read["labels"])
	check := func(what, text string) {
		if strings.Contains(text, what) {
			w.found.kept++
			return
		}
		w.found.lost++
		w.complain("a foreign change of %s is lost: %s is not in %s", service, what, text)
	}
	for i := range r.changes {
		for person := range r.people {
			check(fmt.Sprintf("person-%d-%d:kept", person, i), labels)
		}
		check(fmt.Sprintf("user:tool-%d@example.com", i), policy)
	}
}

// strangersStayOut complains of visitors who get in anywhere once all is guarded, though nobody named them.
func (w *world) strangersStayOut() {
	w.t.Helper()
	entries, err := w.oracle.Knock(w.scenario.estate)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Visitor != judge.Named {
			w.complain("%s gets in to %s at %v in the end", entry.Visitor, entry.Service, entry.Address)
		}
	}
}

// writtenOnce complains of own writes that were made twice, and returns how many were made.
// Making IAP's agent is not counted, because it can be made again.
func (w *world) writtenOnce(r race) int {
	times, all := map[string]int{}, 0
	for _, call := range w.Calls().Own().Writes().Taken() {
		if strings.HasPrefix(call.Method, "storage.") || strings.HasSuffix(call.Method, "generateServiceIdentity") {
			continue
		}
		all++
		times[call.Method+" "+call.Resource]++
	}
	for what, n := range times {
		// A service gets one write for its ingress and two for its policy: IAP's agent in, the
		// public out. One that is made again gets them again.
		most := 1
		if strings.HasSuffix(strings.Split(what, " ")[0], "ervices.setIamPolicy") {
			most = 2
		}
		if strings.Contains(what, spare) {
			most *= r.recreated
		}
		if n > most {
			w.complain("written %d times, want at most %d: %s", n, most, what)
		}
	}
	return all
}

// redeploys has several instances see that a service refuses IAP's agent, all at once.
func (w *world) redeploys(processes int) {
	w.t.Helper()
	stop := w.inTurn(processes)
	var forced, refused atomic.Int64
	w.scenario.before(w)
	w.hook(func(c *call) {
		if !c.publish() && c.request.URL.Query().Get("forceNewRevision") == "true" {
			if c.send(); c.code == http.StatusOK {
				forced.Add(1)
			} else {
				refused.Add(1)
			}
		}
	})
	for range 2 * processes {
		w.scenario.event(w)
	}
	w.settle()
	stop()
	w.t.Logf("%d redeploys came second and were refused", refused.Load())
	if n := forced.Load(); n != 1 {
		w.complain("double redeploys: %d new revisions were forced, want one", n)
	}
	w.answered()
	w.prober.end()
}
