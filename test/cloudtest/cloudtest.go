// Package cloudtest is where tests play: a local cloud on loopback ports, in which
// teams deploy services, with a clock that the test moves. The function is not
// in it; package withfunction has local clouds that it guards.
package cloudtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
)

// Patience is how long a test waits for what must come. It goes on as soon as
// it has come.
const Patience = 3 * time.Minute

// Env is a running local cloud; it is closed when its test ends. What goes
// wrong in building and asking ends the test.
type Env struct {
	*playground.Playground
	t     *testing.T
	clock *Clock
	kept  []io.Closer
}

// Start starts a local cloud with nothing in it. Its clock is Now, unless the options
// have another.
func Start(t *testing.T, options playground.Options) *Env {
	t.Helper()
	e := &Env{t: t, clock: NewClock(t)}
	if options.Clock == nil {
		options.Clock = e.Now
	}
	if options.Discovery == nil {
		options.Discovery = discovery.Judge(t)
	}
	var err error
	if e.Playground, err = playground.Start(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

// Keep closes something together with the local cloud: after its cloud, so that it is
// asked for nothing any more.
func (e *Env) Keep(closer io.Closer) { e.kept = append(e.kept, closer) }

func (e *Env) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own is done
	defer cancel()
	problems := []error{e.Close(ctx)}
	for _, each := range e.kept {
		problems = append(problems, each.Close())
	}
	if err := errors.Join(problems...); err != nil {
		e.t.Errorf("closing the local cloud: %v", err)
	}
}

// Clock is the clock of everybody in the local cloud.
func (e *Env) Clock() *Clock { return e.clock }

// Now is what the clock shows.
func (e *Env) Now() time.Time { return e.clock.Now() }

// Later moves the clock ahead.
func (e *Env) Later(d time.Duration) { e.clock.Later(d) }

// Owner calls the APIs as the project's owner, who may do everything.
func (e *Env) Owner() playground.Client { return playground.Client{URL: e.URL()} }

// Developer calls the APIs as somebody who deploys.
func (e *Env) Developer() playground.Client {
	return playground.Client{URL: e.URL(), Caller: playground.Developer}
}

// Call makes a call as the developer that must succeed.
func (e *Env) Call(method, path string, body any) map[string]any {
	e.t.Helper()
	return e.CallAs(e.Developer(), method, path, body)
}

// CallAs makes a call as somebody that must succeed.
func (e *Env) CallAs(client playground.Client, method, path string, body any) map[string]any {
	e.t.Helper()
	answer, err := client.Call(e.t.Context(), method, path, body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer
}

// Deploy makes public services.
func (e *Env) Deploy(services ...playground.LoadBalanced) {
	e.t.Helper()
	for _, service := range services {
		if err := service.Deploy(e.t.Context(), e.Developer()); err != nil {
			e.t.Fatal(err)
		}
	}
}

// Balance puts a load balancer before each of the services.
func (e *Env) Balance(services ...playground.LoadBalanced) {
	e.t.Helper()
	for _, service := range services {
		if err := service.Balance(e.t.Context(), e.Developer()); err != nil {
			e.t.Fatal(err)
		}
	}
}

// Build makes public services, each with a load balancer before it.
func (e *Env) Build(services ...playground.LoadBalanced) {
	e.t.Helper()
	for _, service := range services {
		e.Deploy(service)
		e.Balance(service)
	}
}

// KeepSecret makes a secret of the project with one version, as its owner.
func (e *Env) KeepSecret(name, data string) {
	e.t.Helper()
	const secrets = "/v1/projects/" + playground.Project + "/secrets"
	e.CallAs(e.Owner(), http.MethodPost, secrets+"?secretId="+name,
		map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
	e.CallAs(e.Owner(), http.MethodPost, secrets+"/"+name+":addVersion",
		map[string]any{"payload": map[string]any{"data": []byte(data)}})
}

// SetFaults sets what goes wrong from now on, as a user of the local cloud
// does: a JSON list, in the place of the one before.
func (e *Env) SetFaults(list string) {
	e.t.Helper()
	response, err := http.Post(e.URL()+"/_local/faults", "application/json", strings.NewReader(list))
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		e.t.Fatalf("setting %s: %d %s %v", list, response.StatusCode, text, err)
	}
}

// Publish puts a message into a topic.
func (e *Env) Publish(topic, data string) {
	e.t.Helper()
	if _, err := e.Broker.Publish(e.t.Context(), delivery.Message{Topic: topic, Data: []byte(data)}); err != nil {
		e.t.Fatal(err)
	}
}

// Idle waits until every message was handled.
func (e *Env) Idle() {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), Patience)
	defer cancel()
	if err := e.Broker.Idle(ctx); err != nil {
		e.t.Fatal(err)
	}
}
