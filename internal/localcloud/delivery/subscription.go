package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Subscription says what is pushed where. The zero value of every field after
// Endpoint is Pub/Sub's default.
type Subscription struct {
	Name     string // projects/P/subscriptions/S
	Topic    string // projects/P/topics/T; must exist
	Endpoint string // an http or https URL

	// AckDeadline is how long an endpoint may take to answer, by default 10 s.
	// Pub/Sub allows 10 s to 600 s; shorter ones are taken here for tests.
	AckDeadline time.Duration
	// MinBackoff and MaxBackoff bound the pause before another attempt: it
	// doubles from one to the other. By default 100 ms to 60 s, the slow start
	// of a subscription without a retry policy.
	MinBackoff, MaxBackoff time.Duration
	// Retention is how long Pub/Sub says that it keeps messages, zero = its default. Nothing
	// expires here.
	Retention time.Duration
	// DeadLetterTopic receives what was not acknowledged after
	// MaxDeliveryAttempts (5 to 100, by default 5); "" = tried for ever.
	DeadLetterTopic     string
	MaxDeliveryAttempts int
	// Once drops what the first attempt did not bring to be acknowledged: an
	// Eventarc trigger without retries.
	Once bool
	// Ordered delivers messages with the same ordering key one after another.
	Ordered bool

	// NoWrapper posts the bare data; with WriteMetadata attributes become
	// headers, which is how Eventarc's binary CloudEvents arrive.
	NoWrapper, WriteMetadata bool
	// Account is the service account whose identity token pushes carry, made out to
	// Audience; "" = they carry none. Audience "" is the endpoint
	// (pubsub/docs/authenticate-push-subscriptions).
	Account, Audience string
	// Export is where messages are written instead of being posted.
	Export Export
	// Concurrency bounds how many posts are under way at once, by default 16.
	Concurrency int

	// client is true of one that a client made, whose endpoint may refuse for ever:
	// Idle waits for the first attempt of its messages only.
	client bool
}

// Export is the BigQuery table of a subscription, and how messages become its rows, or the
// Cloud Storage bucket, and how messages become its objects; the zero value is neither.
// Source: pubsub/docs/bigquery, pubsub/docs/create-cloudstorage-subscription.
type Export struct {
	// Table is PROJECT.DATASET.TABLE or PROJECT:DATASET.TABLE.
	Table string
	// Fields writes a message's fields into columns of their names, Metadata its id, time,
	// attributes and subscription. DropUnknown leaves out fields that have no column.
	Fields, Metadata, DropUnknown bool

	// Bucket has no prefix such as gs://. Prefix, Datetime and Suffix make the names of
	// objects; Avro is whether they are in that format, and not text.
	Bucket, Prefix, Datetime, Suffix string
	Avro                             bool
}

// withDefaults fills in what was left open and refuses what Pub/Sub refuses.
func (s Subscription) withDefaults() (Subscription, error) {
	endpoint, err := url.Parse(s.Endpoint)
	if s.Export == (Export{}) && (err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return s, fmt.Errorf("push endpoint %q is not an http or https URL", s.Endpoint)
	}
	fill := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	fill(&s.AckDeadline, 10*time.Second)
	fill(&s.MinBackoff, 100*time.Millisecond)
	fill(&s.MaxBackoff, max(s.MinBackoff, 60*time.Second))
	if s.MaxDeliveryAttempts == 0 {
		s.MaxDeliveryAttempts = 5
	}
	if s.Concurrency == 0 {
		s.Concurrency = 16
	}
	switch {
	case s.AckDeadline < 0 || s.AckDeadline > 600*time.Second:
		return s, fmt.Errorf("acknowledgement deadline %s is not between 0 and 600s", s.AckDeadline)
	case s.MinBackoff < 0 || s.MaxBackoff > 600*time.Second || s.MinBackoff > s.MaxBackoff:
		return s, fmt.Errorf("backoff %s to %s is not within 0 to 600s", s.MinBackoff, s.MaxBackoff)
	case s.MaxDeliveryAttempts < 5 || s.MaxDeliveryAttempts > 100:
		return s, fmt.Errorf("%d delivery attempts are not between 5 and 100", s.MaxDeliveryAttempts)
	case s.Concurrency < 1:
		return s, fmt.Errorf("concurrency %d is below 1", s.Concurrency)
	}
	return s, nil
}

