package games

import (
	"context"
	"slices"
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/test/oracle/inprocess"
)

// broker keeps the subscriptions that somebody makes, which get no message.
type broker struct {
	inprocess.PubSub
	mu  sync.Mutex
	all []*pubsubpb.Subscription
}

// Invoke answers the calls that make and list subscriptions, and all others with an empty message.
func (b *broker) Invoke(_ context.Context, _ string, request, answer proto.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch sent := request.(type) {
	case *pubsubpb.Subscription:
		b.all = append(b.all, sent)
		proto.Merge(answer, sent)
	case *pubsubpb.ListSubscriptionsRequest:
		proto.Merge(answer, &pubsubpb.ListSubscriptionsResponse{Subscriptions: slices.Clone(b.all)})
	}
	return nil
}
