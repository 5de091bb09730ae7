package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
)

func TestAWrappedPushHasEveryNameThatPubSubWrites(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		service := newEndpoint(t, status(http.StatusNoContent))
		topic := createTopic(t, broker, "topic")
		subscription := push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL})
		id := publish(t, broker, delivery.Message{Topic: topic, Data: []byte("hello"),
			Attributes: map[string]string{"k": "v"}})
		awaitIdle(t, broker)

		requests := service.requests()
		if len(requests) != 1 {
			t.Fatalf("got %d requests, want 1", len(requests))
		}
		var got map[string]any
		if err := json.Unmarshal(requests[0].body, &got); err != nil {
			t.Fatal(err)
		}
		message, _ := got["message"].(map[string]any)
		published, err := time.Parse(time.RFC3339Nano, fmt.Sprint(message["publishTime"]))
		if err != nil || published.IsZero() {
			t.Errorf("publishTime %v: %v", message["publishTime"], err)
		}
		want := map[string]any{
			"subscription": subscription.Name,
			"message": map[string]any{
				"data": "aGVsbG8=", "attributes": map[string]any{"k": "v"}, "messageId": id, "message_id": id,
				"publishTime": message["publishTime"], "publish_time": message["publishTime"],
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		if got := requests[0].header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type %q", got)
		}
	})
}

func TestAnUnwrappedPushIsABinaryCloudEventWhenAttributesSaySo(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		service := newEndpoint(t, status(http.StatusOK))
		topic := createTopic(t, broker, "topic")
		subscription := push(t, broker, delivery.Subscription{
			Topic: topic, Endpoint: service.URL, NoWrapper: true, WriteMetadata: true,
			Account: "pusher",
		})
		id := publish(t, broker, delivery.Message{Topic: topic, Data: []byte(`{"a":1}`), Attributes: map[string]string{
			"ce-id": "7", "Content-Type": "application/json; charset=utf-8", "not a header": "x", "torn": "a\r\nb",
		}})
		awaitIdle(t, broker)

		request := service.requests()[0]
		got := map[string]string{"body": string(request.body)}
		for _, name := range []string{"Ce-Id", "Content-Type", "Authorization", "Torn",
			"X-Goog-Pubsub-Subscription-Name", "X-Goog-Pubsub-Message-Id"} {
			got[name] = request.header.Get(name)
		}
		want := map[string]string{
			"body": `{"a":1}`, "Ce-Id": "7", "Content-Type": "application/json; charset=utf-8", "Torn": "",
			"Authorization": "Bearer pusher-for-" + service.URL, "X-Goog-Pubsub-Subscription-Name": subscription.Name,
			"X-Goog-Pubsub-Message-Id": id,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}

func TestOnlyTheDocumentedAnswersAcknowledge(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request, before int) {
		if before == 0 {
			panic(http.ErrAbortHandler)
		}
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request, before int) {
		if before == 0 {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}
	late := func(_ http.ResponseWriter, r *http.Request, before int) {
		if before == 0 {
			<-r.Context().Done() // the deadline passes, and the caller goes away
		}
	}
	cases := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request, int)
		want   int // requests
	}{
		{"200 acknowledges", status(200), 1},
		{"201 acknowledges", status(201), 1},
		{"202 acknowledges", status(202), 1},
		{"204 acknowledges", status(204), 1},
		{"203 does not", status(203, 200), 2},
		{"302 does not, and is not followed", elsewhere, 2},
		{"400 does not", status(400, 200), 2},
		{"404 does not", status(404, 200), 2},
		{"429 and 500 do not", status(429, 500, 200), 3},
		{"a cut connection does not", cut, 2},
		{"an answer after the deadline does not", late, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
				service := newEndpoint(t, c.answer)
				topic := createTopic(t, broker, "topic")
				push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL,
					AckDeadline: 500 * time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond})
				publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
				awaitIdle(t, broker)

				if got := len(service.requests()); got != c.want {
					t.Errorf("got %d requests, want %d", got, c.want)
				}
				state := broker.State()[0]
				if got := [2]int{state.Acknowledged, state.Attempts}; got != [2]int{1, c.want} {
					t.Errorf("acknowledged and attempts: got %v, want [1 %d]", got, c.want)
				}
			})
		})
	}
}

