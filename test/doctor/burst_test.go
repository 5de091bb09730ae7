package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/report"
)

const (
	burst     = 10_000
	instances = 4
	// readsEach bounds what one instance reads: a diagnosis of a service behind
	// one load balancer, and a few more where it meets another's redeploy.
	readsEach = 120
)

// push is one delivery of a log entry, as Pub/Sub posts it.
func push(entry map[string]any, number int) ([]byte, error) {
	copied := maps.Clone(entry)
	copied["insertId"] = fmt.Sprintf("burst%d", number)
	data, err := json.Marshal(copied)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"subscription": "s", "message": map[string]any{"data": data, "messageId": fmt.Sprint(number)}})
}

func TestABurstOfRefusedRequestsToSeveralInstancesLeadsToOneRedeploy(t *testing.T) {
	o := build(t, policy, instances)
	o.withoutSink()
	stuck(true)(o)
	o.sees("ill,", http.StatusForbidden)
	entry, before, reads := o.logged(), o.revisions(), o.ours(false, "")
	var group errgroup.Group
	group.SetLimit(32)
	for i := range burst {
		group.Go(func() error {
			body, err := push(entry, i)
			if err != nil {
				return err
			}
			for { // as often as it comes again
				answer := httptest.NewRecorder()
				o.instances[i%instances].ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body)))
				if answer.Code == http.StatusNoContent {
					return nil
				}
				o.later(100 * time.Millisecond)
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	o.until("every report has come", func() bool { return o.count(report.Redeployed) > 0 })
	made, read := o.revisions()-before, o.ours(false, "")-reads
	fmt.Printf("%d refused requests to %d instances: %d redeploy, %d API reads\n", burst, instances, made, read)
	if made != 1 || o.count(report.Redeployed) != 1 {
		t.Errorf("%d new revisions, %d reports of them, want one", made, o.count(report.Redeployed))
	}
	if read > instances*readsEach {
		t.Errorf("%d API reads, want at most %d", read, instances*readsEach)
	}
}
