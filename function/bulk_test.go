package function

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// updated is the log entry of an update of a service.
func (b *bench) updated(service, id string) string {
	return fmt.Sprintf(`{"logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","insertId":%q,"timestamp":%q,`+
		`"resource":{"type":"cloud_run_revision",`+
		`"labels":{"project_id":"demo-project","location":"us-central1","service_name":%[3]q}},`+
		`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService",`+
		`"authenticationInfo":{"principalEmail":"alice@example.com"},`+
		`"resourceName":"projects/demo-project/locations/us-central1/services/%[3]s"}}`,
		id, b.Now().UTC().Format(time.RFC3339Nano), service)
}

// One look answers all that one message says of a service, whatever stands between.
func TestAMessageOfManyEntriesLeadsToOneLook(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	entries := make([]string, 6900)
	for i := range entries {
		entries[i] = b.updated("hello", fmt.Sprint(i))
	}
	before := b.calls()
	if got := b.event("[" + strings.Join(entries, ",") + "]"); got != http.StatusNoContent {
		t.Fatalf("status %d, want 204", got)
	}
	if diff := cmp.Diff([]report.Outcome{report.Started, report.Protected}, b.reports.outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if calls := b.calls() - before; calls > 200 {
		t.Errorf("%d calls for one service", calls)
	}
}

// A message about more than one delivery can handle is handled in shares, and what failed is tried
// after the rest.
func TestALargeMessageIsHandledInShares(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	all := make([]event.Cause, 2*shareOfMessage+100)
	for i := range all {
		all[i] = event.Cause{Kind: event.RunServiceChanged, Key: fmt.Sprint(i), Service: fmt.Sprint("s", i)}
	}
	b, err := newBulk()
	if err != nil {
		t.Fatal(err)
	}
	handled := map[string]int{}
	var lefts []int
	for range 3 {
		share, left := b.share(grouped(all), at)
		lefts = append(lefts, left)
		for _, group := range share {
			key := group[0].Key
			handled[key]++
			b.tried.Add(itemID(group[0]), attempt{at, key != "7" || handled[key] > 1}) // the first try of one fails
		}
	}
	if diff := cmp.Diff([]int{600, 101, 0}, lefts); diff != "" {
		t.Errorf("what was left (-want +got):\n%s", diff)
	}
	if len(handled) != len(all) || handled["7"] != 2 || handled["8"] != 1 {
		t.Errorf("%d of %d groups were handled, the one that failed %d times", len(handled), len(all), handled["7"])
	}
	if share, left := b.share(grouped(all), at); len(share) != 0 || left != 0 {
		t.Errorf("%d groups are handled twice", len(share)+left)
	}
	if _, left := b.share(grouped(all), at.Add(2*GiveUpAfter)); left != len(all)-shareOfMessage {
		t.Errorf("%d groups are left of a message that was sent anew", left)
	}
}

// Causes are alike only where their reports are the same but for the key.
func TestOnlyCausesThatAreAlikeShareALook(t *testing.T) {
	change := event.Cause{Kind: event.RunServiceChanged, Key: "1", Service: "a", Method: "m", Principal: "alice"}
	with := func(change event.Cause, other func(*event.Cause)) event.Cause { other(&change); return change }
	for name, tc := range map[string]struct {
		other event.Cause
		alike bool
	}{
		"the same once more": {with(change, func(c *event.Cause) { c.Key = "2" }), true},
		"another service":    {with(change, func(c *event.Cause) { c.Service = "b" }), false},
		"another caller":     {with(change, func(c *event.Cause) { c.Principal = "bob" }), false},
		"another call":       {with(change, func(c *event.Cause) { c.Method = "n" }), false},
	} {
		if got := len(grouped([]event.Cause{change, tc.other})) == 1; got != tc.alike {
			t.Errorf("%s: alike is %t, want %t", name, got, tc.alike)
		}
	}
	command := event.Cause{Kind: event.CommandReceived, Key: "1", Command: &event.Command{Name: "sweep"}}
	if got := len(grouped([]event.Cause{command, command})); got != 2 {
		t.Errorf("two commands are %d groups", got)
	}
}