func TestAttemptsThatRunOutEndInTheDeadLetterTopic(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		failing := newEndpoint(t, status(http.StatusInternalServerError))
		graveyard := newEndpoint(t, status(http.StatusOK))
		topic, dead := createTopic(t, broker, "topic"), createTopic(t, broker, "dead")
		subscription := push(t, broker, delivery.Subscription{Topic: topic, Endpoint: failing.URL,
			MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, DeadLetterTopic: dead, MaxDeliveryAttempts: 6})
		push(t, broker, delivery.Subscription{Name: named(t, "subscriptions", "dead"), Topic: dead, Endpoint: graveyard.URL})
		id := publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x"), Attributes: map[string]string{"k": "v"}})
		awaitIdle(t, broker)

		var attempts []int
		for _, each := range failing.requests() {
			var body struct{ DeliveryAttempt int }
			if err := json.Unmarshal(each.body, &body); err != nil {
				t.Fatal(err)
			}
			attempts = append(attempts, body.DeliveryAttempt)
		}
		if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 6}, attempts); diff != "" {
			t.Errorf("delivery attempts (-want +got):\n%s", diff)
		}
		if got := len(graveyard.requests()); got != 1 {
			t.Fatalf("got %d dead letters pushed, want 1", got)
		}
		var letter struct {
			Message struct{ Attributes map[string]string }
		}
		if err := json.Unmarshal(graveyard.requests()[0].body, &letter); err != nil {
			t.Fatal(err)
		}
		published := letter.Message.Attributes["CloudPubSubDeadLetterSourceTopicPublishTime"]
		if _, err := time.Parse(time.RFC3339Nano, published); err != nil {
			t.Error(err)
		}
		want := map[string]string{
			"k": "v", "CloudPubSubDeadLetterSourceDeliveryCount": "6",
			"CloudPubSubDeadLetterSourceSubscription": strings.TrimPrefix(subscription.Name,
				"projects/demo-project/subscriptions/"),
			"CloudPubSubDeadLetterSourceSubscriptionProject": "demo-project",
			"CloudPubSubDeadLetterSourceTopicPublishTime":    published,
		}
		if diff := cmp.Diff(want, letter.Message.Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
		for _, state := range broker.State() {
			if state.Name != subscription.Name {
				continue
			}
			if len(state.DeadLettered) != 1 || state.DeadLettered[0].MessageID != id || state.DeadLettered[0].Attempts != 6 ||
				!strings.Contains(state.DeadLettered[0].Why, "answered 500") {
				t.Errorf("dead letters %+v", state.DeadLettered)
			}
		}
	})
}

func TestWhatIsNotAcknowledgedYetIsVisible(t *testing.T) {
	broker := startBroker(t, "")
	again := make(chan struct{})
	service := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		if before == 0 {
			w.WriteHeader(503)
			return
		}
		again <- struct{}{}
		<-again
	})
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, MinBackoff: time.Millisecond})
	id := publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
	<-again

	state := broker.State()[0]
	if state.Pending != 1 || len(state.Unacknowledged) != 1 || state.Unacknowledged[0].MessageID != id {
		t.Errorf("state while the second attempt is under way: %+v", state)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := broker.Idle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("idle while a message is pending: got %v, want %v", err, context.Canceled)
	}
	again <- struct{}{}
	awaitIdle(t, broker)
	if state := broker.State()[0]; state.Pending != 0 || len(state.Unacknowledged) != 0 {
		t.Errorf("state afterwards: %+v", state)
	}
}

func TestMessagesWithOneOrderingKeyArriveInOrder(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		const messages = 20
		var failures atomic.Int32
		service := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, before int) {
			if before%3 == 0 && failures.Add(1) < 10 { // retries must not let later ones overtake
				w.WriteHeader(500)
			}
		})
		topic := createTopic(t, broker, "topic")
		push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, Ordered: true,
			NoWrapper: true, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond})

		publisher := broker.Client().Publisher(topic) // as the function publishes its reports
		publisher.EnableMessageOrdering = true
		defer publisher.Stop()
		for i := range messages {
			publisher.Publish(t.Context(), &pubsub.Message{Data: fmt.Appendf(nil, "%02d", i), OrderingKey: "one"})
		}
		publisher.Flush()
		awaitIdle(t, broker)

		var got, want []string
		for _, each := range service.requests() {
			got = append(got, string(each.body))
		}
		for i := range messages {
			want = append(want, fmt.Sprintf("%02d", i))
		}
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("order without repetitions (-want +got):\n%s", diff)
		}
	})
}

func TestDisturbancesDuplicateAndReorder(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		secondArrived := make(chan struct{})
		service := newEndpoint(t, func(_ http.ResponseWriter, _ *http.Request, before int) {
			if before == 0 {
				close(secondArrived)
			}
		})
		topic := createTopic(t, broker, "topic")
		push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, NoWrapper: true})
		broker.Disturb(func(attempt delivery.Attempt) delivery.Disturbance {
			if string(attempt.Data) == "first" {
				<-secondArrived // longer than any delay
				return delivery.Disturbance{Copies: 2}
			}
			return delivery.Disturbance{}
		})
		publish(t, broker, delivery.Message{Topic: topic, Data: []byte("first")})
		publish(t, broker, delivery.Message{Topic: topic, Data: []byte("second")})
		awaitIdle(t, broker)

		var got []string
		for _, each := range service.requests() {
			got = append(got, string(each.body))
		}
		if diff := cmp.Diff([]string{"second", "first", "first", "first"}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
	})
}
