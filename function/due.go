package function

import (
	"context"
	"time"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// dueEvery is how often due records are looked for. Cloud Scheduler sends the
// command due as often (deploy/terraform/modules/core).
const dueEvery = time.Minute

// due queues everything that is due by now, from missed minutes too, and what this
// process stored and nobody has.
func (f *Function) due(ctx context.Context) error {
	f.policies.inForce() // a policy that cannot be read is said within minutes, whatever happens
	f.pulse.beat(ctx)
	f.sayPassedOver(ctx, false)
	added, err := workqueue.AddDue(ctx, f.queue, f.records, f.clock.Now())
	lost, problem := f.worker.AddLost(ctx, f.queue)
	f.log.InfoContext(ctx, "due work was queued", "items", added+lost)
	return workqueue.Join(err, problem)
}

// lookForDue does by a timer what the command due asks for, where nobody sends it:
// in a process that is its own cloud.
func (f *Function) lookForDue() {
	for {
		select {
		case <-f.drain.drainDeadline.Done():
			return
		case <-f.drain.idle:
			return
		case <-f.clock.After(dueEvery):
		}
		ctx, leave, open := f.drain.enter(context.Background())
		if !open {
			return
		}
		if err := f.due(ctx); err != nil {
			f.log.WarnContext(ctx, "due work stays for the next minute", "err", err)
		}
		leave()
	}
}
