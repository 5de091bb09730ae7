package delivery_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
)

// posted publishes messages one after another, each when the one before has
// reached the rules, and gives what the endpoint got in the order in which it
// did.
func posted(t *testing.T, broker *delivery.Broker, rule delivery.Rule, messages int) []string {
	t.Helper()
	service := newEndpoint(t, status(http.StatusOK))
	topic := createTopic(t, broker, "topic")
	rule.Subscription = push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, NoWrapper: true,
		MinBackoff: time.Millisecond}).Name
	var rules delivery.Rules
	if err := rules.Set(rule); err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{}, messages)
	broker.Disturb(func(attempt delivery.Attempt) delivery.Disturbance {
		disturbed := rules.Disturb(attempt)
		if attempt.Number == 1 {
			reached <- struct{}{}
		}
		return disturbed
	})
	for i := range messages {
		publish(t, broker, delivery.Message{Topic: topic, Data: fmt.Append(nil, i)})
		<-reached
	}
	awaitIdle(t, broker)
	var got []string
	for _, each := range service.requests() {
		got = append(got, string(each.body))
	}
	return got
}

func TestARuleSwapsMessagesInPairs(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		got := posted(t, broker, delivery.Rule{Reorder: true, Count: 2}, 2)
		if diff := cmp.Diff([]string{"1", "0"}, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestAMessageThatNoneOvertakesArrives(t *testing.T) {
	got := posted(t, startBroker(t, ""), delivery.Rule{Reorder: true}, 3)
	if slices.Index(got, "1") > slices.Index(got, "0") || !slices.Contains(got, "2") {
		t.Errorf("order %v, want 1 before 0, and 2", got)
	}
}

func TestARuleDuplicatesAsManyMessagesAsItSays(t *testing.T) {
	onBothBackends(t, func(t *testing.T, broker *delivery.Broker) {
		got := posted(t, broker, delivery.Rule{Duplicate: 2, Count: 2}, 4)
		slices.Sort(got)
		if diff := cmp.Diff([]string{"0", "0", "0", "1", "1", "1", "2", "3"}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
	})
}

func TestARuleHoldsMessagesBackAndLeavesRetriesAlone(t *testing.T) {
	var rules delivery.Rules
	rule := delivery.Rule{Subscription: "s", Delay: time.Minute, Count: 1}
	if err := rules.Set(rule); err != nil {
		t.Fatal(err)
	}
	attempt := func(subscription string, number int) time.Duration {
		return rules.Disturb(delivery.Attempt{Subscription: subscription, Number: number}).Delay
	}
	got := []time.Duration{attempt("another", 1), attempt("s", 2), attempt("s", 1), attempt("s", 1)}
	if err := rules.Set(rule); err != nil { // counts anew
		t.Fatal(err)
	}
	got = append(got, attempt("s", 1))
	if diff := cmp.Diff([]time.Duration{0, 0, time.Minute, 0, time.Minute}, got); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
	if err := rules.Set(delivery.Rule{Subscription: "s", Delay: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if rules.Clear(); attempt("s", 1) != 0 {
		t.Error("a rule that was ended delays")
	}
}

func TestRulesBeyondTheirBoundsAreRefused(t *testing.T) {
	for _, rule := range []delivery.Rule{{Duplicate: -1}, {Duplicate: 101}, {Delay: -1}, {Delay: time.Hour}, {Count: -1}} {
		var rules delivery.Rules
		if err := rules.Set(rule); err == nil {
			t.Errorf("rule %+v was accepted", rule)
		}
	}
}

func TestWithoutRetriesTheFirstAttemptIsTheLast(t *testing.T) {
	broker := startBroker(t, "")
	service := newEndpoint(t, status(503, 200))
	topic := createTopic(t, broker, "topic")
	push(t, broker, delivery.Subscription{Topic: topic, Endpoint: service.URL, Once: true})
	publish(t, broker, delivery.Message{Topic: topic, Data: []byte("x")})
	awaitIdle(t, broker)
	state := broker.State()[0]
	if got := [3]int{len(service.requests()), state.Acknowledged, len(state.DeadLettered)}; got != [3]int{1, 0, 1} {
		t.Errorf("requests, acknowledged and given up: %v, want [1 0 1]", got)
	}
}
