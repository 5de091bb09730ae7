package inprocess

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// subscription is a subscription with its messages. The server's lock guards it.
//
// A message is ready to be delivered; or leased, until its acknowledgement deadline,
// to one client; or pausing, as the retry policy says; or blocked behind a leased
// one with its ordering key.
type subscription struct {
	server *Server
	shown  *pubsubpb.Subscription
	topic  *topic // also after it was deleted
	filter filter // nil = everything

	ready    readyHeap
	leases   map[string]*entry   // by acknowledgement id
	held     map[string]int      // how many messages with an ordering key are leased or pausing
	blocked  map[string][]*entry // by ordering key
	pausing  map[*entry]bool
	retained []message     // acknowledged, oldest first
	changed  chan struct{} // closed, and made anew, when a message gets ready
}

// entry is one message in one subscription.
type entry struct {
	message
	deliveries int32
	ackID      string      // of the latest delivery; "" = not leased
	timer      *time.Timer // ends the lease or the pause; nil = neither
	stream     *stream     // that it is leased to; nil = none
	dropped    bool        // acknowledged or sought away
}

// readyHeap are the ready messages, the oldest first.
type readyHeap []*entry

func (h readyHeap) Len() int           { return len(h) }
func (h readyHeap) Less(i, j int) bool { return h[i].sequence < h[j].sequence }
func (h readyHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *readyHeap) Push(x any) { *h = append(*h, x.(*entry)) }

// Pop is heap.Interface's.
func (h *readyHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// queue adds published messages as far as the filter lets them through.
func (s *subscription) queue(published []message) {
	var fitting []message
	for _, each := range published {
		if s.filter == nil || s.filter(each.GetAttributes()) {
			fitting = append(fitting, each)
		}
	}
	if len(fitting) == 0 {
		return
	}
	if s.server.hooks.Queued != nil {
		s.server.hooks.Queued(s.shown.GetName(), len(fitting))
	}
	for _, each := range fitting {
		heap.Push(&s.ready, &entry{message: each})
	}
	s.signal()
}

// signal wakes everyone who waits for a message.
func (s *subscription) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *subscription) ordered(e *entry) bool {
	return s.shown.GetEnableMessageOrdering() && e.GetOrderingKey() != ""
}

// take leases up to so many ready messages. With an ordering key, those that follow a
// message may go with it, and not while it is held elsewhere.
func (s *subscription) take(most int, deadline time.Duration, to *stream) []*pubsubpb.ReceivedMessage {
	var taken []*pubsubpb.ReceivedMessage
	here := map[string]bool{}
	for len(taken) < most && s.ready.Len() > 0 {
		next := heap.Pop(&s.ready).(*entry)
		if next.dropped {
			continue
		}
		if key := next.GetOrderingKey(); s.ordered(next) {
			if s.held[key] > 0 && !here[key] {
				s.blocked[key] = append(s.blocked[key], next)
				continue
			}
			here[key] = true
			s.held[key]++
		}
		taken = append(taken, s.lease(next, deadline, to))
	}
	return taken
}

// lease delivers a message: until the deadline nobody else gets it.
func (s *subscription) lease(e *entry, deadline time.Duration, to *stream) *pubsubpb.ReceivedMessage {
	e.deliveries++
	e.ackID = strconv.FormatInt(e.sequence, 10) + ":" + strconv.Itoa(int(e.deliveries))
	e.stream = to
	if to != nil {
		to.held++
	}
	s.leases[e.ackID] = e
	s.expire(e, deadline)
	delivered := &pubsubpb.ReceivedMessage{AckId: e.ackID, Message: proto.CloneOf(e.PubsubMessage)}
	if s.shown.GetDeadLetterPolicy() != nil {
		delivered.DeliveryAttempt = e.deliveries
	}
	return delivered
}

// expire ends a lease after some time, unless it was ended or prolonged before.
func (s *subscription) expire(e *entry, after time.Duration) {
	if e.timer != nil {
		e.timer.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if e.timer == timer && e.ackID != "" {
			s.release(e)
		}
	})
	e.timer = timer
}

