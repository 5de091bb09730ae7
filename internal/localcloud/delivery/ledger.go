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

// ledger counts, for each subscription served here, what is published and what
// is done with.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]*account // by subscription name
	quiet    chan struct{}       // closed while nothing is pending
}

// account is one subscription's page of the ledger.
type account struct {
	books *ledger
	state SubscriptionState
	open  map[string]Unacknowledged // by message id
}

func newLedger() *ledger {
	quiet := make(chan struct{})
	close(quiet)
	return &ledger{accounts: map[string]*account{}, quiet: quiet}
}

// watch opens a page for a subscription.
func (l *ledger) watch(subscription Subscription) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	page := &account{books: l, open: map[string]Unacknowledged{}, state: SubscriptionState{
		Name: subscription.Name, Topic: subscription.Topic, Endpoint: subscription.Endpoint,
	}}
	l.accounts[subscription.Name] = page
	return page
}

// forget closes a subscription's page with all that is pending on it.
func (l *ledger) forget(subscription string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.accounts, subscription)
	l.signal()
}

// published counts messages for every subscription of the topic; the returned
// function takes that back.
func (l *ledger) published(topic string, messages int) (takeBack func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var counted []*account
	for _, each := range l.accounts {
		if each.state.Topic == topic {
			each.state.Pending += messages
			counted = append(counted, each)
		}
	}
	l.signal()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, each := range counted {
			each.settle(messages)
		}
	}
}

// detach ends the counting for a topic that is deleted: its subscriptions keep
// what they have and get nothing more.
func (l *ledger) detach(topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, each := range l.accounts {
		if each.state.Topic == topic {
			each.state.Topic = "_deleted-topic_" // as Pub/Sub shows it
		}
	}
}

// signal opens or closes quiet. Its caller holds the lock.
func (l *ledger) signal() {
	busy := false
	for _, each := range l.accounts {
		busy = busy || each.state.Pending > 0
	}
	select {
	case <-l.quiet:
		if busy {
			l.quiet = make(chan struct{})
		}
	default:
		if !busy {
			close(l.quiet)
		}
	}
}

// settle takes messages off the page. A message that the backend delivers once
// more after it was done with was never counted again, hence the floor.
func (a *account) settle(messages int) {
	a.state.Pending = max(0, a.state.Pending-messages)
	a.books.signal()
}

// copied counts deliveries that no publisher asked for.
func (a *account) copied(copies int) {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	a.state.Pending += copies
	a.books.signal()
}

// attempted counts one post.
func (a *account) attempted() {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	a.state.Attempts++
}

// copyDone ends a copy: copies are not retried, whatever they came to.
func (a *account) copyDone() {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	a.settle(1)
}

func (a *account) failed(message Unacknowledged) {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	a.open[message.MessageID] = message
}

func (a *account) acknowledged(messageID string) {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	delete(a.open, messageID)
	a.state.Acknowledged++
	a.settle(1)
}

func (a *account) deadLettered(message Unacknowledged) {
	a.books.mu.Lock()
	defer a.books.mu.Unlock()
	delete(a.open, message.MessageID)
	a.state.DeadLettered = append(a.state.DeadLettered, message)
	if excess := len(a.state.DeadLettered) - keptDeadLetters; excess > 0 {
		a.state.DeadLettered = slices.Clone(a.state.DeadLettered[excess:])
	}
	a.settle(1)
}

func (l *ledger) idle(ctx context.Context) error {
	l.mu.Lock()
	quiet := l.quiet
	l.mu.Unlock()
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

func (l *ledger) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := 0
	for _, each := range l.accounts {
		sum += each.state.Pending
	}
	return sum
}

func (l *ledger) state() []SubscriptionState {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []SubscriptionState
	for _, name := range slices.Sorted(maps.Keys(l.accounts)) {
		page := l.accounts[name]
		copied := page.state
		copied.DeadLettered = slices.Clone(copied.DeadLettered)
		copied.Unacknowledged = slices.SortedFunc(maps.Values(page.open), func(a, b Unacknowledged) int {
			return cmp.Compare(a.MessageID, b.MessageID)
		})
		all = append(all, copied)
	}
	return all
}
