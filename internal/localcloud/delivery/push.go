package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

// maxOutstanding bounds how many messages of one subscription are held here,
// those that wait for another attempt included.
const maxOutstanding = 10_000

// retention is how long a message is tried for: Pub/Sub's default.
const retention = 7 * 24 * time.Hour

// Attempt is one delivery of one message to one endpoint.
type Attempt struct {
	Subscription string
	Number       int // 1 = the first
	MessageID    string
	PublishTime  time.Time
	Message
}

// Disturbance is what goes wrong with an attempt.
type Disturbance struct {
	// Delay holds the attempt back; messages with shorter delays overtake it.
	Delay time.Duration
	// Copies are posted beside it, each once: at-least-once delivery.
	Copies int
	// Hold holds the attempt back, after Delay, until it is closed; nil = not
	// at all.
	Hold <-chan struct{}
	// Done is called when the attempt was posted, or given up before; nil =
	// no callback.
	Done func()
}

// pushWorker serves one subscription.
type pushWorker struct {
	broker *Broker
	Subscription
	tracker *tracker
	client  *http.Client
	slots   chan struct{} // one for each post that may be under way

	stop   context.CancelFunc // ends pulling and pauses between attempts
	cut    context.CancelFunc // ends posts that are under way
	posts  context.Context
	copies sync.WaitGroup
	done   chan struct{}
	err    error // why pulling ended; read after done
}

func (b *Broker) serve(subscription Subscription) *pushWorker {
	pulling, stop := context.WithCancel(context.Background())
	posts, cut := context.WithCancel(context.Background())
	w := &pushWorker{
		broker: b, Subscription: subscription, tracker: b.inflight.watch(subscription),
		slots: make(chan struct{}, subscription.Concurrency),
		stop:  stop, cut: cut, posts: posts, done: make(chan struct{}),
	}
	transport := &http.Transport{MaxIdleConnsPerHost: subscription.Concurrency}
	if b.options.HTTPS != nil {
		// HTTP/2 would want to be registered for https itself.
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(true)
		transport.RegisterProtocol("https", b.options.HTTPS)
	}
	w.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	receiver := b.client.Subscriber(subscription.Name)
	receiver.ReceiveSettings = pubsub.ReceiveSettings{
		MaxOutstandingMessages: maxOutstanding, MaxExtension: retention, NumGoroutines: 1,
	}
	go func() {
		defer close(w.done)
		w.err = receiver.Receive(pulling, w.deliver)
		w.copies.Wait()
		w.client.CloseIdleConnections()
	}()
	return w
}

// wait returns when nothing is under way any more.
func (w *pushWorker) wait(ctx context.Context) error {
	select {
	case <-w.done:
	case <-ctx.Done():
		w.cut()
		<-w.done
	}
	w.cut()
	if w.err != nil {
		return fmt.Errorf("pulling from %q: %w", w.Name, w.err)
	}
	return nil
}

// deliver tries a message until it is done with, or until pulling ends.
func (w *pushWorker) deliver(pulling context.Context, pulled *pubsub.Message) {
	attempt := Attempt{
		Subscription: w.Name, MessageID: pulled.ID, PublishTime: pulled.PublishTime,
		Message: Message{Topic: w.Topic, Data: pulled.Data,
			Attributes: pulled.Attributes, OrderingKey: pulled.OrderingKey},
	}
	for attempt.Number = 1; ; attempt.Number++ {
		failure := w.try(pulling, attempt)
		if failure == nil {
			pulled.Ack()
			w.tracker.acknowledged(pulled.ID)
			return
		}
		failed := Unacknowledged{MessageID: pulled.ID, Attempts: attempt.Number, At: time.Now(), Why: failure.Error()}
		w.tracker.failed(failed)
		if w.Once {
			pulled.Ack()
			w.tracker.deadLettered(failed)
			return
		}
		if w.DeadLetterTopic != "" && attempt.Number >= w.MaxDeliveryAttempts {
			if w.deadLetter(attempt) == nil {
				pulled.Ack()
				w.tracker.deadLettered(failed)
				return
			}
		}
		if !pause(pulling, w.backoff(attempt.Number)) {
			pulled.Nack()
			return
		}
	}
}

