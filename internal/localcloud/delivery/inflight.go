package delivery

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// keptDeadLetters bounds how many dead letters a subscription remembers.
const keptDeadLetters = 100

// SubscriptionState is what a push subscription has done and has left.
type SubscriptionState struct {
	Name     string `json:"name"`
	Topic    string `json:"topic"`
	Endpoint string `json:"endpoint"`
	// Pending counts messages that are neither acknowledged nor dead-lettered.
	Pending int `json:"pending"`
	// Acknowledged and Attempts count since the start; an attempt is one post.
	Acknowledged int `json:"acknowledged"`
	Attempts     int `json:"attempts"`
	// LastAnswer is the HTTP status of the latest answer; 0 = there was none yet.
	LastAnswer int `json:"lastAnswer,omitempty"`
	// Unacknowledged are the messages with at least one failed attempt.
	Unacknowledged []Unacknowledged `json:"unacknowledged,omitempty"`
	// DeadLettered are the latest messages that ran out of attempts, whether
	// or not there is a topic for them.
	DeadLettered []Unacknowledged `json:"deadLettered,omitempty"`
}

// Unacknowledged is a message that an endpoint did not accept.
type Unacknowledged struct {
	MessageID string    `json:"messageId"`
	Attempts  int       `json:"attempts"`
	At        time.Time `json:"at"`  // when the last attempt ended
	Why       string    `json:"why"` // what the last attempt came to
}

// inflight counts, for each subscription served here, what is published and what
// is done with.
type inflight struct {
	mu       sync.Mutex
	trackers map[string]*tracker // by subscription name
	quiet    chan struct{}       // closed while nothing is pending
}

// tracker is one subscription's counts.
type tracker struct {
	inflight *inflight
	state    SubscriptionState
	open     map[string]Unacknowledged // by message id
	client   bool                      // see Subscription.client
}

func newInflight() *inflight {
	quiet := make(chan struct{})
	close(quiet)
	return &inflight{trackers: map[string]*tracker{}, quiet: quiet}
}

// watch counts for a subscription from now on; what was counted for it stays.
func (i *inflight) watch(subscription Subscription) *tracker {
	i.mu.Lock()
	defer i.mu.Unlock()
	watched := i.trackers[subscription.Name]
	if watched == nil {
		watched = &tracker{inflight: i, open: map[string]Unacknowledged{}, client: subscription.client}
		i.trackers[subscription.Name] = watched
	}
	watched.state.Name, watched.state.Topic = subscription.Name, subscription.Topic
	watched.state.Endpoint = subscription.Endpoint
	return watched
}

// forget drops a subscription's counts with all that is pending on it.
func (i *inflight) forget(subscription string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.trackers, subscription)
	i.signal()
}

// queued counts messages that came to a subscription.
func (i *inflight) queued(subscription string, messages int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if tracker := i.trackers[subscription]; tracker != nil {
		tracker.state.Pending += messages
		i.signal()
	}
}

// published counts messages for every subscription of the topic; the returned
// function takes that back.
func (i *inflight) published(topic string, messages int) (takeBack func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var counted []*tracker
	for _, each := range i.trackers {
		if each.state.Topic == topic {
			each.state.Pending += messages
			counted = append(counted, each)
		}
	}
	i.signal()
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		for _, each := range counted {
			each.settle(messages)
		}
	}
}

// signal opens or closes quiet. Its caller holds the lock.
func (i *inflight) signal() {
	busy := false
	for _, each := range i.trackers {
		busy = busy || each.state.Pending > 0
	}
	select {
	case <-i.quiet:
		if busy {
			i.quiet = make(chan struct{})
		}
	default:
		if !busy {
			close(i.quiet)
		}
	}
}

// settle takes messages off the count. A message that the backend delivers once
// more after it was done with was never counted again, hence the floor.
func (t *tracker) settle(messages int) {
	t.state.Pending = max(0, t.state.Pending-messages)
	t.inflight.signal()
}

// copied counts deliveries that no publisher asked for.
func (t *tracker) copied(copies int) {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.state.Pending += copies
	t.inflight.signal()
}

// attempted counts one post.
func (t *tracker) attempted() {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.state.Attempts++
}

// copyDone ends a copy: copies are not retried, whatever they came to.
func (t *tracker) copyDone() {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.settle(1)
}

// answered keeps the status of an answer.
func (t *tracker) answered(status int) {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.state.LastAnswer = status
}

// failed keeps a message that will be tried once more. Nobody waits for it then if a
// client made the subscription: its endpoint may refuse for ever.
func (t *tracker) failed(message Unacknowledged) {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	if _, before := t.open[message.MessageID]; t.client && !before {
		t.settle(1)
	}
	t.open[message.MessageID] = message
}

func (t *tracker) acknowledged(messageID string) {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.state.Acknowledged++
	t.done(messageID)
}

func (t *tracker) deadLettered(message Unacknowledged) {
	t.inflight.mu.Lock()
	defer t.inflight.mu.Unlock()
	t.state.DeadLettered = append(t.state.DeadLettered, message)
	if excess := len(t.state.DeadLettered) - keptDeadLetters; excess > 0 {
		t.state.DeadLettered = slices.Clone(t.state.DeadLettered[excess:])
	}
	t.done(message.MessageID)
}

// done ends the counting of a message. The lock is held.
func (t *tracker) done(messageID string) {
	_, failed := t.open[messageID]
	delete(t.open, messageID)
	if !t.client || !failed {
		t.settle(1)
	}
}

func (i *inflight) idle(ctx context.Context) error {
	i.mu.Lock()
	quiet := i.quiet
	i.mu.Unlock()
	select {
	case <-quiet:
		return nil
	default:
	}
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *inflight) pending() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	sum := 0
	for _, each := range i.trackers {
		sum += each.state.Pending
	}
	return sum
}

func (i *inflight) state() []SubscriptionState {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []SubscriptionState
	for _, name := range slices.Sorted(maps.Keys(i.trackers)) {
		tracker := i.trackers[name]
		copied := tracker.state
		copied.DeadLettered = slices.Clone(copied.DeadLettered)
		copied.Unacknowledged = slices.SortedFunc(maps.Values(tracker.open), func(a, b Unacknowledged) int {
			return cmp.Compare(a.MessageID, b.MessageID)
		})
		all = append(all, copied)
	}
	return all
}
