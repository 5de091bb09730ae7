package pubsub

import (
	"bytes"
	"context"
	"encoding/json"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

type object = map[string]any

// Broker is where topics, subscriptions and messages are: a *delivery.Broker.
type Broker interface {
	// Address is the host:port of the same Pub/Sub over gRPC.
	Address() string
	// Invoke calls a gRPC method, /google.pubsub.v1.Publisher/CreateTopic.
	Invoke(ctx context.Context, method string, request, answer proto.Message) error
	// Contents are the topics and subscriptions that State shows.
	Contents() ([]*pubsubpb.Topic, []*pubsubpb.Subscription)
	// Backlogs are what subscriptions have that is not acknowledged.
	Backlogs() []inprocess.Backlog
	// State is what was pushed.
	State() []delivery.SubscriptionState
	// Reset deletes what clients have made.
	Reset()
	// Rows sets what writes the messages of subscriptions with a BigQuery table or a Cloud Storage bucket.
	Rows(write func(delivery.Export, delivery.Attempt) error)
}

// absent stands for a broker where there is none.
type absent struct{}

func (absent) Address() string                                         { return "" }
func (absent) Contents() ([]*pubsubpb.Topic, []*pubsubpb.Subscription) { return nil, nil }
func (absent) Backlogs() []inprocess.Backlog                           { return nil }
func (absent) State() []delivery.SubscriptionState                     { return nil }
func (absent) Reset()                                                  {}
func (absent) Rows(func(delivery.Export, delivery.Attempt) error)      {}
func (absent) Invoke(context.Context, string, proto.Message, proto.Message) error {
	return status.Error(codes.Unavailable, "This local cloud has no Pub/Sub broker.")
}

// New returns the API in front of a broker, whose subscriptions write their rows with
// rows. Without a broker, calls that are well-formed and allowed are answered 503.
func New(broker Broker, rows func(delivery.Export, delivery.Attempt) error) apiserver.API {
	if broker == nil {
		broker = absent{}
	}
	broker.Rows(rows)
	p := api{broker}
	return apiserver.API{Name: "pubsub", State: p.state, Reset: broker.Reset, Routes: p.routes()}
}

type api struct{ broker Broker }

// state shows topics and subscriptions, and of those that push how the latest attempt
// was answered.
func (p api) state() object {
	state := object{}
	topics, subscriptions := p.broker.Contents()
	for _, each := range topics {
		if shown, err := toJSON(each); err == nil { // what the broker holds came from such JSON
			state[each.GetName()] = shown
		}
	}
	for _, each := range subscriptions {
		if shown, err := toJSON(each); err == nil {
			state[each.GetName()] = shown
		}
	}
	for _, each := range p.broker.State() {
		if shown, ok := state[each.Name].(object); ok && each.LastAnswer != 0 {
			shown["lastAnswer"] = each.LastAnswer
		}
	}
	return state
}

// toJSON is a message in Google's JSON: int64 as strings, nothing that is empty.
func toJSON(message proto.Message) (object, error) {
	text, err := protojson.Marshal(message)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	shown := object{}
	return shown, decoder.Decode(&shown)
}
