package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Options say where messages are kept.
type Options struct {
	// Project is the project id that clients are made for.
	Project string
	// EmulatorHost is the host:port of a running Pub/Sub emulator; "" keeps
	// messages in this process.
	EmulatorHost string
	// HTTPS carries posts to https endpoints; nil = the network does.
	HTTPS http.RoundTripper
}

// Broker is one Pub/Sub. Its methods may be called by several goroutines.
type Broker struct {
	backend  *backend
	https    http.RoundTripper // nil = the network
	client   *pubsub.Client
	inflight *inflight
	disturb  atomic.Pointer[func(Attempt) Disturbance]

	mu      sync.Mutex
	serving map[string]*pushWorker // by subscription name
	closed  bool
}

// Message is what is published.
type Message struct {
	Topic       string // projects/P/topics/T
	Data        []byte
	Attributes  map[string]string
	OrderingKey string // "" = delivered in any order
}

var errClosed = errors.New("the broker is closed")

// Start connects to the backend. The caller closes the broker.
func Start(ctx context.Context, options Options) (*Broker, error) {
	tracked := newInflight()
	chosen, err := newBackend(options, tracked)
	if err != nil {
		return nil, err
	}
	client, err := chosen.connect(ctx, options.Project)
	if err != nil {
		chosen.close()
		return nil, fmt.Errorf("connecting to Pub/Sub at %s: %w", chosen.address, err)
	}
	return &Broker{backend: chosen, https: options.HTTPS, client: client, inflight: tracked,
		serving: map[string]*pushWorker{}}, nil
}

// Address is the host:port that other clients use, as PUBSUB_EMULATOR_HOST.
// What they publish counts for Idle only when messages are kept in this
// process; with the emulator, only what goes through Client and Publish does.
func (b *Broker) Address() string { return b.backend.address }

// Client is the broker's own client. It is closed with the broker.
func (b *Broker) Client() *pubsub.Client { return b.client }

// CreateTopic makes sure that a topic exists.
func (b *Broker) CreateTopic(ctx context.Context, name string) error {
	_, err := b.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: name})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("creating topic %q: %w", name, err)
	}
	return nil
}

// DeleteTopic deletes a topic. Its subscriptions keep what they have and get
// nothing more.
func (b *Broker) DeleteTopic(ctx context.Context, name string) error {
	if err := b.client.TopicAdminClient.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: name}); err != nil {
		return fmt.Errorf("deleting topic %q: %w", name, err)
	}
	return nil
}

// Publish stores a message and returns its id. It is done when the backend
// has the message, so that messages published one after another keep their order.
func (b *Broker) Publish(ctx context.Context, message Message) (string, error) {
	answer, err := b.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
		Topic: message.Topic,
		Messages: []*pubsubpb.PubsubMessage{{
			Data: message.Data, Attributes: message.Attributes, OrderingKey: message.OrderingKey,
		}},
	})
	if err != nil {
		return "", fmt.Errorf("publishing to %q: %w", message.Topic, err)
	}
	return answer.GetMessageIds()[0], nil
}

// Disturb sets what goes wrong with attempts from now on; nil = nothing.
func (b *Broker) Disturb(with func(Attempt) Disturbance) {
	if with == nil {
		b.disturb.Store(nil)
		return
	}
	b.disturb.Store(&with)
}

func (b *Broker) disturbance(attempt Attempt) Disturbance {
	if with := b.disturb.Load(); with != nil {
		return (*with)(attempt)
	}
	return Disturbance{}
}

// Idle waits until every message published so far, and every message that its
// handling led to, has been acknowledged or dead-lettered by each subscription
// served here. It returns the context's error when that does not happen in time.
func (b *Broker) Idle(ctx context.Context) error {
	if err := b.inflight.idle(ctx); err != nil {
		return fmt.Errorf("waiting for %d undelivered messages: %w", b.inflight.pending(), err)
	}
	return nil
}

// State shows for each subscription served here what it has done and what it
// has left, by name.
func (b *Broker) State() []SubscriptionState { return b.inflight.state() }

// Close stops pulling, waits for attempts that are under way, and stops the
// backend if it is ours. When the context ends first, the attempts are cut.
func (b *Broker) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	serving := b.serving
	b.serving = nil
	b.mu.Unlock()

	var failures []error
	for _, each := range serving {
		each.stop()
	}
	for _, each := range serving {
		failures = append(failures, each.wait(ctx))
		// A stream that is still being shut down must not find a subscription
		// of this name that somebody makes next: it would take its messages.
		if ctx.Err() == nil {
			failures = append(failures, b.deleteSubscription(ctx, each.Name))
		}
	}
	failures = append(failures, b.client.Close(), b.backend.close())
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("closing Pub/Sub: %w", err)
	}
	return nil
}
