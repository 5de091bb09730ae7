package workqueue_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/internal/workqueue/conformance"
)

// inTurn hands items to several queues in turn.
type inTurn struct {
	queues []workqueue.Queue
	next   atomic.Int64
}

func (q *inTurn) Add(ctx context.Context, item workqueue.Item) error {
	return q.queues[int(q.next.Add(1))%len(q.queues)].Add(ctx, item)
}

func TestInlineConforms(t *testing.T) {
	conformance.Run(t, func(_ *testing.T, processes []workqueue.Options) workqueue.Queue {
		all := &inTurn{}
		for _, options := range processes {
			acceptance := workqueue.NewAcceptance(options.Clock, conformance.GiveUpAfter)
			all.queues = append(all.queues, workqueue.NewInline(workqueue.NewWorker(options), acceptance))
		}
		return all
	})
}
