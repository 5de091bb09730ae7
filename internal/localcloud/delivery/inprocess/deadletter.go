package inprocess

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// DeadLetter is a message as it is forwarded to a dead-letter topic: with the
// attributes that Pub/Sub adds (pubsub/docs/dead-letter-topics).
func DeadLetter(of *pubsubpb.PubsubMessage, subscription string, deliveries int) *pubsubpb.PubsubMessage {
	attributes := map[string]string{}
	maps.Copy(attributes, of.GetAttributes())
	maps.Copy(attributes, map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount":       strconv.Itoa(deliveries),
		"CloudPubSubDeadLetterSourceSubscription":        shortName(subscription),
		"CloudPubSubDeadLetterSourceSubscriptionProject": strings.Split(subscription+"/", "/")[1],
		"CloudPubSubDeadLetterSourceTopicPublishTime":    PublishTime(of.GetPublishTime().AsTime()),
	})
	return &pubsubpb.PubsubMessage{Data: of.GetData(), Attributes: attributes, OrderingKey: of.GetOrderingKey()}
}

// PublishTime writes a time with milliseconds, as in Google's example of a push.
func PublishTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999Z07:00") }