// backoff is the pause after a number of failed attempts. Pub/Sub adds jitter;
// here the pauses are the same every time, for the sake of tests.
func (s Subscription) backoff(failed int) time.Duration {
	pause := s.MinBackoff
	for range failed - 1 {
		if pause *= 2; pause >= s.MaxBackoff {
			return s.MaxBackoff
		}
	}
	return pause
}

// Push creates a subscription and serves it until it is removed or the broker
// is closed. A subscription of that name that the backend already has is
// replaced, with what was left in it: names belong to the local cloud.
func (b *Broker) Push(ctx context.Context, subscription Subscription) error {
	complete, err := subscription.withDefaults()
	if err != nil {
		return fmt.Errorf("creating subscription %q: %w", subscription.Name, err)
	}
	if err := b.reserve(complete.Name); err != nil {
		return fmt.Errorf("creating subscription %q: %w", complete.Name, err)
	}
	if err := b.createSubscription(ctx, complete); err != nil {
		b.mu.Lock()
		delete(b.serving, complete.Name)
		b.mu.Unlock()
		return fmt.Errorf("creating subscription %q: %w", complete.Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("creating subscription %q: %w", complete.Name, errClosed)
	}
	b.serving[complete.Name] = b.serve(complete)
	return nil
}

// Redirect changes endpoint and account of a subscription that Push made. All else stays as it
// is, what is left in it too. One of an emulator is made anew.
func (b *Broker) Redirect(ctx context.Context, to Subscription) error {
	complete, err := to.withDefaults()
	if err != nil {
		return fmt.Errorf("changing subscription %q: %w", to.Name, err)
	}
	if b.backend.server == nil {
		return errors.Join(b.Remove(ctx, to.Name), b.Push(ctx, to))
	}
	_, err = b.client.SubscriptionAdminClient.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{
		Subscription: b.resource(complete), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"push_config"}}})
	if err != nil {
		return fmt.Errorf("changing subscription %q: %w", to.Name, err)
	}
	return nil
}

// reserve takes a name, which keeps subscriptionChanged from serving it.
func (b *Broker) reserve(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	if _, taken := b.serving[name]; taken {
		return errors.New("it is being served already")
	}
	b.serving[name], b.wired[name] = nil, true
	return nil
}

// lease is how long an emulator waits for the puller of a message. It has
// nothing to do with the endpoint's acknowledgement deadline, which is kept
// here: the client prolongs its leases while a message is being tried, and what
// a stopped client still held comes back soon.
const lease = 10 * time.Second

// resource is the subscription as Pub/Sub shows it. An emulator would push by itself
// what has a push configuration.
func (b *Broker) resource(s Subscription) *pubsubpb.Subscription {
	if b.backend.server == nil {
		return &pubsubpb.Subscription{Name: s.Name, Topic: s.Topic, EnableMessageOrdering: s.Ordered,
			AckDeadlineSeconds: int32(lease / time.Second)}
	}
	config := &pubsubpb.PushConfig{PushEndpoint: s.Endpoint}
	if s.NoWrapper {
		config.Wrapper = &pubsubpb.PushConfig_NoWrapper_{
			NoWrapper: &pubsubpb.PushConfig_NoWrapper{WriteMetadata: s.WriteMetadata}}
	}
	if s.Account != "" {
		config.AuthenticationMethod = &pubsubpb.PushConfig_OidcToken_{
			OidcToken: &pubsubpb.PushConfig_OidcToken{ServiceAccountEmail: s.Account, Audience: s.Audience}}
	}
	shown := &pubsubpb.Subscription{Name: s.Name, Topic: s.Topic, EnableMessageOrdering: s.Ordered, PushConfig: config,
		// Pub/Sub has none below ten seconds; tests do.
		AckDeadlineSeconds: int32(max(s.AckDeadline, lease) / time.Second),
		RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(s.MinBackoff),
			MaximumBackoff: durationpb.New(s.MaxBackoff)},
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{}} // never
	if s.DeadLetterTopic != "" {
		shown.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: s.DeadLetterTopic,
			MaxDeliveryAttempts: int32(s.MaxDeliveryAttempts)}
	}
	if s.Retention > 0 {
		shown.MessageRetentionDuration = durationpb.New(s.Retention)
	}
	return shown
}

