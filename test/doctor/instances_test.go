package doctor

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// subscription is what a topic's push subscription has done.
func (o *fixture) subscription(topic string) delivery.SubscriptionState {
	o.t.Helper()
	for _, each := range o.Broker.State() {
		if each.Topic == topic && strings.Contains(each.Name, "/iapguard-") {
			return each
		}
	}
	o.t.Fatalf("nothing is pushed from %s", topic)
	return delivery.SubscriptionState{}
}

// The entry is done with as soon as the work is queued; it is the work message
// that Pub/Sub delivers again, to either instance, until the grant holds.
func TestADeferredDiagnosisComesBackByTheWorkTopic(t *testing.T) {
	t.Parallel()
	o := open(t, withfunction.Options{Instances: 2, Queued: true, Policy: policy("propagation: 7m")})
	before := o.revisions()
	o.invokers(binding("user:zoe@example.com"))
	o.Later(time.Hour)
	o.SetFaults(`[{"action":"late-iam","delay":"7m"}]`)
	o.invokers(binding(agent))
	events, work := o.subscription(playground.EventsTopic), o.subscription(playground.WorkTopic)
	o.sees("right after the grant", http.StatusForbidden)
	o.Meanwhile("the work is delivered again", func() bool {
		return o.Last().Verdict == "PROPAGATING" && o.subscription(playground.WorkTopic).Attempts >= work.Attempts+3
	})
	if now := o.subscription(playground.EventsTopic); now.Pending != 0 || now.Attempts != events.Attempts+1 {
		t.Errorf("the entry: %+v, want it delivered once and done with", now)
	}
	if now := o.subscription(playground.WorkTopic); now.Pending != 1 || now.Acknowledged != work.Acknowledged {
		t.Errorf("its work: %+v, want it waiting", now)
	}
	o.Later(8 * time.Minute)
	o.sees("when the grant holds", http.StatusOK)
	// The instances share no memory here: the one that began to protect the service,
	// and did not see the end of it, says that the service is protected.
	o.ended("OLD_NEWS", report.Compliant, report.Protected)
	if made := o.revisions() - before; made != 0 {
		t.Errorf("%d new revisions, want none", made)
	}
}

func TestTwoInstancesThatDecideAtTheSameMomentRedeployOnce(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	together := make(chan struct{})
	o := open(t, withfunction.Options{Instances: 2, Policy: policy(), Held: func(r *http.Request) {
		if r.URL.Query().Get("forceNewRevision") != "true" {
			return
		}
		// Neither writes before both have decided.
		switch arrived.Add(1) {
		case 1:
			select {
			case <-together:
			case <-time.After(cloudtest.Patience):
			}
		case 2:
			close(together)
		}
	}})
	o.withoutSink()
	before := o.revisions()
	stuck(false)(o)
	o.sees("ill,", http.StatusForbidden)
	for _, id := range []string{"one", "two"} {
		o.Publish(playground.CommandsTopic, `{"command":"doctor","id":"`+id+`","target":"`+hello.Name()+`"}`)
	}
	o.Until("one instance has redeployed", func() bool { return o.count(report.Redeployed) > 0 })
	o.sees("cured,", http.StatusOK)
	if made := o.revisions() - before; made != 1 || arrived.Load() != 2 || o.count(report.Redeployed) != 1 {
		t.Errorf("%d new revisions by %d attempts, reported %d times; want one by two", made, arrived.Load(),
			o.count(report.Redeployed))
	}
	var other report.Report
	for _, one := range o.Reports() {
		if one.Command != nil && one.Outcome != report.Started && one.Outcome != report.Redeployed &&
			one.Cause.Kind == "command" && one.Verdict != "" {
			other = one
		}
	}
	if other.Verdict != "OLD_NEWS" || other.Outcome != report.Compliant {
		t.Errorf("the other instance ends %s %s, want compliant: the refusal is older than the revision", other.Outcome,
			other.Verdict)
	}
}
