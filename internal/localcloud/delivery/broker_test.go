package delivery_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
)

func TestIdleWaitsForWhatAHandlerPublishes(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		first, second := createTopic(t, broker, "first"), createTopic(t, broker, "second")
		final := newEndpoint(t, status(200))
		relay := newEndpoint(t, func(http.ResponseWriter, *http.Request, int) {
			publish(t, broker, delivery.Message{Topic: second, Data: []byte("follows")})
		})
		push(t, broker, delivery.Subscription{Name: named(t, "subscriptions", "one"), Topic: first, Endpoint: relay.URL})
		push(t, broker, delivery.Subscription{Name: named(t, "subscriptions", "two"), Topic: second, Endpoint: final.URL})
		for range 10 {
			publish(t, broker, delivery.Message{Topic: first, Data: []byte("x")})
			awaitIdle(t, broker)
		}
		if got := len(final.requests()); got != 10 {
			t.Errorf("got %d messages at the end of the chain, want 10", got)
		}
	})
}

func TestInProcessOtherClientsCountForIdleToo(t *testing.T) {
	broker := startBroker(t, "")
	service := newEndpoint(t, status(200))
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL})
	other, err := pubsub.NewClient(t.Context(), "demo-project", option.WithEndpoint(broker.Address()),
		option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	publisher := other.Publisher(topic)
	defer publisher.Stop()
	if _, err := publisher.Publish(t.Context(), &pubsub.Message{Data: []byte("x")}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitIdle(t, broker)
	if got := len(service.requests()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
}

func TestRefusedMessagesDoNotKeepTheBrokerBusy(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		service := newEndpoint(t, status(200))
		topic := createTopic(t, broker, "topic")
		push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL})
		err := broker.Client().TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: topic})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := broker.Publish(t.Context(), delivery.Message{Topic: topic, Data: []byte("x")}); err == nil {
			t.Error("publishing to a topic that is gone: got no error")
		}
		awaitIdle(t, broker)
	})
}

func TestPostsUnderWayAreBoundedAndCloseWaitsForThem(t *testing.T) {
	const messages, bound = 10, 3
	broker := startBroker(t, "")
	var current, most atomic.Int32
	entered, release := make(chan struct{}, messages), make(chan struct{})
	service := newEndpoint(t, func(http.ResponseWriter, *http.Request, int) {
		now := current.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		entered <- struct{}{}
		<-release
		current.Add(-1)
	})
	var tried sync.WaitGroup
	tried.Add(messages)
	broker.Disturb(func(delivery.Attempt) delivery.Disturbance {
		tried.Done()
		return delivery.Disturbance{}
	})
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, Concurrency: bound})
	for range messages {
		publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
	}
	tried.Wait() // every message wants to be posted now
	for range bound {
		<-entered
	}
	for range messages - bound {
		release <- struct{}{}
		<-entered
	}
	if got := most.Load(); got != bound {
		t.Errorf("got %d posts at once, want %d", got, bound)
	}
	closed := make(chan error)
	go func() { closed <- broker.Close(context.Background()) }()
	select {
	case err := <-closed:
		t.Fatalf("closed while posts were under way: %v", err)
	case release <- struct{}{}:
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestCloseCutsPostsWhenItsTimeIsUp(t *testing.T) {
	broker := startBroker(t, "")
	entered := make(chan struct{})
	service := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request, _ int) {
		close(entered)
		<-r.Context().Done()
	})
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, AckDeadline: 600 * time.Second})
	publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := broker.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestSubscriptionsThatPubSubRefusesAreRefused(t *testing.T) {
	broker := startBroker(t, "")
	topic := createTopic(t, broker, "topic")
	cases := []struct {
		name   string
		change func(*delivery.Subscription)
		want   string
	}{
		{"an endpoint without scheme", func(s *delivery.Subscription) { s.Endpoint = "localhost:80" },
			"not an http or https URL"},
		{"a deadline over ten minutes", func(s *delivery.Subscription) { s.AckDeadline = 601 * time.Second },
			"acknowledgement deadline"},
		{"backoff that shrinks", func(s *delivery.Subscription) { s.MinBackoff, s.MaxBackoff = 2, 1 }, "backoff"},
		{"too few attempts", func(s *delivery.Subscription) { s.MaxDeliveryAttempts = 4 }, "4 delivery attempts"},
		{"no concurrency", func(s *delivery.Subscription) { s.Concurrency = -1 }, "concurrency"},
		{"a topic that does not exist", func(s *delivery.Subscription) { s.Topic += "-none" }, "NotFound"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			subscription := delivery.Subscription{Name: named(t, "subscriptions", "sub"), Topic: topic,
				Endpoint: "http://127.0.0.1:1"}
			c.change(&subscription)
			err := broker.Push(t.Context(), subscription)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestARemovedSubscriptionGetsNothingAndKeepsNobodyWaiting(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		service := newEndpoint(t, status(500))
		topic := createTopic(t, broker, "topic")
		subscription := push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL})
		publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
		if err := broker.Remove(t.Context(), subscription.Name); err != nil {
			t.Fatal(err)
		}
		awaitIdle(t, broker)
		if got := broker.State(); len(got) != 0 {
			t.Errorf("state %+v", got)
		}
		push(t, broker, subscription) // the name is free again
	})
}

func TestAClosedBrokerLeavesNoGoroutineOfItsOwnBehind(t *testing.T) {
	attempted := make(chan struct{}, 100)
	service := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		attempted <- struct{}{}
		w.WriteHeader(500)
	})
	broker := startBroker(t, "")
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, MinBackoff: time.Minute})
	publish(t, broker, delivery.Message{Topic: topic, Data: []byte("waits for another attempt")})
	<-attempted
	if got := ownGoroutines(); got == 0 {
		t.Fatal("a serving broker has no goroutine: this test looks for the wrong name")
	}
	if err := broker.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ownGoroutines(); got != 0 {
		t.Errorf("%d goroutines are left", got)
	}
}

// ownGoroutines counts goroutines in the code that pushes. Google's client
// leaves some of its own behind for up to ten seconds.
func ownGoroutines() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "delivery.(*pushWorker)")
}