// unlease ends the lease of a message, which stays held.
func (s *subscription) unlease(e *entry) {
	delete(s.leases, e.ackID)
	e.ackID = ""
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	if e.stream != nil {
		e.stream.held--
		e.stream = nil
	}
}

// unhold lets the messages with an ordering key go on.
func (s *subscription) unhold(e *entry) {
	key := e.GetOrderingKey()
	if !s.ordered(e) {
		return
	}
	if s.held[key]--; s.held[key] > 0 {
		return
	}
	delete(s.held, key)
	for _, each := range s.blocked[key] {
		heap.Push(&s.ready, each)
	}
	delete(s.blocked, key)
}

// acknowledge is done with a message.
func (s *subscription) acknowledge(e *entry) {
	s.unlease(e)
	e.dropped = true
	if s.retains() {
		s.retain(e.message)
	}
	s.unhold(e)
	s.signal()
}

// retains reports whether acknowledged messages are kept for a seek.
func (s *subscription) retains() bool {
	return s.shown.GetRetainAckedMessages()
}

// retain keeps an acknowledged message in the order of publication.
func (s *subscription) retain(m message) {
	s.retained = younger(s.retained, s.shown.GetMessageRetentionDuration().AsDuration())
	at, _ := slices.BinarySearchFunc(s.retained, m.sequence, func(a message, b int64) int {
		return cmp.Compare(a.sequence, b)
	})
	s.retained = slices.Insert(s.retained, at, m)
}

// release ends a lease without an acknowledgement: the message is ready once more,
// after the pause of the retry policy, or a dead letter.
func (s *subscription) release(e *entry) {
	s.unlease(e)
	if s.deadLetter(e) {
		s.acknowledge(e)
		return
	}
	pause := s.backoff(e.deliveries)
	if pause == 0 {
		s.unpause(e)
		return
	}
	s.pausing[e] = true
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if s.pausing[e] && e.timer == timer {
			s.unpause(e)
		}
	})
	e.timer = timer
}

// unpause makes a message ready once more.
func (s *subscription) unpause(e *entry) {
	delete(s.pausing, e)
	e.timer = nil
	heap.Push(&s.ready, e)
	s.unhold(e)
	s.signal()
}

// backoff is the pause after so many deliveries: none without a retry policy.
func (s *subscription) backoff(deliveries int32) time.Duration {
	policy := s.shown.GetRetryPolicy()
	if policy == nil {
		return 0
	}
	pause, most := policy.GetMinimumBackoff().AsDuration(), policy.GetMaximumBackoff().AsDuration()
	for i := int32(1); i < deliveries && pause < most; i++ {
		pause *= 2
	}
	return min(pause, most)
}

// deadLetter forwards a message that ran out of delivery attempts, and reports
// whether it did.
func (s *subscription) deadLetter(e *entry) bool {
	policy := s.shown.GetDeadLetterPolicy()
	if policy == nil || e.deliveries < policy.GetMaxDeliveryAttempts() {
		return false
	}
	to := s.server.topics[policy.GetDeadLetterTopic()]
	if to == nil {
		return false
	}
	s.server.publish(to, []*pubsubpb.PubsubMessage{
		DeadLetter(e.PubsubMessage, s.shown.GetName(), int(e.deliveries))})
	return true
}

// every are all messages that are not acknowledged, oldest first.
func (s *subscription) every() []*entry {
	all := slices.Concat(s.ready, slices.Collect(maps.Values(s.leases)), slices.Collect(maps.Keys(s.pausing)))
	for _, each := range s.blocked {
		all = append(all, each...)
	}
	all = slices.DeleteFunc(all, func(e *entry) bool { return e.dropped })
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.sequence, b.sequence) })
	return all
}

// empty drops every message.
func (s *subscription) empty() {
	for _, each := range s.every() {
		each.dropped = true
		s.unlease(each)
	}
	s.ready, s.retained = nil, nil
	clear(s.held)
	clear(s.blocked)
	clear(s.pausing)
}

// close drops everything and ends those who wait.
func (s *subscription) close() {
	s.empty()
	s.signal()
}
