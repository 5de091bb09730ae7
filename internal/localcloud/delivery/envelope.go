package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

// wrapped is the JSON of a wrapped push. Names stand twice where Pub/Sub
// writes them twice (cloud.google.com/pubsub/docs/push).
type wrapped struct {
	Message         wrappedMessage `json:"message"`
	Subscription    string         `json:"subscription"`
	DeliveryAttempt int            `json:"deliveryAttempt,omitempty"` // only with a dead-letter topic
}

type wrappedMessage struct {
	Attributes      map[string]string `json:"attributes,omitempty"`
	Data            []byte            `json:"data,omitempty"`
	MessageID       string            `json:"messageId"`
	MessageIDAgain  string            `json:"message_id"`
	OrderingKey     string            `json:"orderingKey,omitempty"`
	PublishTime     string            `json:"publishTime"`
	PublishTimeSame string            `json:"publish_time"`
}

// newPush makes the request of one attempt.
func newPush(ctx context.Context, subscription Subscription, attempt Attempt) (*http.Request, error) {
	body, err := pushBody(subscription, attempt)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, subscription.Endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "CloudPubSub-Google")
	if subscription.NoWrapper && subscription.WriteMetadata {
		writeMetadata(request.Header, attempt)
	}
	return request, nil
}

func pushBody(subscription Subscription, attempt Attempt) ([]byte, error) {
	if subscription.NoWrapper {
		return attempt.Data, nil
	}
	envelope := wrapped{
		Subscription: subscription.Name,
		Message: wrappedMessage{
			Attributes: attempt.Attributes, Data: attempt.Data, OrderingKey: attempt.OrderingKey,
			MessageID: attempt.MessageID, MessageIDAgain: attempt.MessageID,
			PublishTime: inprocess.PublishTime(attempt.PublishTime), PublishTimeSame: inprocess.PublishTime(attempt.PublishTime),
		},
	}
	if subscription.DeadLetterTopic != "" {
		envelope.DeliveryAttempt = attempt.Number
	}
	return json.Marshal(envelope)
}

// writeMetadata puts attributes and metadata into headers
// (cloud.google.com/pubsub/docs/payload-unwrapping). An attribute that no
// header can carry is left out.
func writeMetadata(header http.Header, attempt Attempt) {
	for name, value := range attempt.Attributes {
		if isHeader(name, value) {
			header.Set(name, value)
		}
	}
	header.Set("x-goog-pubsub-subscription-name", attempt.Subscription)
	header.Set("x-goog-pubsub-message-id", attempt.MessageID)
	header.Set("x-goog-pubsub-publish-time", inprocess.PublishTime(attempt.PublishTime))
	if attempt.OrderingKey != "" {
		header.Set("x-goog-pubsub-ordering-key", attempt.OrderingKey)
	}
}

// isHeader reports whether RFC 9110 allows the name and the value in a header.
func isHeader(name, value string) bool {
	isToken := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	return isToken && !strings.ContainsFunc(value, func(r rune) bool {
		return r < ' ' && r != '\t' || r == 0x7f
	})
}
