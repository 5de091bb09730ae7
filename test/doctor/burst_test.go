package doctor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	burst     = 3_000
	instances = 4
	// readsEach bounds what one instance reads: a diagnosis of a service behind
	// one load balancer, and a few more where it meets another's redeploy.
	readsEach = 120
)

// repeat writes one log entry again and again, as Cloud Run would for as many
// requests.
func (o *fixture) repeat(entry map[string]any, times int) error {
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(32)
	for i := range times {
		group.Go(func() error {
			var one logging.Entry
			if err := json.Unmarshal(text, &one); err != nil {
				return err
			}
			one.InsertID = fmt.Sprintf("burst%d", i)
			o.Cloud.Logs().Write(one)
			return nil
		})
	}
	return group.Wait()
}

// The entries go the whole way: log, sink, topic, push, and back where an
// instance asks for that.
func TestABurstOfRefusedRequestsLeadsToOneRedeploy(t *testing.T) {
	o := build(t, instances)
	o.withoutSink()
	stuck(true)(o)
	o.sees("ill,", http.StatusForbidden)
	entry, before, reads := o.logged(), o.revisions(), len(o.Calls().Own().Reads())
	o.withSink()
	delivered, began := o.subscription(playground.EventsTopic).Acknowledged, time.Now()
	if err := o.repeat(entry, burst); err != nil {
		t.Fatal(err)
	}
	o.Until("every entry is done with", func() bool {
		return o.subscription(playground.EventsTopic).Acknowledged >= delivered+burst && o.count(report.Redeployed) > 0
	})
	made, read := o.revisions()-before, len(o.Calls().Own().Reads())-reads
	fmt.Printf("%d refused requests through sink and push to %d instances in %s: %d redeploy, %d API reads\n",
		burst, instances, time.Since(began).Round(time.Second), made, read)
	if made != 1 || o.count(report.Redeployed) != 1 {
		t.Errorf("%d new revisions, %d reports of them, want one", made, o.count(report.Redeployed))
	}
	if read > instances*readsEach {
		t.Errorf("%d API reads, want at most %d", read, instances*readsEach)
	}
}
