// Package topic publishes to Pub/Sub and waits until the server has the message.
package topic

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/timeout"
)

// name is the full name of a topic. Source: pubsub/docs/pubsub-basics#resource_names.
var name = regexp.MustCompile(`^projects/([a-z][a-z0-9.:-]{4,60})/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)

// Valid reports whether s is a topic's full name, projects/P/topics/T.
func Valid(s string) bool { return name.MatchString(s) }

// Topic is a topic to publish to.
type Topic struct {
	client    *pubsub.Client
	publisher *pubsub.Publisher
	project   string
	name      string
	emulated  bool
	patience  time.Duration // how long a message may take to be stored
}

// publishPatience is how long a message may take to be stored; the library's own is a minute.
// The message that led to this one is delivered again.
const publishPatience = 10 * time.Second

// Open connects to a topic by its full name, at Google or, without
// credentials, at an emulator's host:port.
func Open(ctx context.Context, topic, emulator string) (*Topic, error) {
	match := name.FindStringSubmatch(topic)
	if match == nil {
		return nil, fmt.Errorf("topic %q is not a valid name: write projects/PROJECT/topics/TOPIC", topic)
	}
	var options []option.ClientOption
	if emulator != "" {
		options = append(options, option.WithEndpoint(emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	client, err := pubsub.NewClient(ctx, match[1], options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Pub/Sub: %w", err)
	}
	publisher := client.Publisher(topic)
	publisher.EnableMessageOrdering = true
	publisher.PublishSettings.Timeout = publishPatience
	publisher.PublishSettings.CountThreshold = 1 // each report is waited for, so none gains by waiting for others
	return &Topic{client: client, publisher: publisher, project: match[1], name: topic, emulated: emulator != "",
		patience: publishPatience}, nil
}

// Close flushes and disconnects.
func (t *Topic) Close() error {
	t.publisher.Stop()
	if err := t.client.Close(); err != nil {
		return fmt.Errorf("closing Pub/Sub: %w", err)
	}
	return nil
}

// Publish sends a report as a CloudEvent in the Pub/Sub protocol binding's
// binary mode: the event's attributes are message attributes, by which
// subscriptions can filter, and its data is the message's data. When Publish
// returns nil the message is stored.
func (t *Topic) Publish(ctx context.Context, r report.Report) error {
	event, err := r.Event(t.project)
	if err != nil {
		return err
	}
	return t.send(ctx, message(event))
}

// SendEvent publishes an event that is not a report, without an ordering key: it waits for no
// other.
func (t *Topic) SendEvent(ctx context.Context, event cloudevents.Event) error {
	unordered := message(event)
	unordered.OrderingKey = ""
	return t.send(ctx, unordered)
}

// Send publishes a text that is not a report, without an ordering key.
func (t *Topic) Send(ctx context.Context, data []byte) error {
	return t.send(ctx, &pubsub.Message{Data: data})
}

// publishes is the permission to publish. Source: pubsub/docs/access-control.
const publishes = "pubsub.topics.publish"

// Check asks whether the topic is there and we may publish to it. An emulator knows no
// permissions.
func (t *Topic) Check(ctx context.Context) error {
	ctx, cancel := timeout.With(ctx, clockwork.NewRealClock(), t.patience, "Pub/Sub")
	defer cancel()
	if t.emulated {
		if _, err := t.client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: t.name}); err != nil {
			return fmt.Errorf("looking for %s: %w", t.name, err)
		}
		return nil
	}
	answer, err := t.client.TopicAdminClient.TestIamPermissions(ctx,
		&iampb.TestIamPermissionsRequest{Resource: t.name, Permissions: []string{publishes}})
	switch {
	case err != nil:
		return fmt.Errorf("looking for %s: %w", t.name, err)
	case len(answer.GetPermissions()) == 0:
		return &fault.Error{Kind: fault.Denied, Permission: publishes,
			Err: fmt.Errorf("%s is missing on %s: grant roles/pubsub.publisher there", publishes, t.name)}
	}
	return nil
}

func (t *Topic) send(ctx context.Context, message *pubsub.Message) error {
	waiting, cancel := timeout.With(ctx, clockwork.NewRealClock(), t.patience, "Pub/Sub")
	defer cancel()
	if _, err := t.publisher.Publish(ctx, message).Get(waiting); err != nil {
		t.publisher.ResumePublish(message.OrderingKey) // an error pauses its key
		err = timeout.Explain(waiting, err)
		return &fault.Error{Kind: fault.Unavailable, Err: fmt.Errorf("publishing to %s: %w", t.publisher.ID(), err)}
	}
	return nil
}

// message binds an event to Pub/Sub. Source: the CloudEvents Pub/Sub protocol
// binding, binary content mode.
func message(event cloudevents.Event) *pubsub.Message {
	attributes := map[string]string{
		"ce-specversion": event.SpecVersion(), "ce-id": event.ID(), "ce-source": event.Source(), "ce-type": event.Type(),
		"ce-time": event.Time().Format("2006-01-02T15:04:05.999999999Z07:00"), "content-type": event.DataContentType(),
	}
	if event.DataSchema() != "" {
		attributes["ce-dataschema"] = event.DataSchema()
	}
	if event.Subject() != "" {
		attributes["ce-subject"] = event.Subject()
	}
	return &pubsub.Message{Data: event.Data(), Attributes: attributes, OrderingKey: event.Subject()}
}
