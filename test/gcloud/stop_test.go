package gcloud

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// steps are the blocks of the page with the second switch, each a list of commands, for the
// guard of the local cloud.
func steps(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "playbooks", "stop.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("NAME", "iapguard", "SCOPE", playground.Project, "PROJECT",
		playground.Project).Replace(string(text))
	var found [][]string
	for i, part := range strings.Split(page, "\n```\n") {
		if i%2 == 1 {
			found = append(found, strings.Split(part, "\n"))
		}
	}
	if len(found) != 3 || len(found[0]) != 1 || len(found[1]) != 4 {
		t.Fatalf("stop.md has %d blocks of commands, want the role, the four subscriptions, and the look afterwards: %q", len(found), found)
	}
	return found
}

// gate lets the first write of a function pass, and holds the ones after it.
type gate struct {
	mu            sync.Mutex
	writes        int
	reached, open chan struct{}
}

func (g *gate) held(r *http.Request) {
	if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, ":getIamPolicy") || !guards(r.URL.Path) {
		return
	}
	g.mu.Lock()
	g.writes++
	n := g.writes
	g.mu.Unlock()
	if n == 1 {
		return
	}
	if n == 2 {
		close(g.reached)
	}
	<-g.open
}

// guards reports whether a call other than a read is a write that guards a service.
func guards(path string) bool {
	return strings.HasSuffix(path, ":setIamPolicy") || strings.Contains(path, "/backendServices/")
}

// written are the writes of the function that were done. Making sure that IAP's agent exists
// is not one: it needs no permission, and changes no service.
func written(e *withfunction.Env) cloudtest.Calls {
	return slices.DeleteFunc(e.Calls().Own().Writes().Taken(), func(call apiserver.CallEntry) bool {
		return strings.HasSuffix(call.Method, ".generateServiceIdentity")
	})
}

// TestTheSecondSwitchStopsEveryWrite types the commands of stop.md while a run is between
// two writes. The run's next write is refused, and so are those of other services; then
// nothing reaches the function any more.
func TestTheSecondSwitchStopsEveryWrite(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("skipped: gcloud is not installed here")
	}
	hello, billing := playground.Scenario[0], playground.Scenario[1]
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	e := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(), Queued: true, Held: g.held})
	l := &local{t: t, url: e.URL()}
	l.env = l.environment(strings.TrimPrefix(e.URL(), "http://"))
	topic, refused := "projects/demo-project/topics/iapguard-refused",
		"/v1/projects/demo-project/subscriptions/iapguard-refused"
	e.CallAs(e.Owner(), http.MethodPut, "/v1/"+topic, map[string]any{})
	e.CallAs(e.Owner(), http.MethodPut, refused, map[string]any{"topic": topic,
		"pushConfig": map[string]any{"pushEndpoint": "http://127.0.0.1:9/"}})

	opened := sync.OnceFunc(func() { close(g.open) })
	t.Cleanup(opened) // else the cloud waits for the run
	e.Build(hello)
	<-g.reached
	l.until("the first write of the run is done", func() bool { return len(written(e)) > 0 })
	before := written(e)
	blocks := steps(t)
	l.tour(blocks[0])
	opened()
	e.Build(billing)
	l.until("both are reported as they are", func() bool {
		stopped := []report.Outcome{report.Blocked, report.Failed}
		return slices.Contains(stopped, e.LastOf("hello").Outcome) && slices.Contains(stopped,
			e.LastOf("billing").Outcome)
	})
	e.Idle()
	if after := written(e); len(after) != len(before) {
		t.Errorf("after the switch the function wrote %+v", after[len(before):])
	}

	l.tour(blocks[1])
	e.Idle()
	reports, calls := len(e.Reports()), len(e.Calls().Own())
	e.Deploy(playground.LoadBalanced{Service: "late", Region: "us-central1", Host: "late.example.com"})
	e.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/demo-project"}`)
	l.gcloud("pubsub subscriptions list")
	if got := len(e.Reports()); got != reports {
		t.Errorf("%d reports more, although nothing is pushed any more", got-reports)
	}
	if got := len(e.Calls().Own()); got != calls {
		t.Errorf("the function made %d calls more", got-calls)
	}
	l.tour([]string{strings.Join(blocks[2], "\n")})
}
