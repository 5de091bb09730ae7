// Package town is where tests play: a local cloud on loopback ports, in which
// teams deploy services, with a clock that the test moves. The function is not
// in it; package guarded has towns that it guards.
package town

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

// Patience is how long a test waits for what must come. It goes on as soon as
// it has come.
const Patience = 60 * time.Second

// Town is a running local cloud; it is closed when its test ends. What goes
// wrong in building and asking ends the test.
type Town struct {
	*stage.Stage
	t     *testing.T
	ahead atomic.Int64 // nanoseconds
	kept  []io.Closer
}

// Start starts a town with nothing in it. Its clock is Now, unless the options
// have another.
func Start(t *testing.T, options stage.Options) *Town {
	t.Helper()
	o := &Town{t: t}
	if options.Clock == nil {
		options.Clock = o.Now
	}
	var err error
	if o.Stage, err = stage.Start(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

// Keep closes something together with the town: after its cloud, so that it is
// asked for nothing any more.
func (o *Town) Keep(closer io.Closer) { o.kept = append(o.kept, closer) }

func (o *Town) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the test's own is done
	defer cancel()
	problems := []error{o.Close(ctx)}
	for _, each := range o.kept {
		problems = append(problems, each.Close())
	}
	if err := errors.Join(problems...); err != nil {
		o.t.Errorf("closing the town: %v", err)
	}
}

// Now is the machine's time, and as much later as the test has moved it.
func (o *Town) Now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

// Later moves the clock of everybody in town.
func (o *Town) Later(d time.Duration) { o.ahead.Add(int64(d)) }

// Owner calls the APIs as the project's owner, who may do everything.
func (o *Town) Owner() stage.Client { return stage.Client{URL: o.URL()} }

// Developer calls the APIs as somebody who deploys.
func (o *Town) Developer() stage.Client {
	return stage.Client{URL: o.URL(), Caller: stage.Developer}
}

// Call makes a call as the developer that must succeed.
func (o *Town) Call(method, path string, body any) map[string]any {
	o.t.Helper()
	return o.CallAs(o.Developer(), method, path, body)
}

// CallAs makes a call as somebody that must succeed.
func (o *Town) CallAs(client stage.Client, method, path string, body any) map[string]any {
	o.t.Helper()
	answer, err := client.Call(o.t.Context(), method, path, body)
	if err != nil {
		o.t.Fatal(err)
	}
	return answer
}

// Deploy makes public services.
func (o *Town) Deploy(services ...stage.LoadBalanced) {
	o.t.Helper()
	for _, service := range services {
		if err := service.Deploy(o.t.Context(), o.Developer()); err != nil {
			o.t.Fatal(err)
		}
	}
}

// Balance puts a load balancer before each of the services.
func (o *Town) Balance(services ...stage.LoadBalanced) {
	o.t.Helper()
	for _, service := range services {
		if err := service.Balance(o.t.Context(), o.Developer()); err != nil {
			o.t.Fatal(err)
		}
	}
}

// Build makes public services, each with a load balancer before it.
func (o *Town) Build(services ...stage.LoadBalanced) {
	o.t.Helper()
	for _, service := range services {
		o.Deploy(service)
		o.Balance(service)
	}
}

// KeepSecret makes a secret of the project with one version, as its owner.
func (o *Town) KeepSecret(name, data string) {
	o.t.Helper()
	const secrets = "/v1/projects/" + stage.Project + "/secrets"
	o.CallAs(o.Owner(), http.MethodPost, secrets+"?secretId="+name, map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
	o.CallAs(o.Owner(), http.MethodPost, secrets+"/"+name+":addVersion", map[string]any{"payload": map[string]any{"data": []byte(data)}})
}

// SetFaults sets what goes wrong from now on, as a user of the local cloud
// does: a JSON list, in the place of the one before.
func (o *Town) SetFaults(list string) {
	o.t.Helper()
	response, err := http.Post(o.URL()+"/_local/faults", "application/json", strings.NewReader(list))
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		o.t.Fatalf("setting %s: %d %s %v", list, response.StatusCode, text, err)
	}
}

// Publish puts a message into a topic.
func (o *Town) Publish(topic, data string) {
	o.t.Helper()
	if _, err := o.Broker.Publish(o.t.Context(), delivery.Message{Topic: topic, Data: []byte(data)}); err != nil {
		o.t.Fatal(err)
	}
}

// Idle waits until every message was handled.
func (o *Town) Idle() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), Patience)
	defer cancel()
	if err := o.Broker.Idle(ctx); err != nil {
		o.t.Fatal(err)
	}
}
