package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"cloud.google.com/go/pubsub/v2"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// Queue is the Pub/Sub form of the work queue: it publishes one message for each
// item, which a subscription pushes to a worker. It may be in another process.
type Queue struct {
	topic      *Topic
	acceptance *workqueue.Acceptance
	carried    func(context.Context) map[string]string
}

// NewQueue returns the queue of a topic. carried returns further attributes of a
// message; nil = there are none.
func NewQueue(topic *Topic, acceptance *workqueue.Acceptance, carried func(context.Context) map[string]string) *Queue {
	return &Queue{topic, acceptance, carried}
}

// Add publishes an item. Items of one key are delivered one after the other, in the
// order in which they were published: the key is the ordering key. While one waits
// for another delivery, those after it wait in Pub/Sub. Items that must not wait
// for others (Alone, Urgent) have no ordering key.
// Source: pubsub/docs/ordering.
func (q *Queue) Add(ctx context.Context, item workqueue.Item) error {
	item = q.acceptance.Stamp(item)
	message := &pubsub.Message{Data: item.Payload, Attributes: item.Attributes()}
	if q.carried != nil {
		maps.Copy(message.Attributes, q.carried(ctx))
	}
	if !item.Alone && !item.Urgent {
		message.OrderingKey = item.Key
	}
	return q.topic.send(ctx, message)
}

// ReadPush reads an item from what Pub/Sub pushes. Without the push envelope, the
// body is the item's payload. Source: pubsub/docs/push#receive_push.
func ReadPush(body []byte) (workqueue.Item, error) {
	var push struct {
		Message *struct {
			Data       []byte            `json:"data"`
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &push); err != nil {
		return workqueue.Item{}, fmt.Errorf("reading a pushed message: %w", err)
	}
	if push.Message == nil {
		return workqueue.Item{Payload: body}, nil
	}
	return workqueue.ParseItem(push.Message.Data, push.Message.Attributes)
}