// try posts once, disturbed as was asked for, and says why the message was not
// acknowledged.
func (w *pushWorker) try(pulling context.Context, attempt Attempt) error {
	disturbed := w.broker.disturbance(attempt)
	if disturbed.Done != nil {
		defer disturbed.Done()
	}
	if !pause(pulling, disturbed.Delay) || !released(pulling, disturbed.Hold) {
		return pulling.Err()
	}
	w.tracker.copied(disturbed.Copies)
	for range disturbed.Copies {
		w.copies.Go(func() {
			defer w.tracker.copyDone()
			_ = w.post(attempt) // a copy is not retried: the original is
		})
	}
	return w.post(attempt)
}

// post sends the message and judges the answer.
func (w *pushWorker) post(attempt Attempt) error {
	w.slots <- struct{}{}
	defer func() { <-w.slots }()
	w.tracker.attempted()
	if w.Export != (Export{}) {
		return w.broker.write(w.Export, attempt)
	}

	ctx, cancel := context.WithTimeoutCause(w.posts, w.AckDeadline,
		fmt.Errorf("the acknowledgement deadline of %s passed", w.AckDeadline))
	defer cancel()
	request, err := newPush(ctx, w.Subscription, attempt)
	if err == nil {
		err = w.authenticate(request)
	}
	if err != nil {
		return fmt.Errorf("making the push request: %w", err)
	}
	answer, err := w.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("posting to %s: %w", w.Endpoint, err)
	}
	defer answer.Body.Close()
	w.tracker.answered(answer.StatusCode)
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection is reused
	if !acknowledges(answer.StatusCode) {
		return fmt.Errorf("posting to %s: answered %s", w.Endpoint, answer.Status)
	}
	return nil
}

// write lets the writer of rows and objects have a message.
func (b *Broker) write(export Export, attempt Attempt) error {
	with := b.rows.Load()
	if with == nil {
		return fmt.Errorf("writing to %s%s: there is nothing that writes", export.Table, export.Bucket)
	}
	return (*with)(export, attempt)
}

// authenticate adds the identity token of the subscription's account, if it has one.
func (w *pushWorker) authenticate(request *http.Request) error {
	if w.Account == "" {
		return nil
	}
	if w.broker.options.Token == nil {
		return errors.New("this broker issues no tokens")
	}
	token, err := w.broker.options.Token(w.Account, cmp.Or(w.Audience, w.Endpoint))
	if err != nil {
		return fmt.Errorf("getting a token: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// acknowledges follows cloud.google.com/pubsub/docs/push. 102 is an interim
// answer in HTTP, and the client waits for the final one.
func acknowledges(status int) bool {
	switch status {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}

// deadLetter forwards a message that ran out of attempts.
func (w *pushWorker) deadLetter(attempt Attempt) error {
	letter := inprocess.DeadLetter(&pubsubpb.PubsubMessage{Data: attempt.Data, Attributes: attempt.Attributes,
		OrderingKey: attempt.OrderingKey, PublishTime: timestamppb.New(attempt.PublishTime)}, w.Name, attempt.Number)
	_, err := w.broker.Publish(w.posts, Message{Topic: w.DeadLetterTopic, Data: letter.GetData(),
		Attributes: letter.GetAttributes(), OrderingKey: letter.GetOrderingKey()})
	return err
}

// pause waits and reports whether it was not interrupted.
func pause(ctx context.Context, length time.Duration) bool {
	if length <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// released waits until a hold is over and reports whether it was not interrupted.
func released(ctx context.Context, hold <-chan struct{}) bool {
	if hold == nil {
		return true
	}
	select {
	case <-hold:
		return true
	case <-ctx.Done():
		return false
	}
}
