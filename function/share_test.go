package function

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// listedWork is a queue whose items the test delivers.
type listedWork struct{ items []workqueue.Item }

func (p *listedWork) Add(_ context.Context, item workqueue.Item) error {
	p.items = append(p.items, item)
	return nil
}

// sharing is a function that publishes its work, and what it publishes for a sweep of the
// organization: a project whose services are to be listed.
func sharing(t *testing.T) (*bench, *listedWork, workqueue.Item) {
	t.Helper()
	b, queue := newBench(t, cloudtest.Policy()), &listedWork{}
	b.queue, b.shares = queue, true
	body := []byte(`{"command":"sweep","target":"organizations/987654321098","id":"hourly"}`)
	cause := event.Parse(event.Message{Body: body, Commands: true}, event.Self{})[0].Cause
	if err := b.cause(t.Context(), *cause, body); err != nil {
		t.Fatal(err)
	}
	if len(queue.items) != 1 || queue.items[0].Key != "projects/"+playground.Project || !queue.items[0].Alone {
		t.Fatalf("published %+v, want one project, which waits for no other item", queue.items)
	}
	item := queue.items[0]
	queue.items = nil
	return b, queue, item
}

func TestASweepOfAnOrganizationIsOneMessageAProject(t *testing.T) {
	b, queue, project := sharing(t)
	sweeps, err := b.memory.Deployment(t.Context())
	if noted := sweeps.Sweeps["organizations/987654321098"]; err != nil || noted.Projects != 1 || noted.Services != 0 {
		t.Errorf("%v; the sweep is known as %+v, want one project", err, noted)
	}
	for range 2 { // delivered again, it leads to the same items
		if _, err := b.look(t.Context(), project, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, item := range queue.items {
		work, err := event.ParseWork(item.Payload)
		if err != nil || work.List || work.Cause.Command == nil || work.Cause.Command.Name != "sweep" {
			t.Errorf("%v; work %+v, want a look that the sweep led to", err, work)
		}
		got = append(got, item.Key)
	}
	hello := playground.Scenario[0].Name()
	if diff := cmp.Diff([]string{hello, hello}, got); diff != "" {
		t.Errorf("work on (-want +got):\n%s", diff)
	}
}

func TestAProjectOfASweepThatIsNotListedIsSaid(t *testing.T) {
	const list = `{"action":"status","method":"run.projects.locations.services.list","status":`
	for status, delivered := range map[string]bool{"403": true, "503": false} {
		b, queue, project := sharing(t)
		b.SetFaults("[" + list + status + "}]")
		_, err := b.look(t.Context(), project, time.Time{})
		if (err == nil) != delivered || len(queue.items) > 0 {
			t.Errorf("%s: error %v, and %d items are published", status, err, len(queue.items))
		}
		if err != nil { // it is delivered again, until its time is over
			err = b.giveUp(t.Context(), project)
		}
		last := b.last(t)
		if err != nil || last.Outcome != report.Blocked || !strings.Contains(strings.Join(last.Advice, " "), playground.Project) {
			t.Errorf("%s: %v; the report is %+v, want that the services of the project are not known", status, err, last)
		}
	}
}