// subscriptionOf is resource's reverse. What Pub/Sub does not know stays as in old.
func subscriptionOf(shown *pubsubpb.Subscription, old Subscription) Subscription {
	config, table, bucket := shown.GetPushConfig(), shown.GetBigqueryConfig(), shown.GetCloudStorageConfig()
	return Subscription{
		Export: Export{Table: table.GetTable(), Fields: table.GetUseTableSchema() || table.GetUseTopicSchema(),
			Metadata: table.GetWriteMetadata(), DropUnknown: table.GetDropUnknownFields(),
			Bucket: bucket.GetBucket(), Prefix: bucket.GetFilenamePrefix(), Suffix: bucket.GetFilenameSuffix(),
			Datetime: bucket.GetFilenameDatetimeFormat(), Avro: bucket.GetAvroConfig() != nil},
		Name: shown.GetName(), Topic: shown.GetTopic(), Endpoint: config.GetPushEndpoint(),
		AckDeadline: time.Duration(shown.GetAckDeadlineSeconds()) * time.Second,
		MinBackoff:  shown.GetRetryPolicy().GetMinimumBackoff().AsDuration(),
		MaxBackoff:  shown.GetRetryPolicy().GetMaximumBackoff().AsDuration(),

		DeadLetterTopic:     shown.GetDeadLetterPolicy().GetDeadLetterTopic(),
		MaxDeliveryAttempts: int(shown.GetDeadLetterPolicy().GetMaxDeliveryAttempts()),

		Ordered: shown.GetEnableMessageOrdering(), NoWrapper: config.GetNoWrapper() != nil,
		WriteMetadata: config.GetNoWrapper().GetWriteMetadata(),
		Account:       config.GetOidcToken().GetServiceAccountEmail(), Audience: config.GetOidcToken().GetAudience(),
		Retention: old.Retention, Once: old.Once, Concurrency: old.Concurrency, client: old.client,
	}
}

// subscriptionChanged serves what a client has made of a subscription.
func (b *Broker) subscriptionChanged(name string, shown *pubsubpb.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	served, known := b.serving[name]
	if b.closed || known && served == nil { // Push is about to serve it
		return
	}
	old := Subscription{client: true}
	if served != nil {
		old = served.Subscription
	}
	next := subscriptionOf(shown, old)
	complete, err := next.withDefaults()
	switch {
	case shown.GetDetached() || err != nil: // it was deleted, detached, or is pulled from now on
		b.dismiss(name)
		b.inflight.forget(name)
	case served != nil && sameButTopic(complete, served.Subscription):
		b.inflight.watch(complete)
	default:
		b.dismiss(name)
		b.serving[name] = b.serve(complete)
	}
}

// sameButTopic reports whether serving the one is serving the other.
func sameButTopic(one, other Subscription) bool {
	one.Topic = other.Topic
	return one == other
}

// dismiss stops serving a subscription and lets posts that are under way end. The
// lock is held.
func (b *Broker) dismiss(name string) {
	served := b.serving[name]
	delete(b.serving, name)
	if served == nil {
		return
	}
	served.stop()
	b.leaving[served] = true
	go func() {
		<-served.done
		served.cut()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.leaving, served)
	}()
}

func (b *Broker) createSubscription(ctx context.Context, s Subscription) error {
	admin := b.client.SubscriptionAdminClient
	_, err := admin.CreateSubscription(ctx, b.resource(s))
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	if err := b.deleteSubscription(ctx, s.Name); err != nil {
		return fmt.Errorf("replacing the one that exists: %w", err)
	}
	_, err = admin.CreateSubscription(ctx, b.resource(s))
	return err
}

// Remove stops serving a subscription and deletes it with what is left in it.
// Attempts that are under way are waited for until the context ends.
func (b *Broker) Remove(ctx context.Context, name string) error {
	b.mu.Lock()
	served := b.serving[name]
	delete(b.serving, name)
	delete(b.wired, name)
	b.mu.Unlock()
	if served == nil {
		return fmt.Errorf("removing subscription %q: it is not served here", name)
	}
	served.stop()
	if err := served.wait(ctx); err != nil {
		return fmt.Errorf("removing subscription %q: %w", name, err)
	}
	b.inflight.forget(name)
	return b.deleteSubscription(ctx, name)
}

func (b *Broker) deleteSubscription(ctx context.Context, name string) error {
	err := b.client.SubscriptionAdminClient.DeleteSubscription(ctx,
		&pubsubpb.DeleteSubscriptionRequest{Subscription: name})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("removing subscription %q: %w", name, err)
	}
	return nil
}
