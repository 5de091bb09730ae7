package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
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
	// Token issues the identity token of a service account for an audience, which
	// pushes with an Account carry. An error counts as an attempt that was not
	// acknowledged.
	Token func(account, audience string) (string, error)
}

// Broker is one Pub/Sub. Its methods may be called by several goroutines.
type Broker struct {
	options Options
	backend *backend
	client  *pubsub.Client
	// connection is for calls that Google's client library does not make.
	connection *grpc.ClientConn
	inflight   *inflight
	disturb    atomic.Pointer[func(Attempt) Disturbance]
	rows       atomic.Pointer[func(Export, Attempt) error]

	mu      sync.Mutex
	serving map[string]*pushWorker // by subscription name
	leaving map[*pushWorker]bool   // stopped, and not yet done with their last posts
	wired   map[string]bool        // topics and subscriptions that were made here, and not by a client
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
	b := &Broker{options: options, inflight: newInflight(), serving: map[string]*pushWorker{},
		leaving: map[*pushWorker]bool{}, wired: map[string]bool{}}
	var err error
	hooks := inprocess.Hooks{Queued: b.inflight.queued, Subscription: b.subscriptionChanged}
	if b.backend, err = newBackend(options, hooks, b.inflight); err != nil {
		return nil, err
	}
	if b.client, err = b.backend.connect(ctx, options.Project); err != nil {
		_ = b.backend.close() // the error of connecting says more
		return nil, fmt.Errorf("connecting to Pub/Sub at %s: %w", b.backend.address, err)
	}
	if b.connection, err = grpc.NewClient(b.backend.address, b.backend.transport()...); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to Pub/Sub at %s: %w", b.backend.address, err),
			b.client.Close(), b.backend.close())
	}
	return b, nil
}

// Address is the host:port that other clients use, as PUBSUB_EMULATOR_HOST.
// What they publish counts for Idle only when messages are kept in this
// process; with the emulator, only what goes through Client and Publish does.
func (b *Broker) Address() string { return b.backend.address }

// Client is the broker's own client. It is closed with the broker.
func (b *Broker) Client() *pubsub.Client { return b.client }

// Invoke calls a gRPC method of google.pubsub.v1 as any client does. The error is a
// gRPC status.
func (b *Broker) Invoke(ctx context.Context, method string, request, answer proto.Message) error {
	return b.connection.Invoke(ctx, method, request, answer)
}

// CreateTopic makes sure that a topic exists.
func (b *Broker) CreateTopic(ctx context.Context, name string) error {
	b.wire(name)
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

// Subscribe makes sure that there is a subscription that keeps a topic's messages until
// they are pulled.
func (b *Broker) Subscribe(ctx context.Context, name, topic string) error {
	b.wire(name)
	_, err := b.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{Name: name, Topic: topic,
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{}}) // never
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("creating subscription %q: %w", name, err)
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

// wire keeps a topic or a subscription when the broker is reset.
func (b *Broker) wire(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wired[name] = true
}

// Reset deletes what clients have made, with every message in it. Topics and
// subscriptions that CreateTopic and Push made stay, and so does everything of an
// emulator, which is not ours.
func (b *Broker) Reset() {
	if b.backend.server == nil {
		return
	}
	b.mu.Lock()
	wired := maps.Clone(b.wired)
	b.mu.Unlock()
	b.backend.server.Reset(func(name string) bool { return wired[name] })
}

// Contents are the topics and subscriptions by name, as Pub/Sub shows them; none of
// an emulator's.
func (b *Broker) Contents() ([]*pubsubpb.Topic, []*pubsubpb.Subscription) {
	if b.backend.server == nil {
		return nil, nil
	}
	return b.backend.server.Contents()
}

// Backlogs are the backlogs of the subscriptions, by name; none of an emulator's.
func (b *Broker) Backlogs() []inprocess.Backlog {
	if b.backend.server == nil {
		return nil
	}
	return b.backend.server.Backlogs()
}

// Rows sets what writes the messages of subscriptions with a BigQuery table or a Cloud Storage bucket. An error
// counts as an attempt that was not acknowledged.
func (b *Broker) Rows(write func(Export, Attempt) error) { b.rows.Store(&write) }

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
	serving, leaving := b.serving, maps.Clone(b.leaving)
	b.serving = nil
	b.mu.Unlock()

	var failures []error
	maps.DeleteFunc(serving, func(_ string, each *pushWorker) bool { return each == nil })
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
	for each := range leaving {
		_ = each.wait(ctx) // its subscription is gone or served by another, which ends its pulling
	}
	failures = append(failures, b.client.Close(), b.connection.Close(), b.backend.close())
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("closing Pub/Sub: %w", err)
	}
	return nil
}
