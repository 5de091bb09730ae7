package delivery

import (
	"fmt"
	"sync"
	"time"
)

// Bounds of a rule, so that a typing error does not stop everything.
const (
	maxRuleDuplicates = 100
	maxRuleDelay      = 10 * time.Minute
)

// overtaking is how long a message waits for the next one to overtake it.
const overtaking = time.Second

// Rule is what is to go wrong with the first attempts of one subscription's
// messages. Retries are left alone, so that every message arrives. The zero
// value of every field but Subscription disturbs nothing.
type Rule struct {
	Subscription string // projects/P/subscriptions/S
	// Duplicate is how many copies of each message are posted beside it.
	Duplicate int
	// Delay holds each message back.
	Delay time.Duration
	// Reorder swaps messages in pairs: the first waits until the second was
	// posted, or for a second when none comes. Messages of one ordering key
	// cannot overtake each other.
	Reorder bool
	// Count is how many messages are disturbed; 0 = all from now on.
	Count int
}

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	switch {
	case r.Duplicate < 0 || r.Duplicate > maxRuleDuplicates:
		return fmt.Errorf("duplicate is %d: write 0 to %d", r.Duplicate, maxRuleDuplicates)
	case r.Delay < 0 || r.Delay > maxRuleDelay:
		return fmt.Errorf("delay is %s: write 0s to %s", r.Delay, maxRuleDelay)
	case r.Count < 0:
		return fmt.Errorf("count is %d: write 0 for all messages, or how many", r.Count)
	}
	return nil
}

// Rules are the rules in force, one for each subscription. The zero value has
// none; it is safe for concurrent use.
type Rules struct {
	mu    sync.Mutex
	rules map[string]*ruled
}

// ruled is a rule at work.
type ruled struct {
	Rule
	used    int    // messages disturbed
	release func() // lets the message go that waits to be overtaken; nil = none waits
}

// Set puts a rule in force, in the place of the subscription's former one.
func (r *Rules) Set(rule Rule) error {
	if err := rule.Check(); err != nil {
		return fmt.Errorf("disturbing %s: %w", rule.Subscription, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rules == nil {
		r.rules = map[string]*ruled{}
	}
	r.rules[rule.Subscription] = &ruled{Rule: rule}
	return nil
}

// Clear ends all rules. What they hold back already comes in its time.
func (r *Rules) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = nil
}

// Disturb applies the rules to an attempt; it is what Broker.Disturb takes.
func (r *Rules) Disturb(attempt Attempt) Disturbance {
	r.mu.Lock()
	defer r.mu.Unlock()
	rule := r.rules[attempt.Subscription]
	if rule == nil || attempt.Number > 1 || rule.Count > 0 && rule.used == rule.Count {
		return Disturbance{}
	}
	rule.used++
	disturbed := Disturbance{Delay: rule.Delay, Copies: rule.Duplicate}
	if rule.Reorder {
		disturbed.Hold, disturbed.Done = rule.pair()
	}
	return disturbed
}

// pair gives the first of two messages something to wait for, and the second
// what ends the wait.
func (r *ruled) pair() (hold <-chan struct{}, done func()) {
	if release := r.release; release != nil {
		r.release = nil
		return nil, release
	}
	overtaken := make(chan struct{})
	once := sync.OnceFunc(func() { close(overtaken) })
	// The time is counted from when the message would go.
	alone := time.AfterFunc(r.Delay+overtaking, once)
	r.release = func() { alone.Stop(); once() }
	return overtaken, nil
}
