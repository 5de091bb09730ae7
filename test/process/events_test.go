package process

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// inFlight is how many events an instance has in hand when it is stopped.
const inFlight = 200

// manyServices is services, each behind a load balancer of its own.
func manyServices(n int) []playground.LoadBalanced {
	var services []playground.LoadBalanced
	for i := range n {
		name := fmt.Sprintf("shop-%d", i)
		services = append(services, playground.LoadBalanced{Service: name, Region: "us-central1",
			Host: name + ".example.com"})
	}
	return services
}

func TestNoEventIsLostOrHalfDoneWhenAnInstanceIsStopped(t *testing.T) {
	for _, tc := range []struct {
		name   string
		call   time.Duration // how long each call of Google's APIs takes
		queued bool          // the events' work comes by the work topic
	}{
		{"much is handled before the end", 10 * time.Millisecond, false},
		{"much is handed back", 300 * time.Millisecond, false},
		{"the work is queued", 200 * time.Millisecond, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := open(t)
			services := manyServices(20)
			o.Build(services...)
			o.slow(tc.call)
			var more []string
			if tc.queued {
				more = append(more, "IAPGUARD_WORK_TOPIC="+playground.WorkTopic)
			}
			first := run(t, o.Env, o.URL(), more...)
			o.to(first)
			o.entered = func(n int64) {
				if n == inFlight {
					first.terminate()
				}
			}
			o.push(inFlight)
			for i := range inFlight / len(services) {
				o.deployed(fmt.Sprintf("event-%d", i), services)
			}
			<-first.ended
			byFirst := len(o.writes().Taken())
			o.slow(0)
			o.to(run(t, o.Env, o.URL(), more...))
			o.settled()
			for _, topic := range []string{playground.EventsTopic, playground.WorkTopic} {
				if state := o.pushed(topic); state.Pending > 0 || len(state.DeadLettered) > 0 ||
					topic == playground.EventsTopic && state.Acknowledged != inFlight {
					t.Errorf("%s: %d acknowledged, %d pending, %d dead-lettered; want %d events acknowledged and nothing left",
						topic, state.Acknowledged, state.Pending, len(state.DeadLettered), inFlight)
				}
			}
			o.safe(services)
			t.Logf("%d of %d writes by the first instance", byFirst, len(o.writes().Taken()))
			o.againIsNothing(services)
		})
	}
}

// safe checks that the latest report on each service is that it is protected.
func (o *fixture) safe(services []playground.LoadBalanced) {
	o.t.Helper()
	last, outcomes := o.latest()
	for _, service := range services {
		if got := last[service.Name()].Outcome; !slices.Contains([]report.Outcome{report.Protected, report.Compliant}, got) {
			o.t.Errorf("%s is %q in the end, want protected", service.Name(), got)
		}
	}
	o.t.Logf("outcomes: %v", outcomes)
}

// againIsNothing checks that a second pass finds everything done.
func (o *fixture) againIsNothing(services []playground.LoadBalanced) {
	o.t.Helper()
	before := len(o.writes())
	o.deployed("second pass", services)
	o.settled()
	last, _ := o.latest()
	for _, service := range services {
		if got := last[service.Name()].Outcome; got != report.Compliant {
			o.t.Errorf("%s is %q in a second pass, want compliant", service.Name(), got)
		}
	}
	if more := o.writes()[before:]; len(more) > 0 {
		o.t.Errorf("%d writes in a second pass, want none: %+v", len(more), more)
	}
}
